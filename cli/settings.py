"""A configuration from a file, or from the options of `serve`; every fault names its place."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.certificates import certificate_files, require_certificates
from config.load import located, validate
from config.model import Config
from config.source import ConfigError, Fault, KeyPath, Source, read_source

DEFAULT_FILE = Path("shadowbench.yaml")
DEFAULT_SAMPLE = "10%"
"""Share of a candidate given as an option without `sample=`: enough to see results soon, a tenth of the bill."""

_CANDIDATE_KEYS = ("model", "sample")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Addresses said as options; they come before the file."""

    listen: str | None = None
    """HOST:PORT or PORT."""
    admin: str | None = None
    dashboard: str | None = None


@dataclass(frozen=True, slots=True)
class _Said(Source):
    """Values of which some come from options."""

    options: dict[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """The option that said it, else the line of the file."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.options:
                return self.options[path[:length]]
        return Source.where(self, path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where each of its settings was said."""

    config: Config
    source: Source

    def files(self) -> tuple[Path, ...]:
        """Those whose change is taken up without being asked to: secrets, certificates, keys."""
        return (*self.source.files, *certificate_files(self.config))

    def usable(self) -> "Loaded":
        """Itself, after a look at the certificates, keys and authorities that it names.

        Raises:
            ConfigError: with every file that is of no use.
        """
        require_certificates(self.config, self.source)
        _require_telemetry(self.config, self.source)
        return self


def _require_telemetry(config: Config, source: Source) -> None:
    if config.telemetry is None:
        return
    from proxy.recorder.telemetry import is_installed  # noqa: PLC0415 - `serve` waits for it only where it is needed

    if not is_installed():
        raise ConfigError([Fault(source.where(("telemetry",)), "telemetry", "needs `pip install 'shadowbench[otel]'`")])


def from_file(path: Path | None, overrides: Overrides = Overrides()) -> Loaded:
    """Reads a file, `./shadowbench.yaml` when none is named.

    Raises:
        ConfigError: with all faults.
    """
    if path is None:
        path = DEFAULT_FILE
        if not path.exists():
            said = "is not here; name a file with -c FILE, or say --primary URL --candidate NAME=URL"
            raise ConfigError([Fault(f"./{path}", "", said)])
    source = _overridden(read_source(path), overrides)
    return Loaded(located(validate(source), path.parent), source)


def from_options(primary: str, candidates: Sequence[str], overrides: Overrides = Overrides()) -> Loaded:
    """A configuration without a file; its directories start where the command runs.

    Args:
        primary: address of the primary.
        candidates: each `NAME=URL[,model=M][,sample=F]`.

    Raises:
        ConfigError: with all faults, each naming its option.
    """
    faults: list[Fault] = []
    options: dict[KeyPath, str] = {("primary",): "--primary"}
    values: dict[str, Any] = {"primary": {"url": primary}, "candidates": []}
    for index, text in enumerate(candidates):
        options["candidates", index] = f"--candidate {_shown(text)}"
        values["candidates"].append(_candidate(text, faults))
    if faults:
        raise ConfigError(faults)
    source = _overridden(_Said("command line", values, {}, options=options), overrides)
    return Loaded(located(validate(source), Path.cwd()), source)


def _candidate(text: str, faults: list[Fault]) -> dict[str, Any]:
    def fault(message: str) -> None:
        faults.append(Fault(f"--candidate {_shown(text)}", "", message))

    first, *settings = text.split(",")
    name, equals, url = first.partition("=")
    if not equals or not name or "://" in name:
        fault("write NAME=URL[,model=M][,sample=F], for example llama=http://vllm:8000,model=llama-70b,sample=10%")
    values: dict[str, Any] = {"name": name, "url": url, "sample": DEFAULT_SAMPLE}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if key in _CANDIDATE_KEYS and equals:
            values[key] = value if key != "sample" else _share(value)
        else:
            close = difflib.get_close_matches(key, _CANDIDATE_KEYS, n=1)
            hint = f"; did you mean {close[0]}=?" if close else ""
            fault(f"{setting!r} is neither model=M nor sample=F{hint} (a file, -c, knows every other setting)")
    return values


def _shown(text: str) -> str:
    """An option without what may be a credential: user and password of an address, and its query."""
    return re.sub(r"\?[^,]*", "?...", re.sub(r"//[^/,]*@", "//...@", text))


def _share(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text  # `10%`, or a fault that the model words


def _overridden(source: Source, overrides: Overrides) -> Source:
    said = {"listen": overrides.listen, "admin": overrides.admin, "dashboard": overrides.dashboard}
    values = dict(source.values)
    options = dict(source.options) if isinstance(source, _Said) else {}
    for section, address in said.items():
        if address is not None:
            before = values.get(section)
            values[section] = {**(before if isinstance(before, dict) else {}), **_address(section, address)}
            options |= {(section, key): f"--{section}" for key in ("host", "port")}
    return _Said(source.origin, values, source.lines, source.faults, source.files, options)


def _address(section: str, text: str) -> dict[str, Any]:
    host, colon, port = text.rpartition(":")
    if not port.isdecimal():
        raise ConfigError([Fault(f"--{section} {text}", "", "write HOST:PORT or PORT, for example 127.0.0.1:8080")])
    return {"port": int(port)} | ({"host": host.strip("[]")} if colon and host else {})
