"""Small files of pairs whose outcome is plain."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
POLICY = """\
primary_metrics:
  - {metric: total_ms, estimand: p50, margin: 5%}
  - {metric: cost_usd, require: better}
guardrails: [{metric: error_rate, margin: 0.02}]
minimum: {pairs: 200}
planned_pairs: 1000
"""


def pairs_file(
    path: Path,
    n: int,
    *,
    candidate: str = "swift",
    speed: float = 0.6,
    error_share: float = 0.0,
    seed: int = 7,
    more: Callable[[Random], Mapping[str, Any]] = lambda _: {},
) -> Path:
    """Appends `n` pairs, one every three seconds, two in a conversation; costs are halved.

    Args:
        path: of the JSONL file.
        n: pairs.
        candidate: its name.
        speed: its times as a share of the primary's.
        error_share: of its answers that fail.
        seed: of the draw.
        more: further columns of a pair.
    """
    random = Random(seed)
    with path.open("a", encoding="utf-8") as file:
        for i in range(n):
            ms = random.lognormvariate(6, 0.5)
            failed = random.random() < error_share
            row = {
                "candidate": candidate,
                "ts": (START + timedelta(seconds=3 * i)).isoformat(),
                "conversation": i // 2,
                "primary_outcome": "ok",
                "primary_total_ms": ms * random.lognormvariate(0, 0.2),
                "primary_cost_usd": round(0.001 * random.uniform(0.9, 1.1), 9),
                "candidate_outcome": "http_error" if failed else "ok",
                "candidate_total_ms": None if failed else ms * speed * random.lognormvariate(0, 0.2),
                "candidate_cost_usd": 0 if failed else round(0.0005 * random.uniform(0.9, 1.1), 9),
            }
            file.write(json.dumps(row | dict(more(random))) + "\n")
    return path
