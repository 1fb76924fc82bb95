"""The simulated traffic: Poisson arrivals of conversations, the same for the same seed."""

import json
import math
from itertools import islice, pairwise
from statistics import mean

from cli.demo.schedule import STREAMED_SHARE, Call, calls
from cli.demo.setting import CONVERSATION_HEADER, TENANT_HEADER, TIER_HEADER


def first(count: int, *, seed: int = 1, rate_per_s: float = 50.0) -> list[Call]:
    return list(islice(calls(seed=seed, rate_per_s=rate_per_s), count))


def test_a_seed_is_a_schedule() -> None:
    assert first(300) == first(300)
    assert first(300) != first(300, seed=2)


def test_arrivals_are_a_poisson_process_of_the_rate() -> None:
    """Gaps are exponential: mean 1/rate, and a squared coefficient of variation of 1; within four standard errors."""
    at_s = [call.at_s for call in first(5_000)]
    gaps = [b - a for a, b in pairwise(at_s)]
    n, average = len(gaps), mean(gaps)
    variation = mean((g - average) ** 2 for g in gaps) / average**2
    assert abs(average - 1 / 50) < 4 / 50 / math.sqrt(n)
    assert abs(variation - 1) < 4 * math.sqrt(8 / n)


def test_turns_of_a_conversation_grow_its_history_and_keep_its_labels() -> None:
    seen: dict[str, Call] = {}
    longer = 0
    for call in first(2_000):
        name = call.headers[CONVERSATION_HEADER]
        if name in seen:
            before = json.loads(seen[name].body)["messages"]
            assert json.loads(call.body)["messages"][: len(before)] == before
            assert [call.headers[h] for h in (TENANT_HEADER, TIER_HEADER)] == [
                seen[name].headers[h] for h in (TENANT_HEADER, TIER_HEADER)
            ]
            assert call.stream == seen[name].stream
            assert call.at_s - seen[name].at_s >= 0.5
            longer += 1
        seen[name] = call
    assert longer > 400


def test_about_six_in_ten_conversations_are_streamed_and_ask_for_usage() -> None:
    by_conversation = {call.headers[CONVERSATION_HEADER]: call for call in first(4_000)}
    streamed = [call for call in by_conversation.values() if call.stream]
    error = math.sqrt(STREAMED_SHARE * (1 - STREAMED_SHARE) / len(by_conversation))
    assert abs(len(streamed) / len(by_conversation) - STREAMED_SHARE) < 4 * error
    assert all(json.loads(c.body)["stream_options"] == {"include_usage": True} for c in streamed)
    assert not any("stream" in json.loads(c.body) for c in by_conversation.values() if not c.stream)
