"""Pairs and texts as the recorder would store them, for benchmarks of the store: random figures, recorded texts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from bench.recordings import Recording
from store import tables
from store.schema.column import Column, Table

Row = tuple[Any, ...]
_COMPLETE = {"changed": ["model"], "endpoint": "chat/completions", "worker": "proxy-0", "stream": False}


class StoredRows:
    """Draws requests one after the other, each with a pair for every candidate."""

    def __init__(self, *, seed: int, begin: datetime, per_second: float, candidates: Sequence[str]) -> None:
        self._random = Random(seed)
        self._begin = begin
        self._per_second = per_second
        self._candidates = candidates
        self._requests = 0

    def batch(self, size: int, batch: str) -> list[Row]:
        """At least `size` rows of `pairs`."""
        rows: list[Row] = []
        while len(rows) < size:
            rows += self._pairs(batch)
        return rows

    def _pairs(self, batch: str) -> list[Row]:
        draw = self._random
        ts = self._begin + timedelta(seconds=self._requests / self._per_second)
        self._requests += 1
        conversation = draw.getrandbits(64)
        shared = {
            **_COMPLETE,
            "request_id": uuid7(ts, draw),
            "ts": ts,
            "conversation": conversation,
            "block": ts.replace(second=0, microsecond=0),
            "bucket": conversation % 256,
            "labels": {"tenant": f"t{draw.randrange(100)}", "route": f"/v1/route/{draw.randrange(100)}"},
            "sample_share": 0.1,
            "batch": batch,
            "start_skew_ms": draw.random() / 4,
            "loop_lag_ms": draw.random() / 10,
            "overhead_ms": draw.random() / 5,
            **self._leg("primary", "gpt-4o-2024-08-06", 1.0),
        }
        return [
            _row(
                tables.PAIRS,
                {**shared, "candidate": name, "experiment": f"e-{name}", "exact_match": False}
                | self._leg("candidate", name, 0.7),
            )
            for name in self._candidates
        ]

    def _leg(self, arm: str, model: str, speed: float) -> dict[str, Any]:
        draw = self._random
        if draw.random() < 0.01:
            return {f"{arm}_outcome": "timeout", f"{arm}_model": None}
        total, tokens, prompt = draw.lognormvariate(7, 0.7) * speed, draw.randrange(5, 900), draw.randrange(40, 3000)
        leg = {
            "model": model,
            "outcome": "ok",
            "status": 200,
            "ttfb_ms": round(total * 0.97, 6),
            "total_ms": round(total, 6),
            "connection_reused": True,
            "input_tokens": prompt,
            "output_tokens": tokens,
            "cached_tokens": 0,
            "cost_usd": Decimal(prompt * 2500 + tokens * 10_000) / 10**9,
            "price_date": self._begin.date(),
            "finish_reason": "stop",
            "chars": tokens * 4 + draw.randrange(10),
            "refusal": False,
            "tool_calls": 0,
            "raw_usage": f'{{"prompt_tokens":{prompt},"completion_tokens":{tokens},"total_tokens":{prompt + tokens}}}',
            "estimated_input_tokens": round(prompt * draw.uniform(0.9, 1.1)),
            "estimated_output_tokens": round(tokens * draw.uniform(0.9, 1.1)),
        }
        return {f"{arm}_{name}": value for name, value in leg.items()}


def payloads(pairs: Sequence[Row], texts: Sequence[tuple[Recording, Recording]], batch: str) -> list[Row]:
    """Two rows of `payloads` for each pair: texts of one instruction from two models."""
    at = {name: i for i, name in enumerate(tables.PAIRS.names())}
    rows = []
    for number, pair in enumerate(pairs):
        primary, candidate = texts[number % len(texts)]
        body = f'{{"model":"gpt-4o","messages":[{{"role":"user","content":{primary.instruction!r}}}]}}'
        shared = {"request_id": pair[at["request_id"]], "ts": pair[at["ts"]], "batch": batch}
        for side, request, answer in (("primary", body, primary), (pair[at["candidate"]], "", candidate)):
            rows.append(_row(tables.PAYLOADS, {**shared, "side": side, "request": request, "response": answer.output}))
    return rows


def uuid7(ts: datetime, draw: Random) -> UUID:
    """As the proxy makes them: milliseconds first."""
    milliseconds = int(ts.timestamp() * 1000)
    number = milliseconds << 80 | 0x7 << 76 | draw.getrandbits(12) << 64 | 0b10 << 62 | draw.getrandbits(62)
    return UUID(int=number)


def _row(table: Table, values: dict[str, Any]) -> Row:
    return tuple(values.get(column.name, _absent(column)) for column in table.columns)


def _absent(column: Column) -> Any:
    if "Nullable(" in column.type:
        return None
    if "String" in column.type:
        return ""
    return False if column.type == "Bool" else 0
