"""What a request asked, as a page shows it: the conversation turn by turn, the tools that it offered."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.dashboard.visible import Block, blocks, visible
from analyzer.judge.conversation import conversation
from analyzer.judge.question import Turn

MAX_TURNS = 60
"""Turns of a longer conversation that are left out are those after the first; the page says how many."""
MAX_TURN_CHARS = 60_000
_ROLES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """One turn of the conversation."""

    who: str
    kind: str
    """system, user, assistant or tool."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What was asked."""

    earlier: tuple[ShownTurn, ...]
    """All turns but the last."""
    left_out: int
    """Turns that are not shown."""
    last: ShownTurn | None
    """The turn that is answered."""
    tools: str
    """Tools that the request offered; empty without."""


def shown_request(request: str, endpoint: str) -> ShownRequest:
    """A request's body as people read it.

    Args:
        request: as the primary got it.
        endpoint: the dialect's key.
    """
    said = conversation(request, endpoint)
    turns = said.turns
    kept = [ShownTurn(_ROLES.get(t.role, t.role), t.role, blocks(t.text, MAX_TURN_CHARS)) for t in _some(turns)]
    return ShownRequest(
        earlier=tuple(kept[:-1]),
        left_out=max(len(turns) - MAX_TURNS, 0),
        last=kept[-1] if kept else None,
        tools=visible(said.tools),
    )


def _some(turns: Sequence[Turn]) -> Sequence[Turn]:
    return turns if len(turns) <= MAX_TURNS else (turns[0], *turns[-(MAX_TURNS - 1) :])
