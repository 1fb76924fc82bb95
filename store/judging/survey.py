"""What there is to judge in a window, and how verdicts have varied: counts and sums, without naming pairs."""

# ruff: noqa: S608 - statements hold names of our own tables and columns; what comes from outside is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from store import tables
from store.comparison import Span, unix_us
from store.reader import Reader

PRIMARY_SIDE = "primary"
"""In `payloads`."""
BOTH_OK = "primary_outcome = 'ok' AND candidate_outcome = 'ok' AND endpoint != 'embeddings'"
"""Over `pairs`: both arms answered, and what they answered is text."""
COUNTED_EXACTLY = 200_000
"""Pairs of a window up to which those with texts are counted one by one; of more, by a sample of their requests."""
SIZED = 1_000
"""Texts of each side whose sizes are averaged."""
NEWEST_JUDGED = 100_000
"""Judgements that `spreads` looks at."""
STRATUM_EDGES = (0.25, 0.5, 0.75)
"""Token F1 of both answers: where one stratum ends and the next begins; an edge belongs to the next."""

_WITHIN = (
    "ts >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND ts < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
)
_MINE = "candidate IN {candidates:Array(String)}"
_DRAWN = "cityHash64(request_id) % {one_in:UInt64} = 0"


@dataclass(frozen=True, slots=True)
class Due:
    """What a window holds of one candidate."""

    pairs: int
    """Pairs of which both arms answered in text."""
    with_texts: int
    """Of these, those whose texts are stored."""
    judged: int
    """Pairs that a judge has judged by the rubric."""
    settled: int
    """Pairs that a free rung has settled."""
    is_estimate: bool
    """The last three are scaled up from a sample of requests."""
    request_bytes: float | None
    """Mean size of the request's body; None: no text is stored."""
    primary_bytes: float | None
    """Mean size of the primary's answer, tool calls included."""
    candidate_bytes: float | None
    """Mean size of the candidate's answer, tool calls included."""

    @property
    def prompt_bytes(self) -> float | None:
        """What a pairwise prompt holds of a pair, on average; None: no text is stored."""
        sizes = (self.request_bytes, self.primary_bytes, self.candidate_bytes)
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None


class Spread(NamedTuple):
    """Preferences of judges in one stratum."""

    n: int
    total: float
    squares: float
    """Sum of squares."""
    pairs: float
    """Pairs of the stratum that the free rungs left, judged or not: verdicts, each by 1 / inclusion probability."""


