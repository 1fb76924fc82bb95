"""Rows of labels -> labels, or every fault with its place."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from analyzer.labels_in.columns import LABELS_FILE, RowCheck, pair_of, preference_of, says_something
from store.transfer.forms import Fault, PairsFileError
from store.transfer.json_form import row_of
from store.transfer.reading import PairsFile, PairsRow
from store.transfer.survey import Survey

MAX_ROWS = 200_000
"""Of one file: it is held in memory until every row is known to be sound."""

Said = tuple[UUID, str, str, str]
"""Request, candidate, labeler, rubric: what a person says one thing of."""


@dataclass(frozen=True, slots=True)
class FileLabel:
    """One label, as a file gives it."""

    place: str
    """`labels.csv:17`"""
    request_id: UUID
    candidate: str
    labeler: str
    rubric: str
    """Its id."""
    preference: float | None
    """-1 to 1, positive: the candidate is better."""
    score_primary: float | None
    score_candidate: float | None
    inclusion_probability: float | None
    rationale: str
    labeled_at: datetime | None
    """None: the file does not say."""

    @property
    def said(self) -> Said:
        """What it is about, and who says it."""
        return self.request_id, self.candidate, self.labeler, self.rubric


@dataclass(slots=True)
class FileOfLabels:
    """What a file holds."""

    labels: list[FileLabel] = field(default_factory=list)
    """Those without fault."""
    survey: Survey = field(default_factory=Survey)
    bad: int = 0
    """Rows with a fault."""
    unfilled: int = 0
    """Rows of a sheet that nobody has filled in."""

    def refuse(self, place: str, fault: Fault) -> None:
        """One more row is bad."""
        self.survey.add(place, fault)
        self.bad += 1


def read_labels(file: PairsFile, check: RowCheck, on_row: Callable[[int], None] = lambda _: None) -> FileOfLabels:
    """Reads a file to its end.

    Args:
        file: opened with the layout of labels and with `check`.
        check: also completes what rows leave out.
        on_row: hears how many rows are done.

    Raises:
        PairsFileError: it cannot be read to its end, or is too long.
    """

    def rows() -> Iterator[PairsRow]:
        for count, row in enumerate(file.rows(), 1):
            on_row(count)
            if count > MAX_ROWS:
                raise PairsFileError(f"{file.path}: more than {MAX_ROWS:,} rows; split it, and import the parts")
            yield row

    return labels_of_rows(rows(), check)


def rows_of_objects(objects: Iterable[Mapping[str, Any]], check: RowCheck) -> Iterator[PairsRow]:
    """Labels that a program says, objects of JSON with the columns of a file, as its rows: `labels[0]` is the first."""
    for index, values in enumerate(objects):
        row = row_of(index, values, LABELS_FILE)
        faults = (*row.faults, *check(row.values, is_whole=not row.faults))
        yield PairsRow(index, f"labels[{index}]", index, row.values, faults)


def labels_of_rows(rows: Iterable[PairsRow], check: RowCheck) -> FileOfLabels:
    """Labels of rows, those without fault; of the same pair, labeler and rubric the first."""
    found, first = FileOfLabels(), dict[Said, str]()
    for row in rows:
        found.survey.rows += 1
        if row.faults:
            found.bad += 1
            for fault in row.faults:
                found.survey.add(row.place, fault)
        elif not says_something(row.values):
            found.unfilled += 1
        else:
            label = _label(row, check)
            if label.said in first:
                text = f"the same pair, labeler and rubric as in {first[label.said]}"
                found.refuse(row.place, Fault("", text, "twin"))
            else:
                first[label.said] = row.place
                found.labels.append(label)
    return found


def _label(row: PairsRow, check: RowCheck) -> FileLabel:
    values: dict[str, Any] = row.values
    pair = pair_of(values)
    return FileLabel(
        place=row.place,
        request_id=pair.request_id,
        candidate=pair.candidate,
        labeler=(values.get("labeler") or "").strip() or check.labeler or "",
        rubric=check.rubric(values.get("rubric") or None),
        preference=preference_of(values),
        score_primary=values.get("score_primary"),
        score_candidate=values.get("score_candidate"),
        inclusion_probability=values.get("inclusion_probability"),
        rationale=values.get("rationale", ""),
        labeled_at=values.get("labeled_at"),
    )
