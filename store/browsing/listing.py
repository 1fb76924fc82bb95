"""A page of a list of pairs, and the neighbours of a pair in it.

A page is found in two steps: the keys of its pairs by as few columns as the question names, then the pairs by their
keys. Without filters the store has the newest pairs in order; else a bounded part of the window is looked through, and
the page says which.
"""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store import tables
from store.browsing.pairs import BrowsedPair, PairKey, judgements_at, labels_at, pairs_at
from store.browsing.stretch import LOOKED_AT, Stretch, held, stretch
from store.browsing.wanted import COUNTS, NEWEST, Wanted, judged_parameters
from store.comparison import Span, unix_us
from store.judged import judged_rubric
from store.judging.rows import JudgementRow, LabelRow
from store.parts import STARTED, Part
from store.reader import Reader

MAX_PAGE = 500
"""Pairs of one page."""
_MAX_BRANCHES = 50
"""Candidates and experiments that are read in the order of the table, each; of more a part of the window is sorted."""


class Position(NamedTuple):
    """A place in a list: that of a pair."""

    value: float
    """What the list is sorted by; 0 where that is the time alone."""
    ts: datetime
    request_id: UUID
    candidate: str

    @property
    def key(self) -> PairKey:
        """Of the pair."""
        return PairKey(self.ts, self.request_id, self.candidate)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list."""

    at: Position
    pair: BrowsedPair
    judgements: Sequence[JudgementRow]
    """By all judges and rubrics, the newest first."""
    labels: Sequence[LabelRow]


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, in its order."""

    pairs: tuple[Listed, ...]
    looked: Stretch
    """What was looked through; without filters there was no need to, and it is what was asked for."""
    has_before: bool
    """Pairs come before these in the list."""
    has_after: bool
    in_window: int
    """Pairs of the window, whatever is asked of them."""
    is_exact: bool
    """Is `in_window` counted? Else it is taken from whole time blocks, so there are about so many."""
    matching: int | None
    """Pairs of the stretch that are wanted; None: it was not looked through, or not from its begin."""


def page(
    reader: Reader,
    wanted: Wanted,
    *,
    after: Position | None = None,
    before: Position | None = None,
    limit: int = 50,
    most: int = LOOKED_AT,
) -> Page:
    """A page of a list.

    Args:
        reader: of the caller's thread.
        wanted: which pairs, and in which order.
        after: where the page before ended; None: from the top.
        before: where the page behind begins, to turn back; at most one of both.
        limit: pairs of a page, at most `MAX_PAGE`.
        most: pairs that are looked through.

    Raises:
        StoreError: no answer.
    """
    limit = max(1, min(limit, MAX_PAGE))
    edge = after or before
    backwards = after is None and before is not None
    inside = held(reader, wanted.span, wanted.candidates)
    question = _Question(wanted, inside.experiments, edge, backwards)
    looked = question.stretch(reader, most)
    parameters = question.parameters(reader, looked.span)
    at = question.places(reader, parameters, limit + 1)
    more, at = len(at) > limit, at[:limit]
    at = at[::-1] if backwards else at
    is_counted = not wanted.is_plain and (edge is None or wanted.sort != NEWEST)
    return Page(
        pairs=_lines(reader, at),
        looked=looked,
        has_before=more if backwards else edge is not None,
        has_after=more if not backwards else True,
        in_window=inside.pairs,
        is_exact=inside.is_exact,
        matching=question.number(reader, parameters) if is_counted else None,
    )


def neighbours(
    reader: Reader, wanted: Wanted, at: Position, *, most: int = LOOKED_AT
) -> tuple[Position | None, Position | None]:
    """The pairs before and after a place of a list; None: there is none in what is looked through.

    Raises:
        StoreError: no answer.
    """
    inside = held(reader, wanted.span, wanted.candidates)
    found: list[Position | None] = []
    for backwards in (True, False):
        question = _Question(wanted, inside.experiments, at, backwards)
        parameters = question.parameters(reader, question.stretch(reader, most).span)
        found.append(next(iter(question.places(reader, parameters, 1)), None))
    return found[0], found[1]


def place_of(reader: Reader, wanted: Wanted, key: PairKey) -> Position | None:
    """Where a pair stands in a list; None: it is not in it, or has no place in this order.

    Raises:
        StoreError: no answer.
    """
    if wanted.sort == NEWEST:
        return Position(0.0, *key)
    of_one = replace(wanted, span=Span(key.ts, _next(key.ts)), candidates=(key.candidate,))
    question = _Question(of_one, (), None, backwards=False)
    found = question.places(reader, question.parameters(reader, of_one.span), MAX_PAGE)
    return next((position for position in found if position.key == key), None)


def _next(moment: datetime) -> datetime:
    return moment + datetime.resolution


