"""Pairs with texts as the recorder would have stored them, for whoever judges them afterwards."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from config.model import Store
from store import tables
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.rows import as_values

ASKED_MODEL = "asked-model"
_BATCH = 2000
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that the primary and at least one candidate have answered."""

    request_id: UUID
    ts: datetime
    prompt: str
    primary: str
    answers: Mapping[str, str]
    """Candidate -> its text."""
    labels: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    """Candidate or `primary` -> the model that its answer names; without one: the candidate's name, `served-model`."""
    turns: Sequence[tuple[str, str]] = ()
    """(role, text) of the turns before the prompt."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further columns of `pairs`, for all candidates."""

    @property
    def conversation(self) -> str:
        """All turns, one under the other."""
        return "\n".join([*(text for _, text in self.turns), self.prompt])

    @property
    def body(self) -> str:
        """The request as the primary got it."""
        turns = [*self.turns, ("user", self.prompt)]
        messages = [{"role": role, "content": text} for role, text in turns]
        return json.dumps({"model": ASKED_MODEL, "messages": messages}, ensure_ascii=False)


def uuid7(ts: datetime, chance: Random) -> UUID:
    """As the proxy makes them: milliseconds first."""
    head = int(ts.timestamp() * 1000) << 80 | 0x7 << 76
    return UUID(int=head | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62))


def request_id(ts: datetime, chance: Random, is_right: Callable[[UUID], bool] = lambda _: True) -> UUID:
    """One that the given rule takes: what is drawn by hash of the id is chosen that way.

    Raises:
        AssertionError: none was found; the rule takes hardly any.
    """
    for _ in range(_TRIES):
        if is_right(found := uuid7(ts, chance)):
            return found
    raise AssertionError(f"none of {_TRIES} request ids is right")


def pair_rows(asked: Asked) -> list[dict[str, Any]]:
    """Rows of `pairs`, one for each candidate."""
    conversation = hash_of(asked.request_id)
    shared = {
        "request_id": asked.request_id,
        "ts": asked.ts,
        "conversation": conversation,
        "block": asked.ts.replace(second=0, microsecond=0),
        "bucket": conversation % 256,
        "endpoint": "chat/completions",
        "labels": dict(asked.labels),
        "sample_share": 1.0,
        "stream": False,
        "worker": "proxy-0",
        **_leg("primary", asked.primary, asked.models.get("primary", "served-model")),
    }
    return [
        {
            **shared,
            "candidate": name,
            "experiment": f"e-{name}",
            "exact_match": text == asked.primary,
            **_leg("candidate", text, asked.models.get(name, name)),
            **asked.columns,
        }
        for name, text in asked.answers.items()
    ]


def payload_rows(asked: Asked) -> list[dict[str, Any]]:
    """Rows of `payloads`: the primary's, and one for each candidate."""
    sides = {"primary": asked.primary, **asked.answers}
    return [
        {
            "request_id": asked.request_id,
            "side": side,
            "ts": asked.ts,
            "request": asked.body if side == "primary" else "",
            "response": text,
        }
        for side, text in sides.items()
    ]


def fill(store: Store, requests: Sequence[Asked], *, has_texts: bool = True) -> None:
    """Stores pairs and texts by the product's writer."""
    tables_of = ((tables.PAIRS, pair_rows), (tables.PAYLOADS, payload_rows))[: 2 if has_texts else 1]
    writer = Writer(StoreConnection(store, access="writer"))
    try:
        for begin in range(0, len(requests), _BATCH):
            some = requests[begin : begin + _BATCH]
            token = f"{some[0].request_id} {len(some)}"
            for table, rows_of in tables_of:
                writer.insert(table.name, as_values(table, [row for one in some for row in rows_of(one)]), token)
    finally:
        writer.close()


def hash_of(identifier: UUID) -> int:
    """Of the random bits of a request id: its conversation, as every request has its own."""
    return (identifier.int * 0x9E3779B97F4A7C15) >> 32 & (1 << 63) - 1


def _leg(arm: str, text: str, model: str) -> dict[str, Any]:
    tokens = 1 + len(text) // 4
    leg = {
        "model": model,
        "outcome": "ok",
        "status": 200,
        "ttfb_ms": 40.0 + tokens,
        "total_ms": 50.0 + tokens,
        "connection_reused": True,
        "input_tokens": 20,
        "output_tokens": tokens,
        "finish_reason": "stop",
        "chars": len(text),
        "refusal": False,
        "tool_calls": 0,
    }
    return {f"{arm}_{name}": value for name, value in leg.items()}
