"""A study of a candidate that was judged, with everything that a report may say of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from analyzer.figures import Figures
from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.quality.figures import (
    Calls,
    Correction,
    JudgeFigures,
    JudgePair,
    LabelFailures,
    Lengths,
    PeopleFigures,
    QualityFigures,
    Twice,
    Verdicts,
)
from analyzer.reading import Setting
from analyzer.source import Window
from analyzer.surroundings.figures import Named
from config.policy import Policy
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.quality.making import One, weighted
from tests.analyzer.rows import START, random_rows

WINDOW = Window(START, START + timedelta(hours=1))
NOW = START + timedelta(hours=2)
POLICY = Policy.model_validate(
    {
        "primary_metrics": [{"metric": "win_rate", "estimand": "corrected", "margin": 0.1}],
        "guardrails": [{"metric": "judge_preference", "margin": 0.1}],
        "minimum": {"pairs": 100, "blocks": 10, "clusters": 10},
        "control": {"required": False},
        "planned_pairs": 1000,
    }
)


def judged_rows(n: int = 900) -> list[dict[str, Any]]:
    """Judged pairs in a quarter of an hour, in blocks of ten seconds; judges are too kind to the candidate."""
    rng = np.random.default_rng(1)
    rows = random_rows(n, seed=1)
    for row in rows:
        ts = row["ts"]
        row["block"] = ts.replace(second=ts.second // 10 * 10, microsecond=0)
        row["preference"] = float(rng.choice([-1.0, 0.0, 1.0], p=[0.2, 0.1, 0.7]))
    return rows


def figures(labels: int = 360, *, unjudged: int = 0, rubric: str = "helpfulness@1a2b3c4d") -> Figures:
    """Everything about one candidate; people say it is as good."""
    rows = judged_rows()
    source = FakeSource(rows)
    found = gather(source, Plan(WINDOW, ("swift",)), Setting(), now=NOW)
    compared = found.compared["swift"]
    names = tuple(Named(arm, m, (0,), (9,)) for arm, m in (("primary", "llama-3"), ("candidate", "gpt-4o")))  # type: ignore[arg-type]
    with_names = replace(compared.surroundings, models=names)
    quality = _quality(rows, labels, unjudged, rubric)
    return replace(found, compared={"swift": replace(compared, quality=quality, surroundings=with_names)})


def plan(policy: Policy | None = POLICY) -> Plan:
    return Plan(WINDOW, ("swift",), policy=policy)


def _quality(rows: list[dict[str, Any]], labels: int, unjudged: int, rubric: str) -> QualityFigures:
    rng = np.random.default_rng(2)
    pairs = []
    for row in rows:
        judge = float(str(row["preference"]))
        human = float(rng.choice([-1.0, 0.0, 1.0], p=[0.42, 0.18, 0.4])) if rng.random() < 0.6 else judge - 0.4
        # In blocks of ten seconds, whose names do not matter.
        place: dict[str, Any] = {"w": 2.0, "block": int(row["ts"].timestamp()) // 10, "bucket": int(row["bucket"])}
        pairs.append((One(human, judge, **place), One(judge, **place)))
    order = rng.permutation(len(pairs))
    labelled = [pairs[i][0] for i in order[:labels]]
    others = [pairs[i][1] for i in order[labels:]]

    def won(one: One) -> One:
        return replace(one, a=(1 + np.sign(one.a)) / 2, b=(1 + np.sign(one.b)) / 2)

    def parts(of: list[One], more: list[One]) -> Correction:
        return Correction("judge_preference", {k: weighted(v) for k, v in (("judged", more), ("labelled", of)) if v})  # type: ignore[misc]

    wins = replace(parts([won(p) for p in labelled], [replace(won(p), b=0.0) for p in others]), metric="win_rate")
    longer = rng.normal(120, 300, 800).round()
    chance = 1 / (1 + np.exp(-0.8 * np.tanh(longer / 300) - 0.5))
    lengths = Lengths(
        900,
        tuple((rng.random(800) < chance).astype(float).tolist()),
        tuple(int(x) for x in longer),
        (2.0,) * 800,
        tuple(rng.integers(0, 256, 800).tolist()),
    )
    every = [p for p, _ in pairs]
    first = JudgeFigures(
        "first",
        models=(("gpt-4o-2024-08-06", 900),),
        verdicts=(Verdicts(1, 1, 1, 560), Verdicts(0, 1, -1, 60), Verdicts(0, -1, 1, 30), Verdicts(-1, -1, -1, 250)),
        wins=weighted([won(replace(p, a=p.b)) for p in every]),
        against_people=weighted([replace(p, a=p.b, b=p.a) for p in labelled]) if labelled else None,
        agreement=((80, 10, 20), (5, 20, 15), (20, 30, 160)) if labelled else None,
        lengths=lengths,
        calls=(
            Calls("verdict", "asked", "", True, 1830, 0, 1830, 0, 0),
            Calls("verdict", "ended", "ok", True, 1800, 1_234_567_890, 0, 1_000_000, 50_000),
            Calls("verdict", "ended", "timeout", True, 20, 0, 0, 0, 0),
        ),
        failures=(("timeout", unjudged),) if unjudged else (),
        twice=(Twice(False, 1.0, 1.0, 18), Twice(False, 1.0, -1.0, 2), Twice(True, 7.0, 6.0, 4)),
        canaries=(2, 1, 17),
    )
    scores: dict[str, Any] = {"scored": 5, "score_primary": 30.0, "score_candidate": 35.0}
    second = replace(first, judge="second", models=(("claude-sonnet-4", 900),), **scores)
    panel = [replace(p, a=p.b, b=float(np.clip(p.b - rng.normal(0.2, 0.3), -1, 1))) for p in every]
    patterns = ((1, 0, 0, 150), (0, 0, 1, 150), (2, 0, 0, 40), (1, 0, 1, 20))
    by_label = (("", "", 40, 860), ("tenant", "acme", 35, 65), ("tenant", "globex", 5, 795))
    return QualityFigures(
        rubric,
        rungs=(("equal", 40), ("structure", 3), ("judge", 900)),
        judges=(first, second),
        between=(JudgePair("first", "second", weighted(panel)),),
        corrections=(parts(labelled, others), wins),
        people=PeopleFigures(2, patterns, lengths) if labelled else None,
        unjudged=unjudged,
        unjudged_weight=2.0 * unjudged,
        failures=tuple(LabelFailures(*row) for row in by_label) if unjudged else (),
    )
