"""Columns of a file of labels, and what a row of one may not say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from analyzer.labels_in.key import KeyFault, Pointed, read_key
from analyzer.labels_in.rubrics import FEEDBACK
from store.tables import LABELS_HUMAN
from store.transfer.column_kinds import kind_of
from store.transfer.forms import Fault
from store.transfer.kinds import Text, shown
from store.transfer.layout import Field, Layout

KEY, WINNER = "key", "winner"
LOWEST_SCORE, HIGHEST_SCORE = 1.0, 10.0
"""Of one answer alone, as judges give them."""
MAX_RATIONALE_CHARS = 20_000
NAME_CHARS = 256
"""Of a labeler."""
FORWARD = timedelta(days=1)
"""Clocks and time zones of people may be ahead by so much; the newest label counts, so no other may be."""
_WRITTEN = (
    "request_id",
    "ts",
    "candidate",
    "experiment",
    "labeler",
    "rubric",
    "preference",
    "score_primary",
    "score_candidate",
    "inclusion_probability",
    "rationale",
    "labeled_at",
)
_OF_THE_PAIR = frozenset({"ts", "experiment", "block", "bucket", "labels"})
"""The store knows them by the pair."""
_OF_A_SHEET = frozenset({"prompt", "answer_a", "answer_b"})
_BLIND = MappingProxyType({"a": 1.0, "b": -1.0, "tie": 0.0})
"""Winner -> preference for the answer called `a`."""
_OPEN = MappingProxyType({"primary": -1.0, "candidate": 1.0, "tie": 0.0})
"""Winner -> preference for the candidate."""


def _field(name: str) -> Field:
    kind, may_be_null = kind_of(next(c.type for c in LABELS_HUMAN.columns if c.name == name))
    return Field(name, kind, may_be_null)


FIELDS = tuple(_field(name) for name in _WRITTEN)
"""What `labels export` writes, in this order."""
LABELS_FILE = Layout(
    MappingProxyType(
        {field.name: field for field in FIELDS if field.name not in _OF_THE_PAIR}
        | {name: Field(name, Text(), may_be_null=True) for name in (KEY, WINNER)}
    ),
    _OF_THE_PAIR | _OF_A_SHEET,
)
"""What `labels import` reads."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """What is wrong with a row of labels."""

    labeler: str | None
    """Of rows that name none; None: each has to."""
    rubric: Callable[[str | None], str]
    """A rubric's name -> its id; raises ValueError with what is allowed."""
    now: datetime

    def __call__(self, values: Mapping[str, Any], *, is_whole: bool) -> list[Fault]:
        """Every fault; see `store.transfer.reading.Check`."""
        return [*(self._missing(values) if is_whole else ()), *self._impossible(values)]

    def _missing(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        if not values.get(KEY):
            for name in ("request_id", "candidate"):
                if not values.get(name):
                    yield Fault(name, "missing; a row names its pair by request_id and candidate, or by a sheet's key")
        if self.labeler is None and not (values.get("labeler") or "").strip():
            yield Fault("labeler", "missing; say in each row who gave the label, or with --labeler for the whole file")
        if not values.get(KEY) and not says_something(values):
            yield Fault("", "says nothing; give winner, preference, or both scores", "silent")

    def _impossible(self, values: Mapping[str, Any]) -> Iterator[Fault]:
        yield from self._key_faults(values)
        yield from _verdict_faults(values)
        for name, low, high in (
            ("preference", -1.0, 1.0),
            ("score_primary", LOWEST_SCORE, HIGHEST_SCORE),
            ("score_candidate", LOWEST_SCORE, HIGHEST_SCORE),
        ):
            if name in values and not low <= values[name] <= high:
                yield Fault(name, f"{shown(values[name])} is not within {low:g} to {high:g}", "bounds")
        if "inclusion_probability" in values and not 0 < values["inclusion_probability"] <= 1:
            said = shown(values["inclusion_probability"])
            yield Fault("inclusion_probability", f"{said} is no probability above 0 and up to 1", "bounds")
        if len(values.get("rationale", "")) > MAX_RATIONALE_CHARS:
            yield Fault("rationale", f"longer than {MAX_RATIONALE_CHARS:,} characters; shorten it", "length")
        name = values.get("labeler", "")
        if not (name.isprintable() and len(name) <= NAME_CHARS):
            text = f"{shown(name)} has characters that cannot be printed, or more than {NAME_CHARS}"
            yield Fault("labeler", text, "name")
        if "labeled_at" in values and values["labeled_at"] > self.now + FORWARD:
            yield Fault("labeled_at", f"{values['labeled_at']:%Y-%m-%d %H:%M} UTC lies in the future", "future")
        try:
            self.rubric(values.get("rubric") or None)
        except ValueError as error:
            yield Fault("rubric", str(error), "rubric")

    @staticmethod
    def _key_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
        if not values.get(KEY):
            return
        beside = [name for name in ("request_id", "candidate", "preference") if name in values]
        if beside:
            yield Fault(KEY, f"names the pair, so {' and '.join(beside)} cannot stand beside it", "beside")
        try:
            read_key(values[KEY])
        except KeyFault as error:
            yield Fault(KEY, str(error), "key")


def _verdict_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    winner = _word(values)
    words = _BLIND if values.get(KEY) else _OPEN
    if winner and winner not in words:
        where = "with a key" if values.get(KEY) else "without the key of a sheet"
        yield Fault(WINNER, f"{shown(values[WINNER])} is none of {', '.join(words)} ({where})", "word")
    if winner and "preference" in values:
        yield Fault(WINNER, "stands beside preference; give one of the two", "twice")
    # Feedback is on the one answer that a user saw.
    is_feedback = values.get("rubric", "").startswith(FEEDBACK)
    if ("score_primary" in values) != ("score_candidate" in values) and not is_feedback:
        yield Fault("", "has the score of one answer only; give both, or none", "one score")


def says_something(values: Mapping[str, Any]) -> bool:
    """Is anything said of the pair?"""
    return bool(_word(values)) or "preference" in values or "score_candidate" in values or "score_primary" in values


def preference_of(values: Mapping[str, Any]) -> float | None:
    """-1 to 1, positive: the candidate is better; None: only scores are given. The row has no fault."""
    winner = _word(values)
    if not winner:
        preference: float | None = values.get("preference")
        return preference
    if not values.get(KEY):
        return _OPEN[winner]
    for_a = _BLIND[winner]
    return for_a if read_key(values[KEY]).candidate_is_a else -for_a


def pair_of(values: Mapping[str, Any]) -> Pointed:
    """The pair that a row without fault is about."""
    if values.get(KEY):
        return read_key(values[KEY])
    return Pointed(values["request_id"], values["candidate"], candidate_is_a=False)


def _word(values: Mapping[str, Any]) -> str:
    said: str = values.get(WINNER, "")
    return said.strip().lower()
