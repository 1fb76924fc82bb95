"""Is an answer the JSON that was asked for? By the grammar, and by the client's own schema where it sent one.

The schema comes from outside, and so does the answer. Nothing is fetched for either (a `$ref` that leads out of the
schema makes it unusable), patterns run only where their cost has a bound (`schema_pattern`), and all work on one answer
is counted in steps: one per keyword that is looked at, more for long texts and lists. An answer that cannot be checked
within the bounds is neither valid nor invalid: unknown, and counted.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from jsonschema import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from proxy.recorder.schema_pattern import steps_of
from proxy.wire.dialect import Asked
from proxy.wire.json_text import is_json

MAX_SCHEMA_BYTES: Final = 64 * 1024
MAX_ANSWER_CHARS: Final = 1024 * 1024
MAX_STEPS: Final = 10_000
"""Of one answer, and of looking a new schema over: a second or so at most, where each step follows a reference."""
MAX_REMEMBERED: Final = 256
"""Schemas that are kept ready, some ten kilobytes each; clients use few, and a stream of new ones must not grow it."""
_PATTERN_STEPS_PER_STEP: Final = 50
_CHARS_PER_STEP: Final = 64
_ITEMS_PER_STEP: Final = 8

_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
_DRAFTS: Final = (Draft202012Validator, Draft201909Validator, Draft7Validator, Draft6Validator, Draft4Validator)
_PATTERNED: Final = frozenset({"patternProperties", "additionalProperties", "unevaluatedProperties"})


class _Unusable(Exception):  # noqa: N818 - what a schema is, not a fault
    """Too much work, or work that has no bound."""


class _Work:
    """Steps that are left for the check under way."""

    def __init__(self) -> None:
        self.left = 0

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise _Unusable


class JsonChecker:
    """Checks answers; keeps the schemas that it has seen lately ready."""

    def __init__(self) -> None:
        self.unchecked = 0
        """Answers whose schema could not be used, or not within the bounds."""
        self._work = _Work()
        self._drafts: dict[str, Any] = {}
        self._ready: dict[bytes, Any] = {}

    def is_valid(self, text: str, asked: Asked) -> bool | None:
        """None where nothing says: no JSON was asked for, or the schema cannot be used."""
        if not asked.wants_json:
            return None
        if not is_json(text):
            return False
        if not asked.json_schema:
            return True
        verdict = self._check(text, asked.json_schema)
        self.unchecked += verdict is None
        return verdict

    def _check(self, text: str, schema: bytes) -> bool | None:
        if len(schema) > MAX_SCHEMA_BYTES or len(text) > MAX_ANSWER_CHARS:
            return None
        try:
            validator = self._validator(schema)
            if validator is None:
                return None
            self._work.left = MAX_STEPS
            return bool(validator.is_valid(msgspec.json.decode(text.encode("utf-8", "surrogatepass"))))
        except Exception:  # noqa: BLE001 - a schema may be wrong in any way; whatever the library makes of it is counted
            return None

    def _validator(self, schema: bytes) -> Any:
        """Ready for use; None when the schema is known to be of no use."""
        digest = hashlib.blake2b(schema, digest_size=16).digest()
        if digest in self._ready:
            # To the end of the line: the first one is the one that was not used for the longest time.
            validator = self._ready[digest] = self._ready.pop(digest)
            return validator
        if len(self._ready) >= MAX_REMEMBERED:
            del self._ready[next(iter(self._ready))]
        self._ready[digest] = None
        validator = self._ready[digest] = self._made(msgspec.json.decode(schema))
        return validator

    def _made(self, schema: Mapping[str, Any]) -> Any:
        draft = self._draft(schema.get("$schema"))
        self._work.left = MAX_STEPS
        if not draft(draft.META_SCHEMA).is_valid(schema):
            return None
        # A registry of its own: the library's default one would fetch what it does not know.
        return draft(schema, registry=Registry())

    def _draft(self, name: Any) -> Any:
        wanted = name.rstrip("#") if isinstance(name, str) else ""
        chosen = next((d for d in _DRAFTS if _id_of(d) == wanted), Draft202012Validator)
        key = _id_of(chosen)
        if key not in self._drafts:
            keywords = {word: _counted(word, check, self._work) for word, check in chosen.VALIDATORS.items()}
            self._drafts[key] = extend(chosen, keywords)  # type: ignore[no-untyped-call]
        return self._drafts[key]


def _id_of(draft: Any) -> str:
    schema = draft.META_SCHEMA
    return str(schema.get("$id") or schema.get("id")).rstrip("#")


def _counted(word: str, check: _Keyword, work: _Work) -> _Keyword:
    """The keyword as it is, but that it spends steps before it works."""

    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        work.spend(_cost(word, value, instance, schema))
        for error in check(validator, value, instance, schema) or ():
            # Each says what it complains about, in full.
            work.spend(len(error.message) // _CHARS_PER_STEP)
            yield error

    return counted


def _cost(word: str, value: Any, instance: Any, schema: Any) -> int:
    if word == "pattern" and isinstance(instance, str):
        return 1 + _pattern_cost(value, [instance])
    steps = 1
    if isinstance(instance, (list, dict)):
        steps += len(instance) // _ITEMS_PER_STEP
        if word == "uniqueItems" and value:
            # Each is compared with all others, to the last thing in it.
            steps += len(instance) * _size_of(instance) // _ITEMS_PER_STEP
        elif word in _PATTERNED and isinstance(instance, dict) and isinstance(schema, dict):
            patterns = schema.get("patternProperties")
            names = list(instance)
            steps += sum(_pattern_cost(p, names) for p in (patterns if isinstance(patterns, dict) else ()))
    if word == "enum" and isinstance(value, list):
        size = _size_of(instance)
        steps += (len(value) + size + _size_of(value, len(value) * size)) // _ITEMS_PER_STEP
    return steps


def _size_of(value: Any, most: int = MAX_STEPS * _ITEMS_PER_STEP) -> int:
    """Values in it, itself among them; no more are counted than `most`, which is what one check may look at."""
    waiting, size = [value], 0
    while waiting and size < most:
        part = waiting.pop()
        size += 1
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return size


def _pattern_cost(pattern: Any, texts: Sequence[str]) -> int:
    if not isinstance(pattern, str):
        raise _Unusable
    cost = 0
    for text in texts:
        steps = steps_of(pattern, len(text))
        if steps is None:
            raise _Unusable
        cost += 1 + steps // _PATTERN_STEPS_PER_STEP
    return cost
