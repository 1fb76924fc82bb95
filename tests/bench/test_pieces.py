"""What the benchmark's own servers send is what it says they send."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bench.event_stream import answer_of
from bench.recordings import cut
from bench.upstreams import chat_answer


@given(text=st.text(max_size=300), seed=st.integers(0, 2**32), longest=st.integers(1, 50))
def test_pieces_of_a_text_make_up_the_text(text: str, seed: int, longest: int) -> None:
    pieces = list(cut(text, seed=seed, longest=longest))
    assert "".join(pieces) == text
    assert all(1 <= len(piece) <= longest for piece in pieces)


@given(size=st.integers(400, 20_000))
def test_an_answer_has_the_size_asked_for_and_is_a_chat_completion(size: int) -> None:
    answer = chat_answer(size)
    assert len(answer) == size
    assert json.loads(answer)["object"] == "chat.completion"


@given(events=st.integers(2, 80))
def test_a_stream_counts_its_words_in_its_usage(events: int) -> None:
    data = [line.removeprefix("data: ") for line in answer_of(events).decode().split("\n\n") if line]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(text) for text in data[:-1]]
    words = sum(bool(c["choices"]) and c["choices"][0]["delta"].get("content") == " word" for c in chunks)
    assert chunks[-1]["usage"]["completion_tokens"] == words == events - 1
