"""File -> validated `Config`, or every fault at once with file, line, key and what is allowed."""

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.model import Config
from config.source import ConfigError, Fault, KeyPath, Source, key_text, read_source
from config.upstreams import Candidate, Primary

Upstream = TypeVar("Upstream", Primary, Candidate)


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
        }
    )


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
        faults += [fault for fault in _faults(source, error) if fault.key not in known and (fault.key or not known)]
    else:
        faults += [Fault(source.where(path), key_text(path), text) for path, text in _contradictions(config)]
        if not faults:
            return config
    raise ConfigError(sorted(faults, key=_line))


def _line(fault: Fault) -> int:
    number = fault.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


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
    for index, candidate in enumerate(config.candidates):
        for label in candidate.match.labels:
            if label not in config.labels:
                known = ", ".join(config.labels) or "there are none"
                path: KeyPath = ("candidates", index, "match", "labels", label)
                yield path, f"there is no label {label!r}; name it in `labels` (known: {known})"


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


def _faults(source: Source, error: ValidationError) -> list[Fault]:
    said: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_context=True):
        said.setdefault(_known_path(source.values, detail["loc"]), []).append(detail)
    return [Fault(source.where(path), key_text(path), _message(details)) for path, details in said.items()]


def _known_path(values: Any, loc: tuple[int | str, ...]) -> KeyPath:
    """Pydantic puts names of union members into the location; keep only what the file has (and one missing key)."""
    path: KeyPath = ()
    here = values
    for part in loc:
        if isinstance(here, dict) and (part != "[key]" or part in here):
            path = (*path, part)
            here = here.get(part) if isinstance(part, str) else None
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            path = (*path, part)
            here = here[part]
    return path


_WORDS = {
    "int": "write a whole number",
    "float": "write a number",
    "decimal": "write a number",
    "finite_number": "write a number",
    "bool": "write true or false",
    "tuple": "write a list, each entry on a line that begins with a dash",
    "list": "write a list, each entry on a line that begins with a dash",
    "dict": "write settings below it, each as `key: value`",
    "model": "write settings below it, each as `key: value`",
    "string_type": "write a text, in quotes if it looks like a number, a date or a truth value",
    "string_too_short": "write a text that is not empty",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write at least {ge}",
    "less_than": "write less than {lt}",
    "less_than_equal": "write at most {le}",
    "literal_error": "write {expected}",
}
"""What is allowed, by the beginning of pydantic's name for the fault; the longest that fits says it."""
_UNSHOWN = ("value_error", "string", "tuple", "list", "dict", "model")
"""Faults whose value is not repeated: it is no number or word, and may hold a secret."""


def _message(details: list[ErrorDetails]) -> str:
    """All that is said about one value; of a union, what each of its forms allows."""
    first = details[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key{_nearest(first['loc'])}"
    if first["type"] == "missing":
        return "is required"
    allowed = dict.fromkeys(_allowed(detail) for detail in details)
    text = ", or ".join([next(iter(allowed)), *(a.removeprefix("write ") for a in list(allowed)[1:])])
    if first["input"] is None:
        return f"has no value; {text}"
    if first["type"].startswith(_UNSHOWN) or not isinstance(first["input"], (int, float, str)):
        return text
    return f"{first['input']!r} does not fit; {text}"


def _allowed(detail: ErrorDetails) -> str:
    fitting = [name for name in _WORDS if detail["type"].startswith(name)]
    if not fitting:
        return detail["msg"].removeprefix("Value error, ")
    return _WORDS[max(fitting, key=len)].format(**detail.get("ctx", {}))


def _nearest(loc: tuple[int | str, ...]) -> str:
    known = _keys_at(Config, [part for part in loc[:-1] if isinstance(part, str)])
    close = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _keys_at(model: type[BaseModel], parts: list[str]) -> list[str]:
    """Keys of the model that a path leads to."""
    for part in parts:
        fields = {f.alias or name: f for name, f in model.model_fields.items()}
        if part not in fields:
            continue
        inner = _model_in(fields[part].annotation)
        if inner is None:
            return []
        model = inner
    return [f.alias or name for name, f in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class inside `X`, `X | None`, `tuple[X, ...]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for arg in get_args(annotation):
        inner = _model_in(arg)
        if inner is not None:
            return inner
    return None
