"""The page of all settings, made from the configuration's own models."""

import types
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, JsonValue, SecretStr
from pydantic.fields import FieldInfo

from config.changes import restart_note
from config.model import Config
from config.scalars import parse_duration, parse_share, parse_size

_INTRODUCTION = """\
A YAML file; an unknown key is an error. `${NAME}`, `${NAME:-default}` and `${file:path}` are expanded.
Durations: `250ms`, `5s`, `10m`, `24h`, `14d`. Sizes: `64KiB`, `10GiB`. Shares: `10%` or `0.1`.
`shadowbench check` names every fault of a file.

A running `serve` takes changes up on SIGHUP, on `POST /api/v1/reload`, and by itself when a `${file:path}`, certificate
or key changes. What is marked *Restart* needs a restart; a reload that changes it is refused.
"""
_HEAD = ("| setting | type | default | meaning |", "|---|---|---|---|")
_SCALARS: Mapping[Callable[..., Any], str] = {parse_duration: "duration", parse_size: "size", parse_share: "share"}
_NAMES = {
    str: "text",
    SecretStr: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
}


def config_page(note: str) -> str:
    """Every setting: type, default, bounds, meaning. `note` stands below the title."""
    return "\n".join(["# Settings", note, "", _INTRODUCTION, *_section(Config, "")]) + "\n"


def _section(model: type[BaseModel], prefix: str) -> Iterator[str]:
    inner: list[tuple[str, str, type[BaseModel]]] = []
    rows = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        below = _model_in(field.annotation)
        if below is not None:
            inner.append((key, f"{field.description}{_restart(field)}", below))
        else:
            rows.append(f"| `{key}` | {_type(field)} | {_default(field)} | {field.description}{_restart(field)} |")
    if rows:
        yield from (*_HEAD, *rows, "")
    for key, description, below in inner:
        yield from (f"## {key}", "", description, "")
        yield from _section(below, f"{key}{_suffix(model, key)}.")


_RESTART = {"always": " *Restart.*", "when set": " *Restart* to set or unset it."}


def _restart(field: FieldInfo) -> str:
    note = restart_note(field)
    return _RESTART[note] if note is not None else ""


def _suffix(model: type[BaseModel], key: str) -> str:
    """`[]` after a list, `.NAME` after a mapping by name."""
    field = {f.alias or n: f for n, f in model.model_fields.items()}[key.rpartition(".")[2]]
    text = str(field.annotation)
    return "[]" if text.startswith("tuple[") else ".NAME" if text.startswith("dict[") else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _scalar(field: FieldInfo) -> str | None:
    """`duration`, `size` or `share`, for a setting that people write with a unit."""
    return next(
        (name for item in field.metadata for f, name in _SCALARS.items() if getattr(item, "func", 0) is f), None
    )


def _type(field: FieldInfo) -> str:
    name = _scalar(field) or _type_name(field.annotation)
    bounds = [text for item in field.metadata for text in _bounds(item)]
    return name if name == "share" else ", ".join([name, *bounds])


def _type_name(annotation: Any) -> str:
    if annotation in _NAMES:
        return _NAMES[annotation]
    if annotation is JsonValue:
        return "value"
    origin, args = get_origin(annotation), [a for a in get_args(annotation) if a not in {type(None), ...}]
    if origin is Literal:
        return " or ".join(f"`{a}`" for a in args)
    if origin is tuple:
        return f"list of {_type_name(args[0])}"
    if origin is dict:
        return f"mapping of name to {_type_name(args[1])}"
    if origin in {Union, types.UnionType}:
        return " or ".join(_type_name(a) for a in args)
    return _type_name(args[0])  # Annotated[X, ...]


def _bounds(item: object) -> Iterator[str]:
    match item:
        case annotated_types.Ge(ge=bound):
            yield f"at least {bound}"
        case annotated_types.Gt(gt=bound):
            yield f"above {bound}"
        case annotated_types.Le(le=bound):
            yield f"at most {bound}"
        case annotated_types.Lt(lt=bound):
            yield f"below {bound}"
        case annotated_types.Interval() | annotated_types.Len():
            for part in item:
                yield from _bounds(part)
        case _:
            return


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "unset"
    kind = _scalar(field)
    if kind == "duration":
        return f"`{_duration_text(value)}`"
    if kind == "size":
        return f"`{_size_text(value)}`"
    if isinstance(value, (tuple, dict)):
        return ", ".join(f"`{v}`" for v in value) or "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _duration_text(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds * 1000:g}ms"


def _size_text(n_bytes: int) -> str:
    for unit, length in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes % length == 0:
            return f"{n_bytes // length}{unit}"
    return f"{n_bytes}B"
