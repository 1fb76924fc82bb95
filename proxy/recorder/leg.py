"""Bytes and marks of one leg -> what that arm did with the request."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.recorder.estimating import completed, estimate_of
from proxy.recorder.raw_usage import raw_usage_text
from proxy.recorder.refusal import is_refusal
from proxy.shadow.capture.frames import Chunk, LegEnd
from proxy.wire.body import Reply
from proxy.wire.dialect import Answer, Asked, Dialect
from record.cost import Cost
from record.outcome import Outcome
from record.pair import Leg
from record.timing import Timing
from record.usage import Usage

_NS_PER_MS = 1e6
MAX_NAME_CHARS = 256
"""Of a model and of a finish reason; what is longer is no name, and is cut."""


class HoleInLog(Exception):  # noqa: N818 - what happened, not an error of the caller's
    """A stretch of an answer never reached the log: the exchange cannot be recorded as it was."""


class CostOf(Protocol):
    """What tokens cost, for one arm."""

    def __call__(self, usage: Usage, model: str | None, asked_model: str | None) -> Cost:
        """The cost; unknown where the price or a count is."""
        ...


class IsValidJson(Protocol):
    """Is a text the JSON that was asked for?"""

    def __call__(self, text: str, asked: Asked) -> bool | None:
        """None where none was asked for, or nobody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class Received:
    """A leg's frames, put together."""

    end: LegEnd
    reply: Reply
    times_ns: Sequence[int]
    """Arrival of each read; as many as `reply.ends`."""


@dataclass(frozen=True, slots=True)
class LegReading:
    """A leg as it is recorded, and what the comparison with the other needs besides."""

    leg: Leg
    answer: Answer
    end: LegEnd
    dropped_raw_usage: bool
    """The provider reported more than can be kept."""


def receive(chunks: Sequence[Chunk], end: LegEnd) -> Received:
    """Puts the stretches of a response together.

    Raises:
        HoleInLog: their lengths do not add up.
    """
    if not chunks and not end.gap_bytes:
        head, tail, times, ends = end.data, b"", end.times_ns, end.ends
    else:
        pieces = [chunk.data for chunk in chunks]
        tail = end.data if end.gap_bytes else b""
        head = b"".join(pieces if end.gap_bytes else [*pieces, end.data])
        times = [t for chunk in chunks for t in chunk.times_ns] + end.times_ns
        ends = [e for chunk in chunks for e in chunk.ends] + end.ends
    if len(head) + end.gap_bytes + len(tail) != end.body_bytes or len(times) != len(ends):
        raise HoleInLog(f"{end.body_bytes} bytes were received, {len(head) + len(tail)} are in the log")
    return Received(end, Reply(end.status, end.headers, head, tail, end.gap_bytes, ends), times)


def read_leg(
    received: Received, dialect: Dialect, asked: Asked, cost_of: CostOf, is_valid_json: IsValidJson
) -> LegReading:
    """What the arm did. Garbage is an outcome, never an exception."""
    end = received.end
    answer = dialect.read_answer(received.reply) if received.reply.head else Answer(fault="empty")
    answered = answer.fault is None and end.body_bytes > 0
    text = answer.text if answered else None
    outcome = outcome_of(end, answer)
    estimate = estimate_of(answer, asked, outcome, dialect.endpoint)
    usage = completed(answer.usage, estimate)
    raw_usage = raw_usage_text(answer.raw_usage)
    leg = Leg(
        outcome=outcome,
        model=_name(answer.model),
        status=end.status,
        timing=timing_of(received, answer),
        usage=usage,
        cost=cost_of(usage, answer.model, asked.model),
        finish_reason=_name(answer.finish_reason),
        chars=None if text is None else len(text),
        refusal=is_refusal(answer) if text is not None else None,
        tool_calls=None if answer.tool_calls is None else len(answer.tool_calls),
        valid_json=is_valid_json(text, asked) if text is not None and not answer.tool_calls else None,
        raw_usage=raw_usage or "",
        estimate=estimate,
    )
    return LegReading(leg, answer, end, raw_usage is None)


def _name(text: str | None) -> str | None:
    return None if text is None else text[:MAX_NAME_CHARS]


def outcome_of(end: LegEnd, answer: Answer) -> Outcome:
    """What the transport saw comes first, then the status, then what the bytes say."""
    transport = Outcome(end.outcome)
    if transport is not Outcome.OK:
        return transport
    if end.status is not None and end.status >= 400:
        return Outcome.HTTP_ERROR
    if answer.error is not None:
        return Outcome.PROVIDER_ERROR
    if answer.fault is not None:
        return Outcome.INVALID
    return Outcome.OK if answer.ended else Outcome.TRUNCATED


def timing_of(received: Received, answer: Answer) -> Timing:
    """Milliseconds from t0; an event has the time of the read that completed it (design section 7)."""
    end, marks = received.end, answer.marks
    connect_ms = None if end.connect_ns is None else end.connect_ns / _NS_PER_MS
    t0_ns = end.t0_ns
    if t0_ns is None:
        return Timing(connect_ms=connect_ms, connection_reused=end.reused)
    ends, times = received.reply.ends, received.times_ns

    def at(offset: int | None) -> float | None:
        if offset is None or not times:
            return None
        return _ms(times[min(bisect_left(ends, offset), len(times) - 1)], t0_ns)

    return Timing(
        connect_ms=connect_ms,
        connection_reused=end.reused,
        ttfb_ms=_ms(times[0], t0_ns) if times else None,
        ttfe_ms=at(marks.first_event),
        ttfr_ms=at(marks.first_reasoning),
        ttft_ms=at(marks.first_content),
        # A leg that failed has no last byte; a time until failure would be compared with times until success.
        total_ms=_ms(end.end_ns, t0_ns) if end.outcome == Outcome.OK else None,
        itl_ms=_itl_ms(at(marks.first_content), at(marks.last_content), answer),
    )


def _ms(instant_ns: int, t0_ns: int) -> float:
    """An answer that overtakes the end of its request came at once, not before."""
    return max(0, instant_ns - t0_ns) / _NS_PER_MS


def _itl_ms(first_ms: float | None, last_ms: float | None, answer: Answer) -> float | None:
    """(last - first content chunk) / (visible output tokens - 1); with several choices the tokens are not one's own.

    Unknown where the model thought and nobody counted the thoughts apart (Anthropic, Ollama): the output has both.
    """
    output = answer.usage.output_tokens
    if first_ms is None or last_ms is None or output is None:
        return None
    thoughts = answer.usage.reasoning_tokens
    if thoughts is None and answer.marks.first_reasoning is not None:
        return None
    visible = output - (thoughts or 0)
    if answer.marks.content_chunks < 2 or visible < 2 or answer.choices != 1:
        return None
    return (last_ms - first_ms) / (visible - 1)
