"""A file of pairs -> columns, in one reading: every row is checked, and what it leaves out is made or stays unknown.

- A row without `ts` has the time of its `block`, or the one that its request's id carries. Where only some rows have
  times, the others come before the file's own, in its order, as `import` has it. Where no row has one, runs of rows in
  the file's order stand in for time blocks (`places`).
- A row without `conversation` or `bucket` is a conversation of its own.
- Rows of the same request and candidate are one pair if each holds another judge's judgement; else they are a fault.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analyzer.filed.building import ColumnBuilder, TooManyExperiments
from analyzer.filed.columns import PairColumns
from analyzer.filed.judged import Judgements
from analyzer.filed.labels import MAX_LABELS, Labels
from analyzer.filed.places import Identity, Placing, all_timed, is_at_once
from analyzer.filed.repeats import Repeats
from analyzer.filed.source import FilePairs, Loaded
from analyzer.measures import Row
from store.transfer.completion import Origin, is_judged
from store.transfer.importing import JUDGE
from store.transfer.reading import PairsFile, same_pair
from store.transfer.survey import Survey

__all__ = ["RefusedRows", "TooManyExperiments", "read_pairs"]

_EVERY = 1000
"""Rows between two words on how far it is."""
_JUDGED = ("preference", "score_primary", "score_candidate")
_LENGTHS = ("candidate_chars", "primary_chars")


class RefusedRows(Exception):  # noqa: N818 - says what happened
    """Some rows cannot be; `survey` says which, and what is wrong with them."""

    def __init__(self, survey: Survey) -> None:
        super().__init__(f"{len(survey.faults) + survey.more_faults} faults")
        self.survey = survey


def read_pairs(
    file: PairsFile, *, block_s: float, experiment: str | None = None, on_row: Callable[[int], None] = lambda _: None
) -> FilePairs:
    """Reads a file to its end.

    Memory: 50 to 170 bytes a pair, by how many of its columns change, and half as much again while it is read, and 8
    bytes more of a row without `request_id`. Sums
    take some 100 bytes a pair while they are made.

    Args:
        file: of any form.
        block_s: length of a time block, for rows that name none.
        experiment: of rows that name none; None: one per candidate, called after the file.
        on_row: hears how many rows were read.

    Raises:
        PairsFileError: it cannot be read to its end.
        RefusedRows: with all faults of its rows.
        TooManyExperiments: it names more than a comparison is of.
    """
    reading = _Reading(Placing(Origin(file.digest(), 0, file.changed, block_s, experiment)))
    for row in file.rows():
        reading.survey.rows += 1
        for fault in row.faults:
            reading.survey.add(row.place, fault)
        if not reading.survey.faults:
            reading.add(row.index, row.number, row.values)
        if row.index % _EVERY == 0:
            on_row(reading.survey.rows)
    on_row(reading.survey.rows)
    return reading.finished(file)


@dataclass(slots=True)
class _Judged:
    """What judges said, row by row."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    judges: "array[int]" = field(default_factory=lambda: array("q"))
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    """Four of each row: what was said, and how much longer the candidate's answer is."""
    names: dict[str, int] = field(default_factory=dict)

    def add(self, index: int, values: Row) -> None:
        self.rows.append(index)
        self.judges.append(self.names.setdefault(str(values.get("judge") or JUDGE), len(self.names)))
        self.numbers.extend(_number(values.get(name)) for name in _JUDGED)
        candidate, primary = (_number(values.get(name)) for name in _LENGTHS)
        self.numbers.append(candidate - primary)

    def judgements(self, pair_of: Any) -> Judgements:
        """`pair_of`: pair by row."""
        numbers = np.array(self.numbers, dtype=np.float64).reshape(-1, len(_JUDGED) + 1)
        judges = np.array(self.judges, dtype=np.int64)
        preference, score_primary, score_candidate, longer = numbers.T
        pair = pair_of[np.array(self.rows, dtype=np.int64)]
        return Judgements(pair, preference, score_primary, score_candidate, longer, judges, tuple(self.names))