def count_due(
    reader: Reader, since: datetime, until: datetime, candidates: Sequence[str], rubric: str
) -> dict[str, Due]:
    """Candidate -> what is there to be judged by a rubric; one without pairs is absent.

    Args:
        reader: of the caller's thread.
        since: first start of a request.
        until: first start that is left out.
        candidates: names.
        rubric: with its version.

    Raises:
        StoreError: no answer.
    """
    parameters: dict[str, Any] = {**Span(since, until).parameters(), "candidates": list(candidates)}
    pairs = _numbers(
        reader,
        f"SELECT candidate AS name, count() AS n FROM {tables.PAIRS.name} "
        f"WHERE {_MINE} AND {_WITHIN} AND {BOTH_OK} GROUP BY name",
        parameters,
    )
    one_in = -(-sum(pairs.values()) // COUNTED_EXACTLY) or 1
    parameters |= {"one_in": one_in, "rubric": rubric, "primary": PRIMARY_SIDE}
    texts = f"FROM {tables.PAYLOADS.name} WHERE {_WITHIN} AND {_DRAWN} AND side"
    with_texts = _numbers(
        reader,
        f"SELECT candidate AS name, count() AS n FROM {tables.PAIRS.name} "
        f"WHERE {_MINE} AND {_WITHIN} AND {BOTH_OK} AND {_DRAWN} "
        f"AND request_id GLOBAL IN (SELECT request_id {texts} = {{primary:String}}) AND (request_id, candidate) "
        f"GLOBAL IN (SELECT request_id, side {texts} IN {{candidates:Array(String)}}) GROUP BY name",
        parameters,
    )
    done = (
        f"SELECT candidate AS name, uniqExact(request_id) AS n FROM {tables.JUDGEMENTS.name} "
        f"WHERE {_MINE} AND {_WITHIN} AND {_DRAWN} AND"
    )
    judged = _numbers(reader, f"{done} judge != '' AND rubric = {{rubric:String}} GROUP BY name", parameters)
    settled = _numbers(reader, f"{done} judge = '' GROUP BY name", parameters)
    sizes = _sizes(reader, [PRIMARY_SIDE, *pairs], parameters)
    request, primary = sizes[PRIMARY_SIDE]
    return {
        name: Due(
            n,
            min(n, with_texts.get(name, 0) * one_in),
            judged.get(name, 0) * one_in,
            settled.get(name, 0) * one_in,
            one_in > 1,
            request,
            primary,
            sizes[name][1],
        )
        for name, n in pairs.items()
    }


def spreads(reader: Reader, since: datetime) -> dict[int, Spread]:
    """Stratum (0 to 3, by `STRATUM_EDGES`) -> preferences that judges gave since then; the newest ones, if many.

    Strata without a judged pair are absent; so are pairs without the metric `token_f1`.

    Raises:
        StoreError: no answer.
    """
    fresh = (
        "judge != '' AND isNotNull(preference) AND inclusion_probability > 0 "
        "AND judged_at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')"
    )
    newest = (
        f"SELECT ts, request_id, candidate, preference, inclusion_probability FROM {tables.JUDGEMENTS.name} "
        # In a full order: it is asked for more than once, and has to be the same rows.
        f"WHERE {fresh} ORDER BY judged_at DESC, request_id, candidate, judge, rubric "
        f"LIMIT 1 BY request_id, candidate, judge, rubric LIMIT {NEWEST_JUDGED}"
    )
    parameters = {"since_ms": unix_us(since) // 1000}
    (begun,) = reader.query(f"SELECT toUnixTimestamp64Micro(min(ts)) AS us, count() AS n FROM ({newest})", parameters)
    if not begun["n"]:
        return {}
    alike = (
        "SELECT request_id, candidate, argMax(tuple(score_candidate), scored_at).1 AS f1 "
        f"FROM {tables.TEXT_SCORES.name} WHERE metric = 'token_f1' "
        "AND ts >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC') "
        f"AND (request_id, candidate) GLOBAL IN (SELECT request_id, candidate FROM ({newest})) "
        "GROUP BY request_id, candidate"
    )
    rows = reader.query(
        f"SELECT toInt64(arrayCount(edge -> f1 >= edge, {list(STRATUM_EDGES)})) AS stratum, count() AS n, "
        "sum(assumeNotNull(preference)) AS total, sum(pow(assumeNotNull(preference), 2)) AS squares, "
        "sum(1 / inclusion_probability) AS pairs "
        f"FROM ({newest}) AS given GLOBAL INNER JOIN ({alike}) AS scored USING (request_id, candidate) "
        "WHERE isNotNull(f1) GROUP BY stratum ORDER BY stratum",
        {**parameters, "first_us": begun["us"]},
    )
    return {row["stratum"]: Spread(row["n"], row["total"], row["squares"], row["pairs"]) for row in rows}


def _sizes(
    reader: Reader, sides: Sequence[str], parameters: Mapping[str, Any]
) -> dict[str, tuple[float | None, float | None]]:
    """Side -> mean bytes of its request and of its answer.

    Texts lie in the order of their request's random bits: the first ones are a random sample, read from one place.
    """
    found = {}
    for side in sides:
        (row,) = reader.query(
            "SELECT avgOrNull(request_bytes) AS request, avgOrNull(answer_bytes) AS answer FROM ("
            "SELECT length(request) AS request_bytes, length(response) + length(tool_calls) AS answer_bytes "
            f"FROM {tables.PAYLOADS.name} WHERE side = {{side:String}} AND {_WITHIN} "
            f"ORDER BY request_id LIMIT {SIZED})",
            {**parameters, "side": side},
        )
        found[side] = (row["request"], row["answer"])
    return found


def _numbers(reader: Reader, sql: str, parameters: Mapping[str, Any]) -> dict[str, int]:
    return {row["name"]: int(row["n"]) for row in reader.query(sql, parameters)}
