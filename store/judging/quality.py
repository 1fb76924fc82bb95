"""What is asked about judgements to know what they are worth: verdicts by judge, order, length and person.

Reads only. Each question is about one experiment and one rubric, whose rows lie together. Verdicts are summed up by
time and by conversation bucket, like everything that an interval is made for; single values are read of a sample drawn
by hash. Calls to judges are asked about in `conduct`.
"""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store import tables
from store.comparison import Ask, Columns, Span
from store.judged import SETTLED
from store.parts import STARTED, Part

_MINE = "candidate = {candidate:String} AND experiment = {experiment:String}"
_SETTLED = f"rung IN ({', '.join(repr(rung) for rung in SETTLED)})"
_VERSION = re.compile(r"@[0-9a-f]{8}\Z")
UNKNOWN_SIGN = 9
"""Of a preference that was not given."""
SAMPLED_ROWS = 20_000
"""Judgements of one experiment whose single values are read, and labelled pairs likewise."""
MOST_MODELS = 20
"""Names of a judge's model."""
MOST_PATTERNS = 1_000
"""Ways in which several people may have split over a pair."""
_WON = "multiIf({0} > 0, 1., {0} = 0, 0.5, 0.)"
"""A verdict as a win: 1, a tie 1/2, a loss 0."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Judgements of one experiment by one rubric."""

    part: Part
    candidate: str
    experiment: str
    rubric: str
    """With its version."""
    first_us: int
    last_us: int
    """Pairs that free rungs settled count from the first to the last one that a judge was asked about."""

    @property
    def by_judges(self) -> str:
        """Which rows of `judgements` are a judge's."""
        return f"{self.part.condition} AND {_MINE} AND rubric = {{rubric:String}} AND NOT {_SETTLED}"

    @property
    def by_rungs(self) -> str:
        """Which rows a free rung made."""
        within = "toUnixTimestamp64Micro(ts) BETWEEN {first_us:Int64} AND {last_us:Int64}"
        return f"{self.part.condition} AND {_MINE} AND {_SETTLED} AND {within}"

    @property
    def by_people(self) -> str:
        """Which rows of `labels_human` are about the same question: of the rubric in any version, or of none."""
        same = "rubric IN ('', {rubric:String}, {rubric_name:String}) OR startsWith(rubric, {rubric_of:String})"
        return f"{self.part.condition} AND {_MINE} AND ({same})"

    def parameters(self) -> dict[str, Any]:
        """Of all three."""
        name = _VERSION.sub("", self.rubric)
        return {
            **self.part.parameters(),
            "candidate": self.candidate,
            "experiment": self.experiment,
            "rubric": self.rubric,
            "rubric_name": name,
            "rubric_of": f"{name}@",
            "first_us": self.first_us,
            "last_us": self.last_us,
        }

    @property
    def span(self) -> Span:
        """Of the pairs."""
        return self.part.span


def _sign(column: str) -> str:
    return f"if(isNull({column}), {UNKNOWN_SIGN}, toInt8(sign(assumeNotNull({column}))))"


def verdict_counts(ask: Ask, of: Judged) -> Columns:
    """Judgements by what they say, free rungs among them.

    `rung`, `judge`, `judge_model`; `said`, `pc`, `cp`: signs of the preference, of that with the primary first, and
    with the candidate first (`UNKNOWN_SIGN`: not given); `n`, `scored`, `score_primary`, `score_candidate` (sums over
    the scored).
    """
    return ask(
        f"SELECT rung, judge, judge_model, {_sign('preference')} AS said, {_sign('preference_pc')} AS pc, "
        f"{_sign('preference_cp')} AS cp, count() AS n, "
        "countIf(isNotNull(score_primary) AND isNotNull(score_candidate)) AS scored, "
        "sumIf(ifNull(score_primary, 0), isNotNull(score_candidate)) AS primary_sum, "
        "sumIf(ifNull(score_candidate, 0), isNotNull(score_primary)) AS candidate_sum "
        f"FROM {tables.JUDGEMENTS.name} FINAL WHERE ({of.by_judges}) OR ({of.by_rungs}) "
        "GROUP BY rung, judge, judge_model, said, pc, cp ORDER BY rung, judge, judge_model, said, pc, cp",
        of.parameters(),
    )


