"""Which calls arrive when: Poisson arrivals of conversations with a few turns, drawn from a seed."""

import json
import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cli.demo.setting import CLIENT_MODEL, CONVERSATION_HEADER, TENANT_HEADER, TIER_HEADER

STREAMED_SHARE = 0.6
_NEXT_TURN_SHARE = 0.55
"""Share of arrivals that go on with a conversation, when one is waiting for its user."""
_REST_S = 0.5
"""A user needs at least so long between two turns."""
_MAX_TURNS = 6
_MAX_OPEN_CONVERSATIONS = 64
_TENANTS = ("acme", "globex", "initech")
_TIERS = ("free", "paid")
_QUESTIONS = (
    "How do I move a table to another database without stopping writes?",
    "Explain in three sentences what a confidence interval says and what it does not.",
    "Which of these two invoices is a copy, and how can I tell?",
    "Write a polite answer to a customer whose parcel is a week late.",
    "What would you check first when a service gets slower every day?",
    "Turn these notes into a short list of tasks with an owner each.",
    "Give me a recipe with lentils for six people.",
    "Why is the sky dark at night?",
)
_FOLLOW_UPS = ("Why is that?", "Shorter, please.", "Can you give an example?", "And what if it fails half way?")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a simulated client."""

    at_s: float
    """Seconds from the start of the traffic."""
    headers: Mapping[str, str]
    body: bytes
    stream: bool


@dataclass(slots=True)
class _Conversation:
    number: int
    tenant: str
    tier: str
    stream: bool
    messages: list[dict[str, str]] = field(default_factory=list)
    last_at_s: float = 0.0

    @property
    def turns(self) -> int:
        return sum(m["role"] == "user" for m in self.messages)


def calls(*, seed: int, rate_per_s: float) -> Iterator[Call]:
    """Calls without end, in the order of their times.

    Earlier answers in a conversation's history are made up by the schedule, so that it depends on nothing but the seed.

    Args:
        rate_per_s: mean arrivals per second of the Poisson process.
    """
    rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    open_conversations: deque[_Conversation] = deque()
    at_s, started = 0.0, 0
    while True:
        at_s += rng.expovariate(rate_per_s)
        waiting = open_conversations and at_s - open_conversations[0].last_at_s >= _REST_S
        if waiting and rng.random() < _NEXT_TURN_SHARE:
            conversation = open_conversations.popleft()
            conversation.messages.append(
                {"role": "assistant", "content": f"(answer {conversation.turns} of this talk)"}
            )
            conversation.messages.append({"role": "user", "content": rng.choice(_FOLLOW_UPS)})
        else:
            started += 1
            conversation = _new_conversation(rng, started)
        conversation.last_at_s = at_s
        if conversation.turns < _MAX_TURNS and len(open_conversations) < _MAX_OPEN_CONVERSATIONS:
            open_conversations.append(conversation)
        yield _call(at_s, seed, conversation)


def _new_conversation(rng: random.Random, number: int) -> _Conversation:
    system = {"role": "system", "content": "You are a simulated assistant. Be brief."}
    question = {"role": "user", "content": f"(case {number}) {rng.choice(_QUESTIONS)}"}
    stream = rng.random() < STREAMED_SHARE
    return _Conversation(number, rng.choice(_TENANTS), rng.choice(_TIERS), stream, [system, question])


def _call(at_s: float, seed: int, conversation: _Conversation) -> Call:
    values: dict[str, object] = {"model": CLIENT_MODEL, "messages": conversation.messages}
    if conversation.stream:
        values |= {"stream": True, "stream_options": {"include_usage": True}}
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer simulated-client-key",
        CONVERSATION_HEADER: f"{seed}-{conversation.number}",
        TENANT_HEADER: conversation.tenant,
        TIER_HEADER: conversation.tier,
    }
    return Call(at_s, headers, json.dumps(values).encode(), conversation.stream)
