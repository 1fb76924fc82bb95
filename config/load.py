"""File -> validated `Config`, or every fault at once with file, line, key and what is allowed."""

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from config.judge import SHIPPED_RUBRICS, Embeddings, Judge, JudgeModel
from config.model import Config
from config.source import ConfigError, Fault, KeyPath, Source, key_text, read_source
from config.upstreams import Candidate, Primary
from config.views import Reports
from config.wording import found_faults, in_order
from record.model_names import same_model

Upstream = TypeVar("Upstream", Primary, Candidate, JudgeModel, Embeddings)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Reads a configuration file; relative directories in it start where the file lies.

    Raises:
        ConfigError: with all faults of the file.
    """
    source = read_source(path, environment)
    return located(validate(source), path.parent)


def located(config: Config, base: Path) -> Config:
    """The same configuration with its directories and files absolute."""
    base = base.resolve()
    capture = config.capture.model_copy(update={"dir": str(base / config.capture.dir)})
    store = config.store.model_copy(update={"dir": str(base / config.store.dir)})
    listen = config.listen
    if listen.tls is not None:
        files = {"cert": str(base / listen.tls.cert), "key": str(base / listen.tls.key)}
        listen = listen.model_copy(update={"tls": listen.tls.model_copy(update=files)})
    return config.model_copy(
        update={
            "capture": capture,
            "store": store,
            "listen": listen,
            "primary": _with_ca(config.primary, base),
            "candidates": tuple(_with_ca(c, base) for c in config.candidates),
            "reports": _located_reports(config.reports, base),
            "judge": None if config.judge is None else _located_judge(config.judge, base),
        }
    )


def _located_reports(reports: Reports | None, base: Path) -> Reports | None:
    return None if reports is None else reports.model_copy(update={"dir": str(base / reports.dir)})


def _located_judge(judge: Judge, base: Path) -> Judge:
    rubric = judge.rubric if judge.rubric in SHIPPED_RUBRICS else str(base / judge.rubric)
    embeddings = None if judge.embeddings is None else _with_ca(judge.embeddings, base)
    models = tuple(_with_ca(model, base) for model in judge.models)
    return judge.model_copy(update={"rubric": rubric, "models": models, "embeddings": embeddings})


def _with_ca(upstream: Upstream, base: Path) -> Upstream:
    if upstream.tls.ca is None:
        return upstream
    tls = upstream.tls.model_copy(update={"ca": str(base / upstream.tls.ca)})
    return upstream.model_copy(update={"tls": tls})


def validate(source: Source) -> Config:
    """Checks plain values.

    Raises:
        ConfigError: with all faults, in the order of the file.
    """
    faults = [*source.faults, *_clashes(source)]
    try:
        config = Config.model_validate(source.values)
    except ValidationError as error:
        known = {fault.key for fault in faults}  # an unset variable is no wrong address besides
        found = found_faults(source, error, Config)
        faults += [fault for fault in found if fault.key not in known and (fault.key or not known)]
    else:
        faults += [Fault(source.where(path), key_text(path), text) for path, text in _contradictions(config)]
        if not faults:
            return config
    raise ConfigError(in_order(faults))


def _clashes(source: Source) -> list[Fault]:
    """Names that two candidates bear; the model finds them too, but neither where nor among other faults."""
    candidates = source.values.get("candidates")
    primary = source.values.get("primary")
    taken = {primary.get("name", "primary") if isinstance(primary, dict) else "primary"}
    faults = []
    for index, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        name = candidate.get("name") if isinstance(candidate, dict) else None
        if isinstance(name, str) and name in taken:
            path: KeyPath = ("candidates", index, "name")
            text = f"two arms are called {name!r}; every arm needs its own name"
            faults.append(Fault(source.where(path), key_text(path), text))
        elif isinstance(name, str):
            taken.add(name)
    return faults


def _contradictions(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """Valid settings that exclude each other."""
    listen, admin = config.listen, config.admin
    if listen.port and listen.port == admin.port and _overlap(listen.host, admin.host):
        yield ("admin", "port"), f"{admin.port} is the port for clients (listen.port) too; choose another"
    if admin.token is None and not _is_loopback(admin.host):
        said = f"{admin.host} can be reached from other machines, so whoever pauses or reloads must say a secret"
        yield ("admin", "host"), f"{said}; set admin.token, or let the host be 127.0.0.1"
    primary = urlsplit(config.primary.url)
    port = primary.port or (443 if primary.scheme == "https" else 80)
    if port == listen.port and primary.hostname in _LOOPBACK and _overlap(listen.host, primary.hostname):
        said = f"is the address on which clients reach shadowbench itself (listen.port {port})"
        yield ("primary", "url"), f"{said}; name the gateway's address, or choose another listen.port"
    yield from _of_dashboard(config)
    yield from _of_judge(config)
    for index, candidate in enumerate(config.candidates):
        for label in candidate.match.labels:
            if label not in config.labels:
                known = ", ".join(config.labels) or "there are none"
                path: KeyPath = ("candidates", index, "match", "labels", label)
                yield path, f"there is no label {label!r}; name it in `labels` (known: {known})"


def _of_dashboard(config: Config) -> Iterator[tuple[KeyPath, str]]:
    listen, admin, dashboard = config.listen, config.admin, config.dashboard
    for other, name in ((listen, "listen"), (admin, "admin")):
        if dashboard.port and dashboard.port == other.port and _overlap(dashboard.host, other.host):
            yield ("dashboard", "port"), f"{dashboard.port} is {name}.port too; choose another"
    if dashboard.token is None and not _is_loopback(dashboard.host):
        said = f"{dashboard.host} can be reached from other machines, and pages show what people wrote"
        yield ("dashboard", "host"), f"{said}; set dashboard.token, or let the host be 127.0.0.1"


def _of_judge(config: Config) -> Iterator[tuple[KeyPath, str]]:
    if config.judge is None:
        return
    if config.privacy.bodies == "none":
        yield ("judge",), "nobody can judge texts that are not kept; set privacy.bodies to redacted, or remove judge"
    for index, judge in enumerate(config.judge.models):
        for candidate in config.candidates:
            if candidate.model is not None and same_model(judge.model, candidate.model):
                said = f"{judge.model} is what {candidate.name} runs, and nobody may judge himself; name another model"
                yield ("judge", "models", index, "model"), said


_ANY = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not listened on
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_loopback(host: str) -> bool:
    if host in _LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _overlap(one: str, other: str) -> bool:
    return one == other or one in _ANY or other in _ANY or {one, other} <= _LOOPBACK