def _of_judges(of: Judged) -> str:
    """Each judge's newest verdict on a pair: `request_id`, `judge`, `block`, `bucket`, `f`, `w`."""
    return (
        "SELECT request_id, judge, block, bucket, assumeNotNull(preference) AS f, 1 / inclusion_probability AS w "
        f"FROM {tables.JUDGEMENTS.name} FINAL WHERE {of.by_judges} AND isNotNull(preference) "
        "AND isFinite(preference) AND inclusion_probability > 0"
    )


def _of_pairs(of: Judged, *, judges: int) -> str:
    """The mean of a pair's judges: `request_id`, `block`, `bucket`, `f`, `w`."""
    rows = _of_judges(of)
    if judges < 2:
        return rows
    return (
        "SELECT request_id, any(a_block) AS block, any(a_bucket) AS bucket, avg(f) AS f, max(w) AS w "
        f"FROM (SELECT *, block AS a_block, bucket AS a_bucket FROM ({rows})) GROUP BY request_id"
    )


def _of_people(of: Judged) -> str:
    """What people said of each pair: `request_id`, `y`, `y_won` (means over them), `wins`, `ties`, `losses`."""
    won = _WON.format("preference")
    return (
        f"SELECT request_id, avg(assumeNotNull(preference)) AS y, avg({won}) AS y_won, "
        "countIf(preference > 0) AS wins, countIf(preference = 0) AS ties, countIf(preference < 0) AS losses "
        f"FROM {tables.LABELS_HUMAN.name} FINAL WHERE {of.by_people} "
        "AND isNotNull(preference) AND isFinite(preference) GROUP BY request_id"
    )


_VERDICT_OF_PEOPLE = "multiIf(wins > ties AND wins > losses, 1, losses > wins AND losses > ties, -1, 0)"
"""Of one pair: the most frequent; a tie where none is."""


def of_judges(ask: Ask, of: Judged, *, step_s: int) -> Columns:
    """Each judge by group (see `_grouped`), keyed by `judge`: the win, and 0."""
    rows = f"SELECT judge, block, bucket, w, {_WON.format('f')} AS a_0, 0. AS b_0 FROM ({_of_judges(of)})"
    return _grouped(ask, rows, ("judge",), of, step_s=step_s, values=1)


def against_people(ask: Ask, of: Judged, *, step_s: int) -> Columns:
    """Each judge beside people, on the pairs that both saw, keyed by `judge`: the judge's preference, theirs."""
    rows = (
        "SELECT judge, block, bucket, w, f AS a_0, y AS b_0 "
        f"FROM ({_of_judges(of)}) AS j GLOBAL INNER JOIN ({_of_people(of)}) AS p ON j.request_id = p.request_id"
    )
    return _grouped(ask, rows, ("judge",), of, step_s=step_s, values=1)


def between_judges(ask: Ask, of: Judged, *, step_s: int) -> Columns:
    """Each two judges on the pairs that both judged, keyed by `first` and `second`: preference of each."""
    panels = (
        "SELECT any(a_block) AS block, any(a_bucket) AS bucket, max(w) AS w, groupArray((judge, f)) AS panel "
        f"FROM (SELECT *, block AS a_block, bucket AS a_bucket FROM ({_of_judges(of)})) "
        "GROUP BY request_id HAVING length(panel) > 1"
    )
    rows = (
        "SELECT one.1 AS first, other.1 AS second, block, bucket, w, one.2 AS a_0, other.2 AS b_0 "
        f"FROM (SELECT *, arrayJoin(panel) AS one FROM ({panels})) ARRAY JOIN panel AS other WHERE one.1 < other.1"
    )
    return _grouped(ask, rows, ("first", "second"), of, step_s=step_s, values=1)


PARTS = ("settled", "judged", "labelled")
"""Pairs by who knows them: a free rung; judges alone; judges and people."""


