"""Faults that pydantic found, in words of ours: where, which key, and what is allowed."""

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.source import Fault, KeyPath, Source, key_text


def found_faults(
    source: Source, error: ValidationError, model: type[BaseModel], below: tuple[str, ...] = ()
) -> list[Fault]:
    """Each with file, line, key and what is allowed.

    Args:
        source: of the values that were checked.
        error: what was found in them.
        model: against which they were checked.
        below: the key whose value was checked; without one, the whole file.
    """
    said: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_context=True):
        said.setdefault(_known_path(source.values, (*below, *detail["loc"])), []).append(detail)
    return [Fault(source.where(path), key_text(path), _message(details, model)) for path, details in said.items()]


def in_order(faults: list[Fault]) -> list[Fault]:
    """As the file has them."""
    return sorted(faults, key=_line)


def _line(fault: Fault) -> int:
    number = fault.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


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


def _message(details: list[ErrorDetails], model: type[BaseModel]) -> str:
    """All that is said about one value; of a union, what each of its forms allows."""
    first = details[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key{_nearest(first['loc'], model)}"
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


def _nearest(loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    return nearest_key(str(loc[-1]), _keys_at(model, [part for part in loc[:-1] if isinstance(part, str)]))


def nearest_key(key: str, known: Sequence[str]) -> str:
    """`; did you mean 'sample'?`, or all that are known."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
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
