"""Labels of a file -> rows that the store lacks. Every pair has to be there; nothing is stored twice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from analyzer.labels_in.reading import FileLabel, FileOfLabels, Said
from store.judging.due import PAIRS_PER_QUESTION
from store.judging.labels import Identity, labels, pairs_of
from store.judging.rows import LabelRow
from store.reader import Reader
from store.transfer.forms import Fault

_CHUNK_ROWS = 2000
"""Rows between two looks at how far it is."""
_TICK = timedelta(microseconds=1)

Clean = Callable[[str], str]
"""A rationale as it may be stored."""


@dataclass(slots=True)
class Planned:
    """What an import would do."""

    rows: list[LabelRow] = field(default_factory=list)
    """New ones, and such that replace what the same person said before."""
    replaced: int = 0
    """Of these, how many replace something."""
    already_there: int = 0
    older: int = 0
    """Labels that the same person has replaced since."""


def plan_import(reader: Reader, found: FileOfLabels, clean: Clean, now: datetime) -> Planned:
    """Looks for every pair, and for what its labelers said before.

    Args:
        reader: of the store.
        found: labels of a file; those whose pair is unknown become faults of it.
        clean: for rationales.
        now: when labels were given whose file does not say it.

    Raises:
        StoreError: the store does not answer.
    """
    known = pairs_of(reader, {label.request_id for label in found.labels})
    sound = []
    for label in found.labels:
        if (label.request_id, label.candidate) in known:
            sound.append(label)
        else:
            text = f"no pair of request {label.request_id} and candidate {label.candidate!r} is in the store"
            found.refuse(label.place, Fault("", text, "unknown pair"))
    found.labels = sound
    before = _said_before(reader, [known[label.request_id, label.candidate] for label in sound], sound)
    planned = Planned()
    for label in sound:
        row = _row(label, known[label.request_id, label.candidate], clean, now)
        earlier = before.get(label.said)
        if earlier is not None and _same(earlier, row, label):
            planned.already_there += 1
        elif earlier is not None and earlier.labeled_at >= row.labeled_at:
            planned.older += 1
        else:
            planned.rows.append(row)
            planned.replaced += earlier is not None
    return planned


def _said_before(reader: Reader, pairs: Sequence[Identity], found: Sequence[FileLabel]) -> dict[Said, LabelRow]:
    """The newest label of each person, pair and rubric."""
    if not pairs:
        return {}
    asked = {label.said for label in found}
    before: dict[Said, LabelRow] = {}
    ordered = sorted(pairs, key=lambda pair: pair.ts)
    for begin in range(0, len(ordered), PAIRS_PER_QUESTION):
        some = ordered[begin : begin + PAIRS_PER_QUESTION]
        rows = labels(reader, some[0].ts, some[-1].ts + _TICK, requests=[pair.request_id for pair in some])
        before |= {said: row for row in rows if (said := _said(row)) in asked}
    return before


def _said(row: LabelRow) -> Said:
    return row.request_id, row.candidate, row.labeler, row.rubric


def _row(label: FileLabel, pair: Identity, clean: Clean, now: datetime) -> LabelRow:
    return LabelRow(
        request_id=label.request_id,
        ts=pair.ts,
        candidate=label.candidate,
        experiment=pair.experiment,
        block=pair.block,
        bucket=pair.bucket,
        labels=pair.labels,
        labeler=label.labeler,
        rubric=label.rubric,
        preference=label.preference,
        score_primary=label.score_primary,
        score_candidate=label.score_candidate,
        inclusion_probability=label.inclusion_probability,
        rationale=clean(label.rationale) if label.rationale else "",
        labeled_at=label.labeled_at or _milliseconds(now),
    )


def _milliseconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def _same(earlier: LabelRow, row: LabelRow, label: FileLabel) -> bool:
    """Does it say what is stored already? A time counts where the file gives one."""
    says = ("preference", "score_primary", "score_candidate", "inclusion_probability", "rationale")
    if label.labeled_at is not None and earlier.labeled_at != row.labeled_at:
        return False
    return all(getattr(earlier, name) == getattr(row, name) for name in says)


def chunks(rows: Sequence[LabelRow]) -> Iterator[Sequence[LabelRow]]:
    """Rows that are stored together."""
    return (rows[first : first + _CHUNK_ROWS] for first in range(0, len(rows), _CHUNK_ROWS))
