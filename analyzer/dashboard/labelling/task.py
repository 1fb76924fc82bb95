"""A pair as a person sees it: the conversation, and two answers that do not say whose they are."""

from dataclasses import dataclass
from uuid import UUID

from analyzer.dashboard.labelling.order import is_candidate_first
from analyzer.dashboard.turns import ShownTurn, shown_request
from analyzer.dashboard.visible import Block, blocks
from analyzer.judge.conversation import shown
from store.judging.pair import Pair


@dataclass(frozen=True, slots=True)
class Task:
    """What is shown of one pair."""

    request_id: UUID
    earlier: tuple[ShownTurn, ...]
    """All turns but the last."""
    left_out: int
    """Turns that are not shown."""
    last: ShownTurn | None
    """The turn that is answered."""
    tools: str
    """Tools that the request offered; empty without."""
    answers: tuple[tuple[Block, ...], tuple[Block, ...]]
    """In the order that was drawn for this person."""


def task_of(pair: Pair, labeler: str) -> Task:
    """The pair as this person sees it, now and whenever it is shown to them again."""
    asked = shown_request(pair.request, pair.endpoint)
    answers = blocks(shown(pair.primary).text), blocks(shown(pair.answer).text)
    if is_candidate_first(labeler, pair.request_id, pair.candidate):
        answers = answers[1], answers[0]
    return Task(
        request_id=pair.request_id,
        earlier=asked.earlier,
        left_out=asked.left_out,
        last=asked.last,
        tools=asked.tools,
        answers=answers,
    )
