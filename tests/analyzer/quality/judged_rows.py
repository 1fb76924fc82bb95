"""What a store is filled with: judgements of two judges by two rubrics, calls, failures, labels of people."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from store.judging.rows import CallRow, JudgementRow, LabelRow
from tests.analyzer.rows import START, random_rows

RUBRIC, OLD_RUBRIC, OTHER = "helpfulness@1a2b3c4d", "helpfulness@00000000", "factual_consistency@1a2b3c4d"
PAIRS = 600
MODELS = {"a": "gpt-4o-2024-08-06", "b": "claude-sonnet-4"}
Row = Mapping[str, Any]


def made_pairs() -> list[dict[str, Any]]:
    """Ten minutes, with labels and lengths."""
    rows = random_rows(PAIRS, seed=21)
    random = Random(4)
    for i, row in enumerate(rows):
        ts = START + timedelta(seconds=i)
        row |= {
            "ts": ts,
            "block": ts.replace(second=0, microsecond=0),
            "labels": {"tenant": "acme" if i % 10 == 0 else "globex", **({"route": "/a"} if i % 3 else {})},
            "primary_chars": None if i % 50 == 7 else 500 + random.randrange(400),
            "candidate_chars": 500 + random.randrange(600),
            "primary_model": "llama-3-70b",
            "candidate_model": "gpt-4o-mini-2024-07-18",
        }
    return rows


def _identity(pair: Row) -> dict[str, Any]:
    return {name: pair[name] for name in ("request_id", "ts", "candidate", "experiment", "labels")}


def judgement(pair: Row, judge: str, pc: float | None, cp: float | None, **more: Any) -> JudgementRow:
    said = [x for x in (pc, cp) if x is not None]
    values: dict[str, Any] = {
        **_identity(pair),
        "block": pair["block"],
        "bucket": pair["bucket"],
        "judge": judge,
        "rubric": RUBRIC,
        "rung": "judge",
        "mode": "pairwise",
        "preference": sum(said) / len(said) if said else None,
        "preference_pc": pc,
        "preference_cp": cp,
        "score_primary": None,
        "score_candidate": None,
        "inclusion_probability": probability(pair),
        "temperature": 0.0,
        "seed": None,
        "rationale": "because",
        "cost_usd": Decimal("0.001"),
        "judged_at": START + timedelta(days=1),
        "order_probability": None,
        "judge_model": MODELS.get(judge, ""),
    }
    return JudgementRow(**(values | more))


def probability(pair: Row) -> float:
    """With which it was drawn."""
    return 0.5 if pair["bucket"] % 2 else 0.25


def settled(pair: Row, rung: str, preference: float) -> JudgementRow:
    more = {"rubric": "", "rung": rung, "mode": "", "preference": preference, "inclusion_probability": 1.0}
    return judgement(pair, "", None, None, **more, cost_usd=Decimal(0), temperature=None)


def made_judgements(pairs: list[dict[str, Any]]) -> list[JudgementRow]:
    """By place: every 4th pair is settled, the next is never judged; the rest judged by a, half of them by b."""
    random, found = Random(7), []
    signs = [-1.0, 0.0, 1.0]
    for i, pair in enumerate(pairs):
        if i % 4 == 0:
            found.append(settled(pair, "equal" if i % 8 else "structure", 0.0 if i % 8 else random.choice([-1.0, 1.0])))
        if i % 4 < 2:
            continue
        pc, cp = (random.choice(signs) for _ in range(2))
        if i % 40 == 2:
            found.append(judgement(pair, "a", *((pc, None) if random.random() < 0.5 else (None, cp))))
        elif i % 40 == 3:
            found.append(judgement(pair, "a", None, None, mode="pointwise", score_primary=6.0, score_candidate=7.5))
        else:
            found.append(judgement(pair, "a", pc, cp))
        if i % 4 == 3:
            # Weighed by the probabilities of its tokens.
            found.append(judgement(pair, "b", random.uniform(-1, 1), random.uniform(-1, 1)))
        if i % 30 == 2:  # judged anew: the older row counts no more
            found.append(judgement(pair, "a", 1.0, 1.0, judged_at=START + timedelta(hours=1)))
        if i % 7 == 2:  # by an earlier version of the rubric
            found.append(judgement(pair, "a", 1.0, 1.0, rubric=OLD_RUBRIC, judged_at=START + timedelta(hours=2)))
    return [row for row in found if not _is_failed(pairs, row)]


def _is_failed(pairs: list[dict[str, Any]], row: JudgementRow) -> bool:
    """See `made_calls`: these were never judged by a; nor was one of them by anybody."""
    place = next(i for i, pair in enumerate(pairs) if pair["request_id"] == row.request_id)
    return row.rung == "judge" and (place % 60 == 6 or (place % 60 == 11 and row.judge == "a"))


_calls = Random(11)


def call(pair: Row, judge: str, **more: Any) -> CallRow:
    values: dict[str, Any] = {
        **_identity(pair),
        "call": UUID(int=_calls.getrandbits(128)),
        "stage": "ended",
        "judge": judge,
        "rubric": RUBRIC,
        "kind": "verdict",
        "question": "pairwise_pc",
        "attempt": 1,
        "outcome": "ok",
        "is_final": True,
        "verdict": 1.0,
        "inclusion_probability": probability(pair),
        "model": MODELS[judge],
        "input_tokens": 900,
        "output_tokens": 40,
        "cost_usd": Decimal("0.000500001"),
        "committed_usd": Decimal(0),
        "asked_at": START + timedelta(days=1),
        "latency_ms": 300.0,
        "rationale": "",
    }
    return CallRow(**(values | more))


def asked(of: CallRow) -> CallRow:
    """The row that was stored before it was sent."""
    values = {name: getattr(of, name) for name in of.__dataclass_fields__}
    nothing = dict.fromkeys(("verdict", "input_tokens", "output_tokens", "cost_usd", "latency_ms"))
    return CallRow(**(values | nothing | {"stage": "asked", "outcome": "", "is_final": False}))


def made_calls(pairs: list[dict[str, Any]], judgements: list[JudgementRow]) -> list[CallRow]:
    """A call per order that was judged; pairs 6, 66, ... failed with both judges, 11, 71, ... with a alone, 15, 75, ...
    failed and were judged later; some were asked again, some with an attack, one never ended."""
    by_id = {pair["request_id"]: pair for pair in pairs}
    ended = []
    for row in judgements:
        if row.rung != "judge" or row.rubric != RUBRIC or row.judged_at != START + timedelta(days=1):
            continue
        pair = by_id[row.request_id]
        for question, verdict in (("pairwise_pc", row.preference_pc), ("pairwise_cp", row.preference_cp)):
            if verdict is not None:
                ended.append(call(pair, row.judge, question=question, verdict=verdict))
    for i, pair in enumerate(pairs):
        if i % 60 == 6:
            tries = [(judge, n) for judge in "ab" for n in (1, 2, 3)]
            late: dict[str, Any] = {"outcome": "timeout", "verdict": None}
            ended += [call(pair, judge, **late, is_final=n == 3, attempt=n) for judge, n in tries]
        if i % 60 == 11:
            ended.append(call(pair, "a", outcome="refusal", verdict=None, cost_usd=None))
        if i % 60 == 15:
            ended.append(call(pair, "a", outcome="unparsable", verdict=None, asked_at=START))
        if i % 20 == 3:
            first = next((c for c in ended if c.request_id == pair["request_id"] and c.outcome == "ok"), None)
            if first is not None:
                again = first.verdict if i % 40 else -(first.verdict or 0.0)
                ended.append(call(pair, first.judge, kind="repeat", question=first.question, verdict=again))
        if i % 50 == 4:
            said = [1.0, 1.0, 0.0, -1.0][i // 50 % 4]
            ended.append(call(pair, "a", kind="canary", question="canary_first", verdict=said))
    open_call = asked(call(pairs[2], "b"))
    return [*(row for of in ended for row in (asked(of), of)), open_call]


def label(pair: Row, labeler: str, preference: float | None, **more: Any) -> LabelRow:
    values: dict[str, Any] = {
        **_identity(pair),
        "block": pair["block"],
        "bucket": pair["bucket"],
        "labeler": labeler,
        "rubric": RUBRIC,
        "preference": preference,
        "score_primary": None,
        "score_candidate": None,
        "inclusion_probability": None,
        "rationale": "",
        "labeled_at": START + timedelta(days=2),
    }
    return LabelRow(**(values | more))


def made_labels(pairs: list[dict[str, Any]]) -> list[LabelRow]:
    """Ann labels every 5th pair, bob every 15th; some were changed, some taken back, some are about something else."""
    random, found = Random(5), []
    later: datetime = START + timedelta(days=3)
    for i, pair in enumerate(pairs[::5]):
        said = random.choice([-1.0, 0.0, 1.0])
        found.append(label(pair, "ann", said, rubric=("", RUBRIC, OLD_RUBRIC)[i % 3]))
        if i % 3 == 0:
            found.append(label(pair, "bob", random.choice([-1.0, 0.0, 1.0])))
        if i % 11 == 1:
            found.append(label(pair, "ann", 1.0, rubric=("", RUBRIC, OLD_RUBRIC)[i % 3], labeled_at=later))
        if i % 13 == 2:
            found.append(label(pair, "ann", None, rubric=("", RUBRIC, OLD_RUBRIC)[i % 3], labeled_at=later))
        if i % 4 == 0:
            found.append(label(pair, "cat", -1.0, rubric=OTHER))
            found.append(label(pair, "dan", None, score_primary=3.0, score_candidate=5.0))
    return found
