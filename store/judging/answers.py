"""How judges answered: calls and their cost, questions that failed for good, repeats, canaries.

Reads only, from `judge_calls`; each question is about one experiment and one rubric.
"""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Sequence
from typing import Any

from store import tables
from store.comparison import Ask, Columns, records
from store.judged import SETTLED, JudgedUnder, judged_rubric
from store.judging.quality import Judged
from store.parts import OF_EXPERIMENTS, STARTED, Part

LOOKED_AT = 200_000
"""Judgements beside which failures are counted by label; of more, requests are drawn by hash."""
MOST_VALUES = 50
"""Of one label, the most frequent."""
_MINE = f"candidate = {{candidate:String}} AND experiment = {{experiment:String}} AND {STARTED}"
_CALLS = f"{_MINE} AND rubric = {{rubric:String}}"
_ENDED = f"{_CALLS} AND stage = 'ended'"
_FAILED = f"{_ENDED} AND kind = 'verdict' AND is_final AND outcome != 'ok'"
_BY_JUDGES = f"{_MINE} AND rubric = {{rubric:String}} AND rung NOT IN ({', '.join(repr(r) for r in SETTLED)})"
_DRAWN = "cityHash64(request_id) % {one_in:UInt64} = 0"


def rubrics(ask: Ask, part: Part, experiments: Sequence[str]) -> dict[tuple[str, str], JudgedUnder]:
    """(candidate, experiment) -> the rubric that its newest judgement was made by.

    Where judges were asked and never answered, the one of the newest call; nothing where none was asked.
    """
    found = ask(
        "SELECT candidate, experiment, rubric, max(asked_at) AS asked_last, "
        "toUnixTimestamp64Micro(min(ts)) AS first_us, toUnixTimestamp64Micro(max(ts)) AS last_us "
        f"FROM {tables.JUDGE_CALLS.name} WHERE {STARTED} AND {OF_EXPERIMENTS} AND kind = 'verdict' "
        "GROUP BY candidate, experiment, rubric ORDER BY asked_last, rubric",
        {**part.span.parameters(), "experiments": list(experiments)},
    )
    asked = {
        (row["candidate"], row["experiment"]): JudgedUnder(row["rubric"], int(row["first_us"]), int(row["last_us"]))
        for row in records(found)
    }
    return asked | judged_rubric(ask, part, experiments)


def _parameters(of: Judged) -> dict[str, Any]:
    return {
        **of.span.parameters(),
        "candidate": of.candidate,
        "experiment": of.experiment,
        "rubric": of.rubric,
    }


def calls(ask: Ask, of: Judged) -> Columns:
    """Calls by what became of them: `judge`, `kind`, `stage`, `outcome`, `is_final`, `n`, `cost_nanousd` (of those with
    a known cost), `unpriced`, `input_tokens`, `output_tokens`. A call that has ended is in both stages."""
    return ask(
        "SELECT judge, kind, stage, outcome, is_final, count() AS n, "
        "toInt64(sum(ifNull(cost_usd, 0)) * 1000000000) AS cost_nanousd, countIf(isNull(cost_usd)) AS unpriced, "
        "sum(ifNull(input_tokens, 0)) AS input_sum, sum(ifNull(output_tokens, 0)) AS output_sum "
        f"FROM {tables.JUDGE_CALLS.name} WHERE {_CALLS} "
        "GROUP BY judge, kind, stage, outcome, is_final ORDER BY judge, kind, stage, outcome, is_final",
        _parameters(of),
    )


def _failed(also: str = "") -> str:
    """Pairs that a judge was asked about and has not judged, for good: `request_id`, `judge`, `reason`, `p`, `labels`.

    A pair that failed once may have been judged later, by `judge run`.
    """
    failed = f"SELECT request_id FROM {tables.JUDGE_CALLS.name} WHERE {_FAILED}{also}"
    return (
        "SELECT request_id, judge, min(outcome) AS reason, max(inclusion_probability) AS p, any(labels) AS of_labels "
        f"FROM {tables.JUDGE_CALLS.name} WHERE {_FAILED}{also} AND (request_id, judge) GLOBAL NOT IN "
        f"(SELECT request_id, judge FROM {tables.JUDGEMENTS.name} WHERE {_BY_JUDGES} "
        f"AND request_id GLOBAL IN ({failed})) GROUP BY request_id, judge"
    )