def corrections(ask: Ask, of: Judged, *, judges: int, has_labels: bool, step_s: int) -> Columns:
    """All pairs by group, keyed by `part` (place in `PARTS`); values are the preference, and the win.

    Of settled and judged pairs the first of each is what the rung or the mean of the judges says, the second 0. Of
    labelled ones the first is what people say, the second what the judges do.

    Args:
        ask: runs a SELECT.
        of: which judgements.
        judges: how many there are.
        has_labels: False: there is no need to look for labels.
        step_s: length of a time step.
    """
    settled = (
        "SELECT request_id, block, bucket, assumeNotNull(preference) AS f, 1. AS w, 1 AS is_settled "
        f"FROM {tables.JUDGEMENTS.name} FINAL WHERE {of.by_rungs} AND isNotNull(preference)"
    )
    judged = f"SELECT request_id, block, bucket, f, w, 0 AS is_settled FROM ({_of_pairs(of, judges=judges)})"
    every = f"{judged} UNION ALL {settled}"
    won = _WON.format("f")
    if not has_labels:
        rows = (
            "SELECT if(is_settled, 0, 1) AS part, block, bucket, w, "
            f"f AS a_0, 0. AS b_0, {won} AS a_1, 0. AS b_1 FROM ({every})"
        )
        return _grouped(ask, rows, ("part",), of, step_s=step_s, values=2)
    rows = (
        "SELECT multiIf(is_settled, 0, has_label, 2, 1) AS part, block, bucket, w, "
        f"if(part = 2, y, f) AS a_0, if(part = 2, f, 0.) AS b_0, "
        f"if(part = 2, y_won, {won}) AS a_1, if(part = 2, {won}, 0.) AS b_1 "
        f"FROM ({every}) AS j GLOBAL LEFT JOIN (SELECT *, 1 AS has_label FROM ({_of_people(of)})) AS p "
        "ON j.request_id = p.request_id"
    )
    return _grouped(ask, rows, ("part",), of, step_s=step_s, values=2)


PRODUCTS = (("a", "a"), ("a", "b"), ("a", "w"), ("b", "b"), ("b", "w"))


def _grouped(ask: Ask, rows: str, keys: Sequence[str], of: Judged, *, step_s: int, values: int) -> Columns:
    """Weighted sums of pairs of values (a_k, b_k) by time step and by bucket, ordered by their keys.

    The keys, `time_s` (start of a step; 0 in rows of a bucket), `bucket`, `n`, `w`, `ww` (sums of w and of w^2), and of
    each k `a_k`, `b_k` (sums of w times the value), `aa_k`, `ab_k`, `aw_k`, `bb_k`, `bw_k` (sums of products of these).
    """
    sums = ["count() AS n", "sum(weight) AS w", "sum(weight * weight) AS ww"]
    for k in range(values):
        sums += [f"sum(weight * v_{x}_{k}) AS {x}_{k}" for x in "ab"]
        sums += [
            f"sum(weight * weight * v_{x}_{k}{'' if y == 'w' else f' * v_{y}_{k}'}) AS {x}{y}_{k}" for x, y in PRODUCTS
        ]
    by = ", ".join(keys)
    # A sum must not bear the name of what it adds up.
    taken = ", ".join(f"{x}_{k} AS v_{x}_{k}" for k in range(values) for x in "ab")
    return ask(
        f"SELECT {by}, time_s, bucket, {', '.join(sums)} "
        f"FROM (SELECT {by}, intDiv(toUnixTimestamp(block), {int(step_s)}) * {int(step_s)} AS time_s, bucket, "
        f"w AS weight, {taken} FROM ({rows})) "
        f"GROUP BY GROUPING SETS (({by}, time_s), ({by}, bucket)) ORDER BY {by}, time_s, bucket",
        of.parameters(),
    )


def label_patterns(ask: Ask, of: Judged) -> Columns:
    """Labelled pairs by how people split: `wins`, `ties`, `losses`, `pairs`; all of them, judged or not."""
    return ask(
        f"SELECT wins, ties, losses, count() AS pairs FROM ({_of_people(of)}) "
        f"GROUP BY wins, ties, losses ORDER BY pairs DESC, wins, ties, losses LIMIT {MOST_PATTERNS}",
        of.parameters(),
    )


def labelers(ask: Ask, of: Judged) -> int:
    """How many people labelled pairs."""
    found = ask(
        f"SELECT uniqExact(labeler) AS n FROM {tables.LABELS_HUMAN.name} FINAL WHERE {of.by_people} "
        "AND isNotNull(preference)",
        of.parameters(),
    )
    return int(found["n"][0])


