"""A pair as a person sees it: everything that was asked, two answers, and not whose they are."""

import json
from dataclasses import replace
from uuid import UUID

from analyzer.dashboard.labelling.order import is_candidate_first
from analyzer.dashboard.labelling.task import task_of
from analyzer.dashboard.turns import MAX_TURNS
from analyzer.dashboard.visible import Block
from store.judging.pair import Answer, Pair
from tests.analyzer.dashboard.made import BEGIN

PAIR = Pair(
    request_id=UUID(int=5),
    ts=BEGIN,
    candidate="swift",
    experiment="e",
    block=BEGIN,
    bucket=1,
    labels={},
    endpoint="chat/completions",
    is_whole=True,
    request=json.dumps(
        {
            "model": "gpt-x",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is 2 + 2?"},
            ],
        }
    ),
    primary=Answer("Four.", "", "gpt-x", None),
    answer=Answer("", '[{"name":"add","arguments":{"a":2,"b":2}}]', "llama-3", None),
)


def test_the_last_turn_is_what_is_answered() -> None:
    task = task_of(PAIR, "Ada")
    assert [(t.who, t.kind, t.blocks) for t in task.earlier] == [("System", "system", (Block("prose", "Be brief."),))]
    assert task.last is not None
    assert (task.last.who, task.last.blocks) == ("User", (Block("prose", "What is 2 + 2?"),))
    assert task.left_out == 0


def test_answers_stand_in_the_order_that_was_drawn() -> None:
    """For some people one stands first, for others the other; tool calls are told in words."""
    seen = set()
    for person in map(str, range(20)):
        first = is_candidate_first(person, PAIR.request_id, "swift")
        answers = task_of(PAIR, person).answers
        primary, candidate = (answers[1], answers[0]) if first else answers
        assert primary == (Block("prose", "Four."),)
        assert "add" in candidate[0].text
        seen.add(first)
    assert seen == {True, False}


def test_nothing_says_which_model_it_was() -> None:
    shown = repr(task_of(PAIR, "Ada"))
    for name in ("gpt-x", "llama-3", "swift", "primary", "candidate"):
        assert name not in shown


def test_of_a_conversation_without_end_the_begin_and_the_end_are_shown() -> None:
    messages = [{"role": "user", "content": f"turn {n}"} for n in range(500)]
    task = task_of(replace(PAIR, request=json.dumps({"messages": messages})), "Ada")
    shown = [t.blocks[0].text for t in task.earlier]
    assert (shown[0], shown[1], len(shown)) == ("turn 0", f"turn {500 - MAX_TURNS + 1}", MAX_TURNS - 1)
    assert task.left_out == 500 - MAX_TURNS
    assert task.last is not None
    assert task.last.blocks == (Block("prose", "turn 499"),)


def test_a_request_that_is_none_is_shown_all_the_same() -> None:
    for request, endpoint in (
        ("", "chat/completions"),
        ("{", "chat/completions"),
        ("[" * 9_999, "messages"),
        ("null", "x"),
    ):
        task = task_of(replace(PAIR, request=request, endpoint=endpoint), "Ada")
        assert (task.last is None) == (not request.strip())
