"""From frames to rows: tokens and costs where a provider reports them, does not, or reports nonsense."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from proxy.recorder.builder import Builder, Built
from proxy.recorder.exchange import Assembler, Place
from proxy.recorder.losses import Losses
from proxy.recorder.pairing import Circumstances
from proxy.recorder.pricing import PriceList
from proxy.wire.dialects.table import DIALECTS
from record.outcome import Outcome
from record.pair import Leg, Pair
from store.tables import PAIRS
from tests.proxy.recorder.stage import SETUP, admitted, chunk, config, leg_end, open_leg
from tests.proxy.wire.samples import dump

NOWHERE = Place(0, 0, 1)
ASKED = dump({"model": "m", "messages": [{"role": "user", "content": "Say this is a test"}]})
"""545 hundredths of tokens and a frame of 700: 12 tokens."""


def said(text: str = "This is a test.", **fields: Any) -> bytes:
    """100 + 3 * 105 + 25 + 50 hundredths: 5 tokens."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return dump({"model": "m", "choices": [choice], **fields})


class Made:
    """What the builder made, and its counts."""

    def __init__(self, built: Built, builder: Builder) -> None:
        assert isinstance(built.record, Pair)
        self.primary, self.candidate = built.record.primary, built.record.candidate_leg
        self.row = dict(zip(PAIRS.names(), built.row("batch"), strict=True))
        self.builder = builder


def build(
    directory: Path,
    primary: bytes,
    candidate: bytes,
    *,
    changed: tuple[str, ...] = (),
    body: bytes = ASKED,
    **fields: Any,
) -> Made:
    def gone(place: Place) -> Any:
        raise LookupError(place)

    settings = config(directory)
    assembler = Assembler(gone, Losses(), max_held_bytes=2**20)
    ready = assembler.feed(admitted(1, [open_leg(changed=changed)], body=body, **fields), NOWHERE)
    for arm, data in enumerate((primary, candidate)):
        ready = assembler.feed(leg_end(1, arm, data), NOWHERE)
    builder = Builder(settings, PriceList(settings, lambda model: None))
    return Made(builder.build(ready[0], assembler, Circumstances("proxy-0", SETUP)), builder)


def tokens(leg: Leg) -> tuple[int | None, int | None, bool]:
    return leg.usage.input_tokens, leg.usage.output_tokens, leg.usage.estimated


def test_reported_tokens_stay_and_both_arms_are_estimated_alike(tmp_path: Path) -> None:
    built = build(tmp_path, said(usage={"prompt_tokens": 13, "completion_tokens": 6}), said())
    assert tokens(built.primary) == (13, 6, False)
    for arm in ("primary", "candidate"):
        assert (built.row[f"{arm}_estimated_input_tokens"], built.row[f"{arm}_estimated_output_tokens"]) == (12, 5)
    assert built.row["primary_raw_usage"] == '{"completion_tokens":6,"prompt_tokens":13}'
    assert built.row["candidate_raw_usage"] == ""


def test_where_none_are_reported_the_estimate_stands_marked_and_priced(tmp_path: Path) -> None:
    """12 tokens at $1 and 5 at $2 per million (the candidate's own price)."""
    built = build(tmp_path, said(), said())
    assert tokens(built.candidate) == (12, 5, True)
    assert built.candidate.cost.usd == Decimal("0.000022")
    assert (built.row["candidate_tokens_estimated"], built.row["candidate_input_tokens"]) == (True, 12)


def test_a_missing_count_alone_is_filled_and_the_leg_marked(tmp_path: Path) -> None:
    built = build(tmp_path, said(usage={"prompt_tokens": 13}), said(usage={"completion_tokens": 7}))
    assert tokens(built.primary) == (13, 5, True)
    assert tokens(built.candidate) == (12, 7, True)


def test_an_arm_that_was_sent_another_text_has_no_estimate_of_its_input(tmp_path: Path) -> None:
    built = build(tmp_path, said(), said(), changed=("model", "tools"))
    assert tokens(built.primary) == (12, 5, True)
    assert (built.candidate.estimate.input_tokens, tokens(built.candidate)) == (None, (None, 5, True))
    assert built.candidate.cost.usd is None
    plain = build(tmp_path, said(), said(), changed=("model", "stream_options", "temperature"))
    assert plain.candidate.estimate.input_tokens == 12


