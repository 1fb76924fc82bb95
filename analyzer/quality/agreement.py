"""How far judges agree with people, and people with each other: from rows of labels and of judgements.

Preferences count by their sign: win, tie or loss of the candidate. Where several people labelled a pair, they speak by
their most frequent verdict, and by a tie where there is none. A label is about a judgement when both are of one rubric;
the version does not matter, and a label without a rubric is about any.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Protocol
from uuid import UUID

from analyzer.quality.people import agreement as agreement_of
from analyzer.quality.people import among_people, sign_table
from analyzer.quality.results import Agreement
from store.comparison import Ask, Span, records
from store.judging.quality import judgements_of_labelled

MOST_PAIRS_OF_PEOPLE = 20
"""Those with most pairs in common."""
_VERSION = re.compile(r"@[0-9a-f]{8}\Z")
Key = tuple[UUID, str]
"""(request, candidate)"""


class Label(Protocol):
    """What one person said of a pair; `store.judging.rows.LabelRow` is one."""

    @property
    def request_id(self) -> UUID:
        """Request."""
        ...

    @property
    def candidate(self) -> str:
        """Candidate."""
        ...

    @property
    def labeler(self) -> str:
        """Who said it."""
        ...

    @property
    def rubric(self) -> str:
        """With or without its version; empty: none."""
        ...

    @property
    def preference(self) -> float | None:
        """Positive: the candidate is better; None: not said."""
        ...


class Judgement(Protocol):
    """What one judge said of a pair; `store.judging.rows.JudgementRow` is one."""

    @property
    def request_id(self) -> UUID:
        """Request."""
        ...

    @property
    def candidate(self) -> str:
        """Candidate."""
        ...

    @property
    def judge(self) -> str:
        """Empty below the rung `judge`: such rows do not count."""
        ...

    @property
    def rubric(self) -> str:
        """With its version."""
        ...

    @property
    def preference(self) -> float | None:
        """Positive: the candidate is better; None: only scores were given."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """One judge under one rubric, with people."""

    judge: str
    rubric: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class PeopleAgreement:
    """Two people on the pairs that both labelled."""

    first: str
    second: str
    agreement: Agreement
    """Rows: the first, columns: the second."""


@dataclass(frozen=True, slots=True)
class Agreements:
    """Of some labels and judgements."""

    labels: int
    pairs: int
    """Labelled."""
    people: int
    judges: tuple[JudgeAgreement, ...]
    """Those that share a pair with people; by judge and rubric."""
    among: Agreement | None
    """People with each other, whoever they are (Fleiss); None where no pair has two labels."""
    between: tuple[PeopleAgreement, ...]
    """Each two of them."""


def agreement(labels: Iterable[Label], judgements: Iterable[Judgement], *, level: float = 0.95) -> Agreements:
    """All of it.

    Args:
        labels: one per pair, person and rubric.
        judgements: one per pair, judge and rubric.
        level: of the intervals, which are for one look.
    """
    said = [label for label in labels if label.preference is not None]
    by_pair: dict[Key, list[Label]] = defaultdict(list)
    for label in said:
        by_pair[label.request_id, label.candidate].append(label)
    return Agreements(
        labels=len(said),
        pairs=len(by_pair),
        people=len({label.labeler for label in said}),
        judges=_judges(by_pair, judgements, level),
        among=among_people([Counter(map(_sign, of)) for of in by_pair.values()], level),
        between=_between(by_pair, level),
    )


def rubric_name(rubric: str) -> str:
    """`helpfulness` of `helpfulness@1a2b3c4d`."""
    return _VERSION.sub("", rubric)


def is_about(label_rubric: str, rubric: str) -> bool:
    """Is a label about what was judged by this rubric?"""
    return not label_rubric or rubric_name(label_rubric) == rubric_name(rubric)


def verdict_of(counts: Mapping[int, int]) -> int:
    """Of several people, from votes by sign: the most frequent; 0 where none is."""
    most = max(counts.values(), default=0)
    leading = [sign for sign, n in counts.items() if n == most]
    return leading[0] if len(leading) == 1 else 0


def _sign(label: Label) -> int:
    preference = label.preference or 0.0
    return (preference > 0) - (preference < 0)


def _judges(
    by_pair: Mapping[Key, Sequence[Label]], judgements: Iterable[Judgement], level: float
) -> tuple[JudgeAgreement, ...]:
    tables: dict[tuple[str, str], list[list[int]]] = {}
    for row in judgements:
        if not row.judge or row.preference is None:
            continue
        about = [x for x in by_pair.get((row.request_id, row.candidate), ()) if is_about(x.rubric, row.rubric)]
        if about:
            table = tables.setdefault((row.judge, row.rubric), [[0, 0, 0] for _ in range(3)])
            judged = (row.preference > 0) - (row.preference < 0)
            table[judged + 1][verdict_of(Counter(map(_sign, about))) + 1] += 1
    found = ((who, agreement_of(sign_table(rows), level)) for who, rows in sorted(tables.items()))
    return tuple(JudgeAgreement(*who, of) for who, of in found if of is not None)


def _between(by_pair: Mapping[Key, Sequence[Label]], level: float) -> tuple[PeopleAgreement, ...]:
    tables: dict[tuple[str, str], list[list[int]]] = {}
    for labels in by_pair.values():
        for one, other in combinations(sorted(labels, key=lambda label: label.labeler), 2):
            if one.labeler != other.labeler:
                table = tables.setdefault((one.labeler, other.labeler), [[0, 0, 0] for _ in range(3)])
                table[_sign(one) + 1][_sign(other) + 1] += 1
    found = ((who, agreement_of(sign_table(rows), level)) for who, rows in tables.items())
    known = [PeopleAgreement(*who, of) for who, of in found if of is not None]
    most = sorted(known, key=lambda two: (-two.agreement.n, two.first, two.second))
    return tuple(most[:MOST_PAIRS_OF_PEOPLE])


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """A `Judgement` as `judgements_of_labelled` reads it."""

    request_id: UUID
    candidate: str
    judge: str
    rubric: str
    preference: float | None


def stored_judgements(
    ask: Ask, since: datetime, until: datetime, *, candidate: str | None = None, rubric: str | None = None
) -> list[StoredJudgement]:
    """Newest judgements of the pairs that people labelled.

    Args:
        ask: runs a SELECT.
        since: first start of a request.
        until: first start that is left out.
        candidate: only of this one; None: of all.
        rubric: only by this one, with its version; None: by any.

    Raises:
        StoreError: no answer.
    """
    found = judgements_of_labelled(ask, Span(since, until), candidate=candidate, rubric=rubric)
    return [StoredJudgement(**row) for row in records(found)]
