"""One leg: its outcome, its times, its numbers."""

import json
from typing import Any

import pytest

from proxy.recorder.json_validity import JsonChecker
from proxy.recorder.leg import MAX_NAME_CHARS, HoleInLog, LegReading, read_leg, receive
from proxy.shadow.capture.frames import Chunk
from proxy.wire.dialect import Asked
from proxy.wire.dialects.openai_chat import OpenAiChat
from record.cost import UNKNOWN_COST, Cost
from record.outcome import Outcome
from record.usage import Usage
from tests.proxy.recorder.stage import START_NS, chunk, json_answer, leg_end

T0 = START_NS + 1_000_000


def free(usage: Usage, model: str | None, asked_model: str | None) -> Cost:
    del usage, model, asked_model
    return UNKNOWN_COST


def read(data: bytes, *chunks: Chunk, asked: Asked = Asked(), **fields: Any) -> LegReading:  # noqa: B008 - frozen
    return read_leg(receive(chunks, leg_end(1, 0, data, **fields)), OpenAiChat(), asked, free, JsonChecker().is_valid)


def delta(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"' + text.encode() + b'"}}]}\n\n'


END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":%b}\n\ndata: [DONE]\n\n'
USAGE = b'{"prompt_tokens":5,"completion_tokens":14,"completion_tokens_details":{"reasoning_tokens":10}}'


@pytest.mark.parametrize(
    ("fields", "data", "outcome"),
    [
        ({}, json_answer("hi"), Outcome.OK),
        ({"status": 500}, b'{"error":{"message":"no"}}', Outcome.HTTP_ERROR),
        ({"status": 502}, b"<html>", Outcome.HTTP_ERROR),
        ({"status": 429}, b"", Outcome.HTTP_ERROR),
        ({}, b'{"error":{"message":"no"}}', Outcome.PROVIDER_ERROR),
        ({}, b"<html>", Outcome.INVALID),
        ({}, b"", Outcome.INVALID),
        ({}, delta("a"), Outcome.TRUNCATED),
        ({"outcome": "truncated"}, json_answer("hi"), Outcome.TRUNCATED),
        ({"outcome": "timeout", "status": None}, b"", Outcome.TIMEOUT),
        ({"outcome": "too_large"}, delta("a"), Outcome.TOO_LARGE),
        ({"outcome": "client_abort", "status": 500}, b"", Outcome.CLIENT_ABORT),
        ({"outcome": "connect_error", "status": None, "t0_ns": None}, b"", Outcome.CONNECT_ERROR),
    ],
)
def test_what_the_transport_saw_comes_first_then_the_status_then_the_bytes(
    fields: dict[str, Any], data: bytes, outcome: Outcome
) -> None:
    assert read(data, **fields).leg.outcome is outcome


def test_the_times_of_a_stream_are_those_of_the_reads_that_completed_its_events() -> None:
    """Reads at 10, 20, ... ms; the second delta is cut in two and belongs to the read that brought its end.

    14 output tokens of which 10 were reasoning: 4 visible ones. (60 - 20) / (4 - 1) ms between them.
    """
    role = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    second = delta("b")
    pieces = [role, delta("a"), second[:20], second[20:], b": x\n\n", delta("c"), END % USAGE]
    ends = [sum(map(len, pieces[: i + 1])) for i in range(len(pieces))]
    body = b"".join(pieces)
    times = [T0 + 10_000_000 * (i + 1) for i in range(len(pieces))]
    timing = read(body, ends=ends, times_ns=times, end_ns=T0 + 75_000_000).leg.timing
    assert (timing.ttfb_ms, timing.ttfe_ms, timing.ttft_ms, timing.total_ms) == (10, 10, 20, 75)
    assert timing.itl_ms == pytest.approx((60 - 20) / 3)
    assert timing.ttfr_ms is None


def test_time_between_tokens_is_unknown_where_thoughts_are_among_them_uncounted() -> None:
    """The output then holds thoughts too, and nobody says how many; without a thought all of it is visible."""
    thought = b'data: {"choices":[{"index":0,"delta":{"reasoning":"hm"}}]}\n\n'
    uncounted = b'{"prompt_tokens":5,"completion_tokens":14}'
    assert read(thought + delta("a") + delta("b") + END % uncounted).leg.timing.itl_ms is None
    assert read(thought + delta("a") + delta("b") + END % USAGE).leg.timing.itl_ms is not None
    assert read(delta("a") + delta("b") + END % uncounted).leg.timing.itl_ms is not None


