"""Rows of `pairs` for tests: complete, seeded, with every kind of gap that a real one may have."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf, isfinite, nan
from random import Random
from typing import Any
from uuid import UUID

from store import tables

START = datetime(2026, 3, 1, 10, tzinfo=UTC)

_DEFAULTS: Mapping[str, Any] = {"labels": {}, "changed": [], "stream": True, "held_ms": 0.0, "sample_share": 0.1}


def _leg(random: Random, arm: str, speed: float, cost: float) -> dict[str, Any]:
    outcome = random.choices(["ok", "timeout", "http_error", "truncated", "client_abort"], [90, 3, 3, 2, 2])[0]
    leg: dict[str, Any] = {"outcome": outcome, "tokens_estimated": random.random() < 0.05, "connection_reused": True}
    if outcome == "ok":
        leg |= {
            "total_ms": random.lognormvariate(6, 0.5) * speed,
            "ttft_ms": random.lognormvariate(4, 0.5) * speed,
            "itl_ms": random.choice([None, nan, inf, *([random.lognormvariate(3, 0.2)] * 5)]),
            "input_tokens": random.randrange(10, 400),
            "output_tokens": random.choice([None, random.randrange(1, 200)]),
            "cost_usd": round(random.random() * 1e-3 * cost, 9),
            "finish_reason": random.choice(["stop", "length", "MAX_TOKENS", None]),
            "refusal": random.random() < 0.1,
            "valid_json": random.choice([None, True, False]),
        }
        leg |= {
            "estimated_input_tokens": leg["input_tokens"] * 21 // 20 if leg["input_tokens"] % 5 else None,
            "estimated_output_tokens": (leg["output_tokens"] or 60) * 9 // 10,
        }
    return {f"{arm}_{name}": value for name, value in leg.items()}


def random_rows(
    n: int, *, seed: int, candidate: str = "swift", experiment: str = "e1", speed: float = 0.8, cost: float = 0.1
) -> list[dict[str, Any]]:
    """`n` pairs, two a second, in blocks of one second."""
    random = Random(seed)
    rows = []
    for i in range(n):
        ts = START + timedelta(seconds=i // 2, microseconds=random.randrange(10**6))
        conversation = random.randrange(1 + n // 3)
        rows.append(
            {
                "request_id": UUID(int=random.getrandbits(128)),
                "ts": ts,
                "candidate": candidate,
                "experiment": experiment,
                "conversation": conversation,
                "block": ts.replace(microsecond=0),
                "bucket": conversation % 256,
                "stream": True,
                "held_ms": random.choice([0.0] * 9 + [3.5]),
                "gateway_cache": random.random() < 0.05,
                "exact_match": random.choice([None, True, False]),
                "tool_call_agreement": random.choice([None, 0.0, 0.5, 1.0]),
                "sample_share": 0.1,
                "changed": random.choice([[], [], [], ["store"], ["n", "store"]]),
                **_leg(random, "primary", 1.0, 1.0),
                **_leg(random, "candidate", speed, cost),
            }
        )
    return rows


def skip_row(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The same request as one that was never sent."""
    kept = set(tables.SKIPS.names())
    return {**{name: value for name, value in row.items() if name in kept}, "reason": reason}


def as_values(table: tables.Table, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """In the order of the table's columns; what a row lacks is NULL, or the type's empty value."""
    return [[_storable(row.get(c.name, _absent(c))) for c in table.columns] for row in rows]


def _storable(value: Any) -> Any:
    """The writer takes no number that is none."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _absent(column: tables.Column) -> Any:
    if column.name in _DEFAULTS:
        return _DEFAULTS[column.name]
    if "Nullable(" in column.type:
        return None
    if "String" in column.type:
        return ""
    return False if column.type == "Bool" else 0