@dataclass(slots=True)
class _Reading:
    """Of one file."""

    placing: Placing
    survey: Survey = field(default_factory=Survey)
    builder: ColumnBuilder = field(default_factory=ColumnBuilder)
    judged: _Judged = field(default_factory=_Judged)
    identity: Identity = field(default_factory=Identity)
    repeats: Repeats = field(default_factory=Repeats)

    def add(self, index: int, number: int, values: dict[str, Any]) -> None:
        """One row without a fault."""
        self.builder.add(self.placing.placed(index, values))
        self.identity.add(index, number, values.get("request_id"))
        self.repeats.add(values)
        if is_judged(values):
            self.judged.add(index, values)

    def finished(self, file: PairsFile) -> FilePairs:
        """All of them."""
        if self.survey.faults:
            raise RefusedRows(self.survey)
        pairs, labels = self.builder.columns()
        candidates = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in self.builder.who))}
        candidate_of = np.array([candidates[name] for name, _ in self.builder.who], dtype=np.int64)
        twins = self.identity.twins(candidate_of[pairs.who] if len(pairs) else np.empty(0, dtype=np.int64))
        self._check(file, pairs, twins.first)
        times = all_timed(pairs, twins, self.identity, self.placing.origin)
        pairs = times.pairs.taken(twins.kept) if twins.is_any else times.pairs
        if twins.is_any:
            labels = {name: Labels(of.values, of.codes[twins.kept]) for name, of in labels.items()}
        loaded = Loaded(
            what=f"{file.form.form} file, sha256 {file.digest()}",
            pairs=pairs,
            labels=labels,
            who=tuple(self.builder.who),
            models=tuple(self.builder.models.codes),
            judgements=self.judged.judgements(twins.pair),
            rows=_Again(file, self.placing, twins.kept if twins.is_any else None),
            has_times=times.are_told,
            notes=(*times.notes, *self._notes(pairs)),
        )
        return FilePairs(loaded)

    def _check(self, file: PairsFile, pairs: PairColumns, first: Any) -> None:
        """Rows of one pair are of one experiment and hold judgements of different judges."""
        again = np.flatnonzero(first != np.arange(len(first)))
        if not len(again):
            return
        judges = dict(zip(self.judged.rows, self.judged.judges, strict=True))
        seen: dict[int, set[int | None]] = {}
        for row in again.tolist():
            one = int(first[row])
            known = seen.setdefault(one, {judges.get(one)})
            judge = judges.get(row)
            if None in known or judge is None or judge in known or pairs.who[row] != pairs.who[one]:
                again_at, first_at = (file.place_of(self.identity.numbers[i]) for i in (row, one))
                self.survey.add(again_at, same_pair(first_at))
            known.add(judge)
        if self.survey.faults:
            raise RefusedRows(self.survey)

    def _notes(self, pairs: PairColumns) -> Iterator[str]:
        if not len(pairs):
            yield "the file holds no pairs"
            return
        if self.placing.has_ts and is_at_once(pairs):
            yield (
                "all pairs have one and the same ts: they fall into one time block, and nothing can be told apart from "
                "the load of that moment. Leave ts out if it is not when the request began: runs of neighbouring "
                "requests then stand in for time blocks"
            )
        yield from self.repeats.notes(self.survey.rows)
        if not self.placing.has_conversations:
            yield (
                "the file names no conversations: each request counts as one of its own; where requests belong "
                "together, give the column conversation"
            )
        if self.builder.labels.left_out:
            left_out = ", ".join(sorted(self.builder.labels.left_out))
            yield f"only the first {MAX_LABELS} labels of the file are looked at; left out: {left_out}"


@dataclass(frozen=True, slots=True)
class _Again:
    """Reads the file once more: (number of the pair, row)."""

    file: PairsFile
    placing: Placing
    kept: Any
    """Rows that are the first of their pair, ascending; None: all."""

    def __call__(self) -> Iterator[tuple[int, Row]]:
        pair = 0
        for row in self.file.rows():
            if self.kept is None or (pair < len(self.kept) and self.kept[pair] == row.index):
                yield pair, self.placing.with_outcomes(row.index, row.values)
                pair += 1


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
