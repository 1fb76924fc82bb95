"""Two legs of one request: what is compared, and where the pair belongs."""

from datetime import UTC, datetime
from typing import Any

import pytest
import xxhash

from proxy.recorder.comparison import canonical_json, exact_match, tool_call_agreement, tool_calls_json
from proxy.recorder.json_validity import JsonChecker
from proxy.recorder.leg import LegReading, read_leg, receive
from proxy.recorder.pairing import (
    Circumstances,
    block_start,
    bucket_of,
    instant,
    is_gateway_cache,
    make_pair,
    make_skip,
)
from proxy.shadow.capture.frames import LegPlan
from proxy.wire.dialect import Answer, Asked, ToolCall
from proxy.wire.dialects.openai_chat import OpenAiChat
from record.cost import UNKNOWN_COST
from record.pair import Pair
from record.states import State
from tests.proxy.recorder.stage import SETUP, START_NS, START_UNIX_US, admitted, json_answer, leg_end, open_leg

AROUND = Circumstances("proxy-0", SETUP)


def reading(arm: int, text: str, **fields: Any) -> LegReading:
    end = leg_end(1, arm, json_answer(text), **fields)
    unknown = lambda usage, model, asked_model: UNKNOWN_COST  # noqa: E731 - as short as that
    return read_leg(receive([], end), OpenAiChat(), Asked(), unknown, JsonChecker().is_valid)


def pair(primary: dict[str, Any], candidate: dict[str, Any], **request: Any) -> Pair:
    ours, theirs = reading(0, "same", **primary), reading(1, "same", **candidate)
    return make_pair(admitted(1, [open_leg()], **request), open_leg(changed=["model"]), AROUND, ours, theirs)


def test_differences_are_candidate_minus_primary() -> None:
    made = pair({"t0_ns": START_NS + 5_000_000}, {"t0_ns": START_NS + 3_500_000})
    assert made.start_skew_ms == -1.5


def test_what_happened_around_the_legs_is_kept() -> None:
    """The larger of both lags; held time and overhead are the primary's; a gap on either side is a cut."""
    made = pair({"loop_lag_ns": 2_000_000, "held_ns": 7_000_000, "overhead_ns": 250_000}, {"loop_lag_ns": 9_000_000})
    assert (made.loop_lag_ms, made.held_ms, made.overhead_ms) == (9, 7, 0.25)
    assert made.capture_truncated is False
    assert made.changed == ("model",)
    assert made.exact_match is True
    assert (made.sample_share, made.request.experiment, made.request.worker) == (0.5, "e-llama", "proxy-0")


def test_a_leg_that_never_began_has_no_skew() -> None:
    assert pair({}, {"t0_ns": None}).start_skew_ms is None


def test_a_skip_names_its_reason_and_has_the_primary_alone() -> None:
    plan = LegPlan("qwen", "max_in_flight", 0.1, [])
    skip = make_skip(admitted(1, [plan]), plan, AROUND, reading(0, "x"))
    assert (skip.reason, skip.candidate, skip.request.experiment) == (State.MAX_IN_FLIGHT, "qwen", "e-qwen")
    assert skip.primary.chars == 1


def test_time_is_exact_to_the_microsecond_and_blocks_are_counted_from_the_epoch() -> None:
    """1 790 000 123.456789 s; blocks of 60 s begin at multiples of 60."""
    unix_us = 1_790_000_123_456_789
    assert instant(unix_us) == datetime(2026, 9, 21, 14, 15, 23, 456789, tzinfo=UTC)
    assert block_start(unix_us, 60.0) == datetime(2026, 9, 21, 14, 15, tzinfo=UTC)
    assert block_start(unix_us, 600.0) == datetime(2026, 9, 21, 14, 10, tzinfo=UTC)
    assert START_UNIX_US % 1_000_000 == 0


@pytest.mark.parametrize("conversation", [0, 1, 255, 2**64 - 1, 0x0123456789ABCDEF])
def test_the_bucket_is_the_low_byte_of_a_hash_of_the_conversation(conversation: int) -> None:
    digest = xxhash.xxh3_64(conversation.to_bytes(8, "little")).digest()
    assert bucket_of(conversation) == digest[-1]


@pytest.mark.parametrize(
    ("header", "is_hit"),
    [
        ((b"x-litellm-cache-key", b"abc"), True),
        ((b"x-litellm-cache-hit", b"True"), True),
        ((b"x-litellm-cache-hit", b"False"), False),
        ((b"x-cache", b"Hit from cloudfront"), True),
        ((b"x-cache", b"MISS, HIT"), True),
        ((b"x-cache", b"Miss from cloudfront"), False),
        ((b"cf-cache-status", b"HIT"), True),
        ((b"cf-cache-status", b"DYNAMIC"), False),
        ((b"helicone-cache", b"HIT"), True),
        ((b"x-portkey-cache-status", b"SEMANTIC HIT"), True),
        ((b"x-portkey-cache-status", b"MISS"), False),
        ((b"content-type", b"hit"), False),
    ],
)
def test_a_gateways_cache_is_known_by_its_headers(header: tuple[bytes, bytes], is_hit: bool) -> None:
    assert is_gateway_cache(leg_end(1, 0, b"", headers=[header])) is is_hit


def call(name: str, arguments: str) -> ToolCall:
    return ToolCall("id", name, arguments)


def calling(*calls: ToolCall) -> Answer:
    return Answer(text="", tool_calls=calls)


def test_texts_are_compared_where_both_are_known_and_one_says_something() -> None:
    assert exact_match(Answer(text="a"), Answer(text="a")) is True
    assert exact_match(Answer(text="a"), Answer(text="")) is False
    assert exact_match(Answer(text="a"), Answer()) is None
    assert exact_match(Answer(text=""), Answer(text="")) is None


def test_tool_calls_agree_by_name_and_by_the_value_of_their_arguments() -> None:
    """Order of calls, order of keys and blanks mean nothing; the larger number of calls is the whole."""
    f, g = call("f", '{"a": 1, "b": [1, 2]}'), call("g", "")
    assert tool_call_agreement(calling(f, g), calling(call("g", "{}"), call("f", '{"b":[1,2],"a":1}'))) == 1
    assert tool_call_agreement(calling(f), calling(call("f", '{"a":1}'))) == 0
    assert tool_call_agreement(calling(f), calling(f, g)) == 0.5
    assert tool_call_agreement(calling(f, f), calling(f)) == 0.5
    assert tool_call_agreement(calling(), calling(f)) == 0
    assert tool_call_agreement(calling(), calling()) is None
    assert tool_call_agreement(calling(f), Answer(text="")) is None


def test_canonical_arguments_keep_what_is_not_json() -> None:
    assert canonical_json(' {"b":1, "a":"ä"} ') == '{"a":"ä","b":1}'
    assert canonical_json("{broken") == "{broken"
    assert canonical_json('{"a":"\\ud800"}') == '{"a":"\ufffd"}'
    assert (
        tool_calls_json((call("f", '{"b":1,"a":2}'),)) == '[{"arguments":"{\\"a\\":2,\\"b\\":1}","id":"id","name":"f"}]'
    )
    assert tool_calls_json(()) == ""
