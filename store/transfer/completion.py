"""What a row of a file must say, and what is made where it says nothing. Unknown figures stay unknown."""

import copy
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from record.ids import as_uuid, uuid7_bytes
from record.outcome import Outcome
from store.tables import CANDIDATE_COLUMNS, PRIMARY_COLUMNS
from store.transfer.conversations import hash64
from store.transfer.forms import Fault
from store.transfer.kinds import LARGEST, shown
from store.transfer.layout import ARMS, CANDIDATE, JUDGED_FIELDS, PAIR_FIELDS, PRIMARY

_FIGURES = {
    arm: tuple(c.name for c in columns if c.name != f"{arm}_model" and not c.type.endswith("Bool"))
    for arm, columns in ((PRIMARY, PRIMARY_COLUMNS), (CANDIDATE, CANDIDATE_COLUMNS))
}
"""By which an arm is known."""
_JUDGED = tuple(field.name for field in JUDGED_FIELDS if field.name != "judge")
_OUTCOMES = frozenset(Outcome)
_BOUNDED = (
    ("sample_share", 0.0, 1.0),
    ("tool_call_agreement", 0.0, 1.0),
    ("preference", -1.0, 1.0),
    *((name, 0.0, LARGEST) for name in ("loop_lag_ms", "held_ms")),
    # Nothing ends before it began, and nobody is paid for asking.
    *((name, 0.0, LARGEST) for names in _FIGURES.values() for name in names if name.endswith(("_ms", "_cost_usd"))),
)
_HTTP_ERRORS = 400
_NAME_CHARS = 256
"""Of a name that stands in reports."""
_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE, _UNTIL = _EPOCH + timedelta(days=1), datetime(2105, 1, 1, tzinfo=UTC)


def faults_of(values: Mapping[str, Any], *, is_whole: bool = True) -> list[Fault]:
    """What a row lacks, or what cannot be.

    Args:
        values: what the file says, without what was refused already.
        is_whole: nothing was refused; else what is missing may be what was.
    """
    return [*(_missing(values) if is_whole else ()), *_impossible(values)]


def _missing(values: Mapping[str, Any]) -> Iterator[Fault]:
    if not values.get("candidate"):
        yield Fault("candidate", "missing; each row names the candidate that it compares with the primary")
    for arm in ARMS:
        if not _is_known(arm, values):
            yield Fault(f"{arm}_outcome", f"nothing is said of the {arm}; give this, or a figure of it")


def _impossible(values: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("candidate", "experiment"):
        if name in values and not (values[name].isprintable() and len(values[name]) <= _NAME_CHARS):
            text = f"{shown(values[name])} has characters that cannot be printed, or more than {_NAME_CHARS}"
            yield Fault(name, text, "name")
    for name in (f"{arm}_outcome" for arm in ARMS):
        if name in values and values[name] not in _OUTCOMES:
            yield Fault(name, f"{shown(values[name])} is none of {', '.join(Outcome)}", "word")
    for name, low, high in _BOUNDED:
        if name in values and not low <= values[name] <= high:
            yield Fault(name, f"{shown(values[name])} is not within {low:g} to {high:g}", "bounds")


def is_judged(values: Mapping[str, Any]) -> bool:
    """Does the row carry a judgement?"""
    return any(name in values for name in _JUDGED)


def _is_known(arm: str, values: Mapping[str, Any]) -> bool:
    return is_judged(values) or any(name in values for name in _FIGURES[arm])


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from; the same file gives the same ids, wherever and whenever it is read."""

    digest: str
    """SHA-256 of the file, hexadecimal."""
    rows: int
    end: datetime
    """After the time of the last row, where rows have none."""
    block_s: float
    """Length of a time block."""
    experiment: str | None = None
    """For rows that name none; None: one per candidate, called after the file."""

    def complete(self, index: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """All columns of `layout.PAIR_FIELDS`.

        Args:
            index: of the row, from 0.
            values: what the file says; `faults_of` found nothing.
        """
        made = {f.name: None if f.may_be_null else copy.copy(f.kind.unset) for f in PAIR_FIELDS}
        made |= {"sample_share": 1.0, "worker": "import"}
        known = values.get("request_id")
        ts = values.get("ts") or time_in(known) or self._time_of(index)
        request_id = known or self.id_of(index, ts)
        conversation = values.get("conversation", hash64(request_id.bytes))
        made |= {
            "request_id": request_id,
            "ts": ts,
            "experiment": self.experiment_of(values["candidate"]),
            "conversation": conversation,
            "block": self._block_of(ts),
            "bucket": conversation % 256,
        }
        made |= {f"{arm}_outcome": outcome_of(arm, values) for arm in ARMS}
        return made | {name: values[name] for name in made if name in values}

    def experiment_of(self, candidate: str) -> str:
        """For a row that names none."""
        return self.experiment or f"import-{self.digest[:12]}-{candidate}"

    def _time_of(self, index: int) -> datetime:
        """Rows without a time: in the file's order, a block each while they fit into the day before `end`."""
        step = min(timedelta(seconds=self.block_s), _DAY / max(1, self.rows))
        return self.end - step * (self.rows - index)

    def id_of(self, index: int, ts: datetime) -> UUID:
        """Of a row that names no request."""
        drawn = hashlib.blake2b(f"{self.digest}:{index}".encode(), digest_size=10).digest()
        return as_uuid(uuid7_bytes((ts - _EPOCH) // _MS, int.from_bytes(drawn, "big") >> 6))

    def _block_of(self, ts: datetime) -> datetime:
        length = timedelta(seconds=self.block_s)
        start = _EPOCH + length * ((ts - _EPOCH) // length)
        return start.replace(microsecond=0)


def time_in(request_id: UUID | None) -> datetime | None:
    """The time that a UUID of version 7 carries."""
    if request_id is None or request_id.version != 7:
        return None
    milliseconds = request_id.int >> 80
    at = _EPOCH + _MS * milliseconds if milliseconds < (_UNTIL - _EPOCH) // _MS else _EPOCH
    return at if at >= _SINCE else None


def outcome_of(arm: str, values: Mapping[str, Any]) -> str:
    """As the row says it, else by the status, else `ok`."""
    said, status = values.get(f"{arm}_outcome"), values.get(f"{arm}_status")
    if said is not None:
        return str(said)
    is_refused = status is not None and status >= _HTTP_ERRORS
    return (Outcome.HTTP_ERROR if is_refused else Outcome.OK).value
