"""Which changed settings a running `serve` cannot take up."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.model import Config
from config.source import KeyPath


def needs_restart(old: Config, new: Config) -> list[KeyPath]:
    """Settings that differ and take effect at the next start alone, in the order of the model."""
    return list(_differing(old, new, ()))


def restart_note(field: FieldInfo) -> str | None:
    """`always` or `when set` (it may change, but not come or go) for a setting that needs a restart, else None."""
    extra = field.json_schema_extra
    note = extra.get("restart") if isinstance(extra, dict) else None
    return note if isinstance(note, str) else None


def _differing(old: BaseModel, new: BaseModel, path: KeyPath) -> Iterator[KeyPath]:
    for name, field in type(new).model_fields.items():
        before, after, here = getattr(old, name), getattr(new, name), (*path, field.alias or name)
        note = restart_note(field)
        if _is_fixed_change(note, before, after):
            yield here
        elif isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differing(before, after, here)


def _is_fixed_change(note: str | None, before: Any, after: Any) -> bool:
    if note is None or before == after:
        return False
    return note == "always" or (before is None) != (after is None)