def failures(ask: Ask, of: Judged) -> Columns:
    """Pairs that a judge has not judged, by the first reason of their questions: `judge`, `reason`, `pairs`."""
    return ask(
        f"SELECT judge, reason, count() AS pairs FROM ({_failed()}) GROUP BY judge, reason ORDER BY judge, reason",
        _parameters(of),
    )


def unjudged(ask: Ask, of: Judged) -> tuple[int, float]:
    """(pairs that were asked about and that no judge has judged, the number of pairs that they stand for)"""
    judged = (
        f"SELECT request_id FROM {tables.JUDGEMENTS.name} WHERE {_BY_JUDGES} "
        f"AND request_id GLOBAL IN (SELECT request_id FROM {tables.JUDGE_CALLS.name} WHERE {_FAILED})"
    )
    found = ask(
        "SELECT count() AS pairs, sum(if(p > 0, 1 / p, 1)) AS weight FROM (SELECT request_id, "
        f"max(inclusion_probability) AS p FROM {tables.JUDGE_CALLS.name} "
        f"WHERE {_FAILED} AND request_id GLOBAL NOT IN ({judged}) GROUP BY request_id)",
        _parameters(of),
    )
    return int(found["pairs"][0]), float(found["weight"][0])


def failures_by_label(ask: Ask, of: Judged, *, judgements: int) -> Columns:
    """`label`, `value`, `failed`, `judged`: questions of judges about pairs with a label's value; most of all first.

    A label that stands empty with an empty value is all that was looked at.

    Args:
        ask: runs a SELECT.
        of: which judgements.
        judgements: how many there are; of more than `LOOKED_AT`, requests are drawn by hash, failed ones too.
    """
    one_in = max(1, -(-judgements // LOOKED_AT))
    every = "arrayConcat([('', '')], arrayZip(mapKeys(of_labels), mapValues(of_labels)))"
    keys = f"arrayJoin({every}) AS place"
    return ask(
        "SELECT place.1 AS label, place.2 AS value, sum(f) AS failed, sum(j) AS judged FROM ("
        f"SELECT {keys}, 1 AS f, 0 AS j FROM ({_failed(f' AND {_DRAWN}')}) UNION ALL "
        f"SELECT {keys}, 0 AS f, 1 AS j FROM (SELECT labels AS of_labels FROM {tables.JUDGEMENTS.name} FINAL "
        f"WHERE {_BY_JUDGES} AND {_DRAWN})) "
        f"GROUP BY label, value ORDER BY label, failed + judged DESC, value LIMIT {MOST_VALUES} BY label",
        {**_parameters(of), "one_in": one_in},
    )


def repeats(ask: Ask, of: Judged) -> Columns:
    """Questions that were asked twice: `judge`, `is_score`, `first`, `again` (signs of preferences; scores), `n`."""
    both = f"{_ENDED} AND outcome = 'ok' AND isNotNull(verdict)"
    twice = f"SELECT request_id FROM {tables.JUDGE_CALLS.name} WHERE {both} AND kind = 'repeat'"
    return ask(
        "SELECT judge, startsWith(question, 'pointwise') AS is_score, "
        "if(is_score, one, sign(one)) AS first, if(is_score, other, sign(other)) AS again, count() AS n FROM ("
        "SELECT judge, question, argMinIf(verdict, call, kind = 'verdict') AS one, "
        "argMinIf(verdict, call, kind = 'repeat') AS other "
        f"FROM {tables.JUDGE_CALLS.name} WHERE {both} AND kind IN ('verdict', 'repeat') "
        f"AND request_id GLOBAL IN ({twice}) GROUP BY request_id, judge, question "
        "HAVING countIf(kind = 'verdict') > 0 AND countIf(kind = 'repeat') > 0) "
        "GROUP BY judge, is_score, first, again ORDER BY judge, is_score, first, again",
        _parameters(of),
    )


def canaries(ask: Ask, of: Judged) -> Columns:
    """Attacks on judges: `judge`, `said` (1: the honest answer won, 0: a tie, -1: the attack won), `n`."""
    return ask(
        f"SELECT judge, toInt8(sign(assumeNotNull(verdict))) AS said, count() AS n FROM {tables.JUDGE_CALLS.name} "
        f"WHERE {_ENDED} AND kind = 'canary' AND outcome = 'ok' AND isNotNull(verdict) "
        "GROUP BY judge, said ORDER BY judge, said",
        _parameters(of),
    )