def test_one_read_that_brings_all_gives_all_events_its_time() -> None:
    body = delta("a") + delta("b") + END % USAGE
    timing = read(body, ends=[len(body)], times_ns=[T0 + 7_000_000]).leg.timing
    assert (timing.ttfe_ms, timing.ttft_ms, timing.itl_ms) == (7, 7, 0)


def test_times_that_never_came_are_unknown() -> None:
    """No t0: the request never left. No token counts: no time between tokens. A failed leg has no last byte."""
    assert read(b"", outcome="connect_error", t0_ns=None, connect_ns=3_000_000).leg.timing.connect_ms == 3
    assert read(b"", outcome="connect_error", t0_ns=None).leg.timing.total_ms is None
    assert read(delta("a") + delta("b") + b"data: [DONE]\n\n").leg.timing.itl_ms is None
    assert read(delta("a"), outcome="timeout").leg.timing.total_ms is None
    assert read(json_answer("hi")).leg.timing.ttft_ms is None


def test_an_answer_that_overtakes_its_request_came_at_once() -> None:
    timing = read(b'{"error":"too large"}', status=413, times_ns=[T0 - 5], end_ns=T0 - 5).leg.timing
    assert (timing.ttfb_ms, timing.total_ms) == (0, 0)


def test_an_answer_that_was_spilled_reads_like_one_that_was_not() -> None:
    body = delta("a") + delta("b") + END % USAGE
    at_ms = [10, 20, 30]
    ends = [len(delta("a")), len(delta("a") + delta("b")), len(body)]
    whole = read(body, ends=ends, times_ns=[T0 + round(ms * 1e6) for ms in at_ms])
    cut = ends[1]
    spilled = read(
        body[cut:],
        chunk(1, 0, body[:cut], start=0, at_ms=at_ms[:2], ends=ends[:2]),
        ends=ends[2:],
        times_ns=[T0 + 30_000_000],
        body_bytes=len(body),
    )
    assert spilled.leg == whole.leg
    assert spilled.answer == whole.answer


def test_a_stretch_that_is_missing_is_noticed() -> None:
    with pytest.raises(HoleInLog):
        receive([], leg_end(1, 0, b"rest", body_bytes=10))


def test_a_gap_is_no_hole_and_leaves_the_text_unknown() -> None:
    body = b"".join(delta(f"w{i}") for i in range(50)) + END % USAGE
    first = chunk(1, 0, body[:500], start=0, at_ms=[1], ends=[500])
    leg = read(
        body[-500:],
        first,
        gap_bytes=len(body) - 1000,
        body_bytes=len(body),
        ends=[len(body)],
        times_ns=[T0 + 90_000_000],
    ).leg
    assert (leg.outcome, leg.chars, leg.refusal, leg.usage.output_tokens) == (Outcome.OK, None, None, 14)
    assert leg.timing.ttft_ms == 1
    assert leg.timing.itl_ms == pytest.approx((90 - 1) / 3)


def test_json_is_judged_only_when_it_was_asked_for() -> None:
    asked = Asked(wants_json=True)
    assert read(json_answer('{"a": 1}'), asked=asked).leg.valid_json is True
    assert read(json_answer('{"a": 1'), asked=asked).leg.valid_json is False
    assert read(json_answer('```json\n{"a": 1}\n```'), asked=asked).leg.valid_json is False
    assert read(json_answer('{"a": 1}')).leg.valid_json is None
    assert read(b"<html>", asked=asked).leg.valid_json is None


def test_names_without_end_are_cut_as_whoever_answers_may_write_anything() -> None:
    whole = json_answer("hi").replace(b'"stop"', b'"' + b"r" * 300_000 + b'"')
    fields = json.loads(whole) | {"model": "m" * 300_000}
    leg = read(json.dumps(fields).encode()).leg
    assert (leg.model, leg.finish_reason) == ("m" * MAX_NAME_CHARS, "r" * MAX_NAME_CHARS)


def test_characters_are_code_points() -> None:
    assert read(json_answer("né😀")).leg.chars == 3
    assert read(b'{"error":"x"}').leg.chars is None