HIDDEN = {"completion_tokens": 300, "prompt_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 290}}


@pytest.mark.parametrize(
    "answer",
    [
        said(usage=HIDDEN),
        dump({"choices": [{"index": k, "message": {"content": "a"}, "finish_reason": "stop"} for k in (0, 1)]}),
    ],
    ids=["thoughts that are not shown", "several choices"],
)
def test_what_is_counted_but_not_shown_has_no_estimate(answer: bytes, tmp_path: Path) -> None:
    leg = build(tmp_path, answer, said()).primary
    assert leg.estimate.output_tokens is None


def test_thoughts_that_are_shown_are_part_of_the_estimate(tmp_path: Path) -> None:
    message = {"content": "This is a test.", "reasoning": "This is a test."}
    answer = dump({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    assert build(tmp_path, answer, said()).primary.estimate.output_tokens == 10


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":{"message":"no"}}'])
def test_a_leg_that_failed_is_charged_nothing_that_nobody_reported(body: bytes, tmp_path: Path) -> None:
    leg = build(tmp_path, said(), body).candidate
    assert leg.outcome is not Outcome.OK
    assert (tokens(leg), leg.cost.usd, leg.estimate.output_tokens) == ((None, None, False), None, None)


ABSURD: dict[str, dict[str, Any]] = {
    "negative": {"prompt_tokens": -5, "completion_tokens": 6},
    "huge": {"prompt_tokens": 10**12, "completion_tokens": 6},
    "without end": {"prompt_tokens": 10**30, "completion_tokens": 6},
    "text": {"prompt_tokens": "5", "completion_tokens": 6},
    "fraction": {"prompt_tokens": 5.5, "completion_tokens": 6},
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_counts_are_unknown_counted_and_kept_as_they_came(name: str, tmp_path: Path) -> None:
    """The count that cannot be is replaced by the estimate, marked; the cost is never negative."""
    built = build(tmp_path, said(), said(usage=ABSURD[name]))
    assert tokens(built.candidate) == (12, 6, True)
    assert built.builder.odd_usages == 1
    assert str(ABSURD[name]["prompt_tokens"]).lstrip("-") in str(built.row["candidate_raw_usage"])
    assert built.candidate.cost.usd is not None
    assert built.candidate.cost.usd >= 0


def test_numbers_that_are_none_are_odd_and_stay_readable(tmp_path: Path) -> None:
    body = said().replace(b'"model"', b'"usage":{"prompt_tokens":NaN,"completion_tokens":1e400},"model"')
    built = build(tmp_path, said(), body)
    assert tokens(built.candidate) == (12, 5, True)
    assert built.row["candidate_raw_usage"] == '{"completion_tokens":"inf","prompt_tokens":"nan"}'


def test_usage_that_is_too_much_to_keep_is_dropped_and_counted(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 13, "completion_tokens": 6, "note": "x" * 10_000}
    built = build(tmp_path, said(), said(usage=usage))
    assert (tokens(built.candidate), built.row["candidate_raw_usage"]) == ((13, 6, False), "")
    assert built.builder.dropped_raw_usages == 1


def test_a_model_that_only_the_path_names_is_priced(tmp_path: Path) -> None:
    """Gemini's answers may leave `modelVersion` out. 9 in at $0.30 and 14 out at $2.50 per million (Google's list)."""
    settings = config(tmp_path).model_copy(
        update={"primary": config(tmp_path).primary.model_copy(update={"price": None})}
    )
    counts = {"promptTokenCount": 9, "candidatesTokenCount": 14, "totalTokenCount": 23}
    answer = dump(
        {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}], "usageMetadata": counts}
    )

    def gone(place: Place) -> Any:
        raise LookupError(place)

    assembler = Assembler(gone, Losses(), max_held_bytes=2**20)
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    ready = assembler.feed(admitted(1, [open_leg()], endpoint="generateContent", path=path, body=b"{}"), NOWHERE)
    for arm in (0, 1):
        ready = assembler.feed(leg_end(1, arm, answer), NOWHERE)
    builder = Builder(settings, PriceList(settings, lambda model: None))
    record = builder.build(ready[0], assembler, Circumstances("proxy-0", SETUP)).record
    assert record.primary.cost.usd == Decimal("0.0000377")


@pytest.mark.parametrize("endpoint", sorted(DIALECTS))
def test_an_answer_of_which_most_was_not_kept_costs_no_more_than_what_was(endpoint: str, tmp_path: Path) -> None:
    """A hundred megabytes were streamed; the log has both ends. Text and estimate are unknown, the outcome is not."""

    def gone(place: Place) -> Any:
        raise LookupError(place)

    head, tail = b"data: " + b"x" * 262_144, b"x" * 65_536 + b"\n\n"
    assembler = Assembler(gone, Losses(), max_held_bytes=2**24)
    assembler.feed(admitted(1, [open_leg()], endpoint=endpoint), NOWHERE)
    assembler.feed(leg_end(1, 0, b"{}"), NOWHERE)
    assembler.feed(chunk(1, 1, head, start=0, at_ms=[1], ends=[len(head)]), NOWHERE)
    size = 100 * 2**20
    end = leg_end(1, 1, tail, body_bytes=size, gap_bytes=size - len(head) - len(tail), ends=[size], times_ns=[1])
    settings = config(tmp_path)
    built = Builder(settings, PriceList(settings, lambda model: None)).build(
        assembler.feed(end, NOWHERE)[0], assembler, Circumstances("proxy-0", SETUP)
    )
    assert isinstance(built.record, Pair)
    leg = built.record.candidate_leg
    assert (leg.chars, leg.estimate.output_tokens, built.record.capture_truncated) == (None, None, True)
    assert built.size_bytes < 2**20
