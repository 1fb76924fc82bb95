"""What counts as a refusal: the provider's word, else a rule over English phrases that is checked against people."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.recorder.refusal import ANSWER_FROM_CHARS, is_refusal, reads_as_refusal
from proxy.wire.dialect import Answer
from tests.proxy.recorder.refusal_labels import NO_REFUSALS, REFUSALS

OUTPUTS = (
    Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).parents[4] / "shared")) / "data" / "pairs" / "outputs"
)


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [
        (Answer(text="", refusal="I will not"), True),
        (Answer(text="", finish_reason="content_filter", declined=True), True),
        (Answer(text="I'm sorry, but I can't assist with that request."), True),
        (Answer(text="I’m very sorry, but I can’t help with that."), True),
        (Answer(text="I cannot help you with this."), True),
        (Answer(text="Unfortunately, I am unable to say."), True),
        (Answer(text="As an AI language model, I cannot have opinions."), True),
        (Answer(text="I'm unable to provide real-time weather updates."), True),
        (Answer(text="Paris is the capital of France."), False),
        (Answer(text="The letter said: sorry for the delay."), False),
        (Answer(text="x" * 200 + " I'm sorry, but I can't assist."), False),
        (Answer(text=""), False),
    ],
)
def test_a_refusal_is_what_the_provider_says_or_one_of_the_usual_phrases_at_the_beginning(
    answer: Answer, refuses: bool
) -> None:
    assert is_refusal(answer) is refuses


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I apologize, but I do not feel comfortable with that.", True),
        ("I'm afraid I can't do that.", True),
        ("I don't have access to your email.", True),
        ("I'm just an AI and do not have access to real-time information.", True),
        ("i can't help with that", True),
        ("I cannot help but smile at this.", False),
        ("I can't stop thinking about the sea, she wrote.", False),
        ("I'm sorry to hear about your loss.", False),
        ("I'm so sorry I'm late! Traffic was terrible.", False),
        (
            "You will see, in the end, that I don't have any doubt about it: and that is far from the beginning. " * 2,
            False,
        ),
    ],
)
def test_what_the_words_say(text: str, refuses: bool) -> None:
    assert reads_as_refusal(text) is refuses


def test_an_answer_that_turns_round_and_is_long_is_no_refusal() -> None:
    """A caveat before an answer; without the turn, or without much behind it, it stays a refusal."""
    caveat = "As an AI language model, I cannot have opinions. "
    answer = "Many people say that it is so. " * (ANSWER_FROM_CHARS // 30)
    assert not reads_as_refusal(caveat + "However, I can tell you what others think. " + answer)
    assert reads_as_refusal(caveat + answer)
    assert reads_as_refusal(caveat + "However, I can tell you what others think.")


@given(st.text(max_size=400), st.text(max_size=400))
def test_only_the_beginning_counts(head: str, tail: str) -> None:
    """What stands behind the first characters of a short text changes nothing."""
    text = head[:100].ljust(200)
    assert reads_as_refusal(text) == reads_as_refusal(text + tail[:200])


def _outputs() -> dict[tuple[str, int], str]:
    found = {}
    for path in OUTPUTS.glob("*.jsonl.gz"):
        for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines()):
            found[path.name.removesuffix(".jsonl.gz"), int(row["id"].removeprefix("ae-"))] = row["output"]
    return found


def _labelled(labels: dict[str, str]) -> list[tuple[str, int]]:
    return [(model, int(number)) for model, numbers in labels.items() for number in numbers.split()]


@pytest.mark.skipif(not OUTPUTS.exists(), reason=f"recorded answers are not at {OUTPUTS}; set SHADOWBENCH_SHARED")
def test_the_rule_agrees_with_people_as_well_as_its_page_says() -> None:
    """docs/refusals.md: precision 0.83, recall 0.84 over 434 answers; below 0.8 the page would no longer hold."""
    outputs = _outputs()
    refused = [reads_as_refusal(outputs[key]) for key in _labelled(REFUSALS)]
    answered = [reads_as_refusal(outputs[key]) for key in _labelled(NO_REFUSALS)]
    assert (len(refused), len(answered)) == (70, 364)
    assert sum(refused) / (sum(refused) + sum(answered)) >= 0.8
    assert sum(refused) / len(refused) >= 0.8