def _lines(reader: Reader, at: Sequence[Position]) -> tuple[Listed, ...]:
    keys = [position.key for position in at]
    pairs = pairs_at(reader, keys)
    judgements, labels = judgements_at(reader, keys), labels_at(reader, keys)
    return tuple(
        Listed(position, pairs[key], judgements[key], labels[key])
        for position, key in zip(at, keys, strict=True)
        if key in pairs
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """A list, asked from one place in one direction."""

    wanted: Wanted
    experiments: tuple[tuple[str, str], ...]
    edge: Position | None
    backwards: bool

    def stretch(self, reader: Reader, most: int) -> Stretch:
        """What is looked through: in the order of time, from the edge on."""
        wanted, span, edge = self.wanted, self.wanted.span, self.edge
        is_by_time = wanted.sort == NEWEST
        if edge is not None and is_by_time:
            here = max(span.since, min(edge.ts, span.until))
            span = Span(here, span.until) if self.backwards else Span(span.since, min(_next(here), span.until))
        if self._is_in_order:
            return Stretch(span, is_all=True)
        from_begin = self.backwards and is_by_time
        return stretch(reader, replace(wanted, span=span), most=most, from_begin=from_begin)

    def parameters(self, reader: Reader, span: Span) -> Mapping[str, Any]:
        """Of its statements, over one part of the window."""
        wanted = self.wanted
        parameters: dict[str, Any] = {
            **span.parameters(),
            **wanted.parameters(),
            "candidates": list(wanted.candidates),
        }
        for k, (candidate, experiment) in enumerate(self.experiments[:_MAX_BRANCHES]):
            parameters |= {f"c{k}": candidate, f"e{k}": experiment}
        if self.edge is not None:
            value, ts, request, candidate = self.edge
            parameters |= {
                "edge_value": repr(value),
                "edge_us": unix_us(ts),
                "edge_id": str(request),
                "edge_who": candidate,
            }
        if wanted.asks_judges:
            parameters |= judged_parameters(judged_rubric(reader.columns, Part(span, by_block=False)))
        return parameters

    @property
    def _is_in_order(self) -> bool:
        """Does the store have the list in its order, so that nothing is looked through?"""
        return self.wanted.is_plain and len(self.experiments) <= _MAX_BRANCHES

    def places(self, reader: Reader, parameters: Mapping[str, Any], limit: int) -> list[Position]:
        """The next ones, from the edge on."""
        columns = reader.columns(self._statement(limit), parameters)
        rows = zip(*(columns[name] for name in ("value", "ts", "request_id", "candidate")), strict=True)
        return [Position(float(value), ts, request, candidate) for value, ts, request, candidate in rows]

    def number(self, reader: Reader, parameters: Mapping[str, Any]) -> int:
        """Of all that are wanted, wherever the edge is."""
        found = reader.columns(f"SELECT count() AS n FROM ({self._rows(is_cut=False)})", parameters)
        return int(found["n"][0])

    def _statement(self, limit: int) -> str:
        order = "value, ts, request_id, candidate DESC" if self.backwards else (
            "value DESC, ts DESC, request_id DESC, candidate"
        )  # fmt: skip
        if self._is_in_order and self.experiments:
            # Within one candidate and experiment the table is in the order of time: the first rows are read, not all.
            own = "ts, request_id" if self.backwards else "ts DESC, request_id DESC"
            rows = " UNION ALL ".join(
                f"SELECT * FROM ({self._rows(f'candidate = {{c{k}:String}} AND experiment = {{e{k}:String}}')} "
                f"ORDER BY {own} LIMIT {limit})"
                for k in range(len(self.experiments))
            )
        else:
            rows = self._rows()
        return f"SELECT value, ts, request_id, candidate FROM ({rows}) ORDER BY {order} LIMIT {limit}"

    def _rows(self, who: str | None = None, *, is_cut: bool = True) -> str:
        """All that are wanted; those behind the edge, if it is cut there."""
        wanted = self.wanted
        if who is None:
            who = "candidate IN {candidates:Array(String)}" if wanted.candidates else "1"
        behind = self._behind() if is_cut else "1"
        if wanted.is_by_verdict:
            of_pairs = f"{STARTED} AND {who} AND {wanted.of_pairs}"
            also = "" if wanted.of_pairs == "1" else (
                f" AND (request_id, candidate) GLOBAL IN (SELECT request_id, candidate FROM {tables.PAIRS.name} "
                f"WHERE {of_pairs})"
            )  # fmt: skip
            also += "" if wanted.is_of_group else f" AND {wanted.of_others}"
            return (
                f"SELECT {wanted.value} AS value, ts, request_id, candidate FROM {tables.JUDGEMENTS.name} FINAL "
                f"WHERE {COUNTS} AND {who}{also} GROUP BY ts, request_id, candidate "
                f"HAVING {wanted.of_group} AND {behind}"
            )
        return (
            f"SELECT {wanted.value} AS value, ts, request_id, candidate FROM {tables.PAIRS.name} "
            f"WHERE {STARTED} AND {who} AND {wanted.of_pairs} AND {wanted.of_others} AND {wanted.has_value} "
            f"AND {behind}"
        )

    def _behind(self) -> str:
        if self.edge is None:
            return "1"
        sign, other = (">", "<") if self.backwards else ("<", ">")
        edge = "fromUnixTimestamp64Micro({edge_us:Int64}, 'UTC'), {edge_id:UUID}"
        if self.wanted.sort == NEWEST:
            here, there = "(ts, request_id)", f"({edge})"
        else:
            here, there = "(assumeNotNull(value), ts, request_id)", f"({{edge_value:Float64}}, {edge})"
        return f"({here} {sign} {there} OR ({here} = {there} AND toString(candidate) {other} {{edge_who:String}}))"