def agreement_counts(ask: Ask, of: Judged) -> Columns:
    """Labelled pairs by judge and by what both say: `judge`, `judge_said`, `people_said` (-1, 0, 1), `pairs`.

    Several people speak by their most frequent verdict; a tie where there is none.
    """
    return ask(
        f"SELECT judge, toInt8(sign(f)) AS judge_said, toInt8({_VERDICT_OF_PEOPLE}) AS people_said, count() AS pairs "
        f"FROM ({_of_judges(of)}) AS j GLOBAL INNER JOIN ({_of_people(of)}) AS p ON j.request_id = p.request_id "
        "GROUP BY judge, judge_said, people_said ORDER BY judge, judge_said, people_said",
        of.parameters(),
    )


def _lengths(of: Judged, only: str) -> str:
    """How much longer the candidate's answer is, in characters: `request_id`, `longer`, `in_bucket`."""
    return (
        "SELECT request_id, any(toInt64(candidate_chars) - toInt64(primary_chars)) AS longer, any(bucket) AS in_bucket "
        f"FROM {tables.PAIRS.name} WHERE {of.part.condition} AND {_MINE} AND isNotNull(primary_chars) "
        f"AND isNotNull(candidate_chars) AND {only} GROUP BY request_id"
    )


_DRAWN = "cityHash64(request_id) % {one_in:UInt64} = 0"


def lengths(ask: Ask, of: Judged, *, judgements: int) -> Columns:
    """Verdicts beside lengths, of a sample: `judge`, `won` (1, 1/2, 0), `longer` (the candidate's characters less the
    primary's), `w`, `bucket`.

    Args:
        ask: runs a SELECT.
        of: which judgements.
        judgements: how many there are; of more than `SAMPLED_ROWS`, requests are drawn by hash.
    """
    one_in = max(1, -(-judgements // SAMPLED_ROWS))
    pairs = _lengths(of, _DRAWN)
    return ask(
        f"SELECT judge, {_WON.format('f')} AS won, longer, w, bucket "
        f"FROM (SELECT * FROM ({_of_judges(of)}) WHERE {_DRAWN}) AS j "
        f"GLOBAL INNER JOIN ({pairs}) AS p ON j.request_id = p.request_id "
        "ORDER BY judge, j.request_id",
        {**of.parameters(), "one_in": one_in},
    )


def lengths_of_people(ask: Ask, of: Judged, *, labelled: int) -> Columns:
    """The same of what people said: `won`, `longer`, `bucket`."""
    one_in = max(1, -(-labelled // SAMPLED_ROWS))
    people = f"SELECT * FROM ({_of_people(of)}) WHERE {_DRAWN}"
    pairs = _lengths(of, f"request_id GLOBAL IN (SELECT request_id FROM ({people}))")
    return ask(
        "SELECT y_won AS won, longer, in_bucket AS bucket "
        f"FROM ({pairs}) AS p GLOBAL INNER JOIN ({people}) AS l ON p.request_id = l.request_id ORDER BY p.request_id",
        {**of.parameters(), "one_in": one_in},
    )


def judgements_of_labelled(ask: Ask, span: Span, *, candidate: str | None = None, rubric: str | None = None) -> Columns:
    """Newest judgements of pairs that people labelled: `request_id`, `candidate`, `judge`, `rubric`, `preference`.

    Args:
        ask: runs a SELECT.
        span: starts of requests.
        candidate: only of this one; None: of all.
        rubric: only by this one, with its version; None: by any.
    """
    within = STARTED + ("" if candidate is None else " AND candidate = {candidate:String}")
    by = "" if rubric is None else " AND rubric = {rubric:String}"
    return ask(
        f"SELECT request_id, candidate, judge, rubric, preference FROM {tables.JUDGEMENTS.name} FINAL "
        f"WHERE {within}{by} AND NOT {_SETTLED} AND isNotNull(preference) AND (request_id, candidate) GLOBAL IN "
        f"(SELECT request_id, candidate FROM {tables.LABELS_HUMAN.name} WHERE {within}) "
        "ORDER BY candidate, ts, request_id, judge, rubric",
        {**span.parameters(), "candidate": candidate or "", "rubric": rubric or ""},
    )
