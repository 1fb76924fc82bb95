"""The replay's comparison sees what it is there to see."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.asking import Ask, Got
from bench.compared import Comparison, check_clients
from bench.recordings import Recording, Served, usage_of

QUESTION = "Why is the sky dark at night?"
RECORDINGS = {
    "primary": {QUESTION: Recording(QUESTION, "model-p", "Because the universe is young.")},
    "other": {QUESTION: Recording(QUESTION, "model-o", "It is not.")},
}
ASK = Ask(0.0, "model-p", QUESTION, "openai", stream=False, include_usage=False)
USAGES = {arm: usage_of(of[QUESTION]) for arm, of in RECORDINGS.items()}
SERVED = {arm: [Served(QUESTION, stream=False, usage=usage)] for arm, usage in USAGES.items()}

Rows = list[dict[str, Any]]


def leg(arm: str, recorded: str) -> dict[str, Any]:
    recording, usage = RECORDINGS[recorded][QUESTION], USAGES[recorded]
    values = {
        "model": recording.model,
        "outcome": "ok",
        "status": 200,
        "finish_reason": "stop",
        "chars": len(recording.output),
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "cached_tokens": usage["prompt_tokens_details"]["cached_tokens"],
        "reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"],
        "tokens_estimated": False,
    }
    return {f"{arm}_{name}": value for name, value in values.items()}


def pairs() -> Rows:
    row = {"request_id": "1", "candidate": "other", "stream": False, "exact_match": False, "capture_truncated": False}
    return [{**row, **leg("primary", "primary"), **leg("candidate", "other")}]


def payloads() -> Rows:
    request = json.dumps(ASK.body)
    return [
        {"request_id": "1", "side": arm, "request": request, "response": RECORDINGS[arm][QUESTION].output}
        for arm in RECORDINGS
    ]


def faults(pair_rows: Rows, payload_rows: Rows) -> list[str]:
    comparison = Comparison(RECORDINGS, SERVED, [ASK], payload_rows)
    comparison.check_pairs(pair_rows)
    return comparison.faults


def test_what_was_recorded_has_no_faults() -> None:
    assert faults(pairs(), payloads()) == []


@pytest.mark.parametrize(
    "column",
    [
        "primary_model",
        "candidate_model",
        "primary_output_tokens",
        "candidate_input_tokens",
        "candidate_cached_tokens",
        "candidate_reasoning_tokens",
        "candidate_chars",
        "primary_outcome",
        "exact_match",
        "stream",
        "capture_truncated",
    ],
)
def test_a_single_wrong_value_is_a_fault(column: str) -> None:
    rows = pairs()
    value = rows[0][column]
    rows[0][column] = not value if isinstance(value, bool) else f"{value}x"
    assert len(faults(rows, payloads())) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows, texts: rows.clear(), "1 pairs are missing"),
        (lambda rows, texts: rows.append(dict(rows[0])), "1 are doubled"),
        (lambda rows, texts: texts[1].update(response="It is nοt."), "stored text of other"),
        (lambda rows, texts: texts.pop(1), "stored text of other"),
        (lambda rows, texts: texts.append(dict(texts[0])), "stored twice"),
        (lambda rows, texts: texts.pop(0), "without the primary's payload"),
    ],
)
def test_rows_that_are_missing_doubled_or_changed_are_faults(spoil: Callable[[Rows, Rows], Any], said: str) -> None:
    rows, texts = pairs(), payloads()
    spoil(rows, texts)
    assert any(said in fault for fault in faults(rows, texts))


def test_a_client_that_got_the_candidates_answer_is_a_fault() -> None:
    mine, theirs = RECORDINGS["primary"][QUESTION], RECORDINGS["other"][QUESTION]
    tokens = USAGES["primary"]["completion_tokens"]
    assert check_clients([ASK], [Got(QUESTION, mine.output, "model-p", tokens)], RECORDINGS["primary"]) == []
    assert check_clients([ASK], [Got(QUESTION, theirs.output, "model-p", tokens)], RECORDINGS["primary"])
