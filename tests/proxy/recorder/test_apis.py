"""An exchange of every API becomes a pair whose two legs have their texts, tokens and costs."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from proxy.recorder.builder import Builder, Built
from proxy.recorder.exchange import Assembler, Place
from proxy.recorder.losses import Losses
from proxy.recorder.pairing import Circumstances
from proxy.recorder.pricing import PriceList
from record.outcome import Outcome
from record.pair import Pair
from tests.proxy.recorder.stage import SETUP, admitted, config, leg_end, open_leg
from tests.proxy.wire.samples import STREAMS, WHOLE, Sample, dump

ALL = [*STREAMS, *WHOLE]
NOWHERE = Place(0, 0, 1)


def build(directory: Path, sample: Sample, *, changed: tuple[str, ...] = (), **request: Any) -> Built:
    """The same answer from both upstreams."""

    def gone(place: Place) -> Any:
        raise LookupError(place)

    settings = config(directory)
    assembler = Assembler(gone, Losses(), max_held_bytes=2**20)
    frame = admitted(1, [open_leg(changed=changed)], endpoint=sample.endpoint, **request)
    ready = assembler.feed(frame, NOWHERE)
    for arm in (0, 1):
        ready = assembler.feed(leg_end(1, arm, sample.body, headers=sample.headers), NOWHERE)
    builder = Builder(settings, PriceList(settings, lambda model: None))
    return builder.build(ready[0], assembler, Circumstances("proxy-0", SETUP))


@pytest.mark.parametrize("sample", ALL, ids=lambda s: f"{s.name}{' whole' if s in WHOLE else ''}")
def test_both_legs_are_read_in_their_own_api(sample: Sample, tmp_path: Path) -> None:
    """Own prices: 2.5 and 10 dollars per million at the primary, 1 and 2 at the candidate; cached tokens cost alike."""
    pair = build(tmp_path, sample).record
    assert isinstance(pair, Pair)
    inputs, outputs = sample.tokens
    assert inputs is not None
    assert outputs is not None
    for leg, (input_price, output_price) in ((pair.primary, ("2.5", "10")), (pair.candidate_leg, ("1", "2"))):
        assert (leg.outcome, leg.finish_reason, leg.model) == (Outcome.OK, sample.finish_reason, "m")
        assert (leg.usage.input_tokens, leg.usage.output_tokens) == sample.tokens
        assert leg.cost.usd == (inputs * Decimal(input_price) + outputs * Decimal(output_price)) / 10**6
        assert leg.chars == (None if sample.text is None else len(sample.text))
    assert pair.exact_match is (None if sample.text is None else True)


ASKS_FOR_JSON = {
    "chat/completions": ("response_format", {"response_format": {"type": "json_object"}}),
    "responses": ("text", {"text": {"format": {"type": "json_object"}}}),
    "messages": ("output_config", {"output_config": {"format": {"type": "json_schema"}}}),
    "generateContent": ("generationConfig", {"generationConfig": {"responseMimeType": "application/json"}}),
    "api/chat": ("format", {"format": "json"}),
}


@pytest.mark.parametrize("endpoint", sorted(ASKS_FOR_JSON))
def test_json_is_judged_unless_the_field_that_asked_for_it_was_changed(endpoint: str, tmp_path: Path) -> None:
    """The text is no JSON: that is held against the arm that was asked for it, and only against that."""
    sample = next(sample for sample in WHOLE if sample.endpoint == endpoint)
    field, asks = ASKS_FOR_JSON[endpoint]
    same = build(tmp_path, sample, body=dump(asks)).record
    assert isinstance(same, Pair)
    assert (same.primary.valid_json, same.candidate_leg.valid_json) == (False, False)
    other = build(tmp_path, sample, body=dump(asks), changed=(field, "model")).record
    assert isinstance(other, Pair)
    assert (other.primary.valid_json, other.candidate_leg.valid_json) == (False, None)
