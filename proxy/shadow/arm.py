"""One candidate as this worker sees it: how to ask it, which requests, how much, and what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from proxy.shadow.breaker import Breaker
from proxy.shadow.capture.board import Board
from proxy.shadow.figures import ArmFigures
from proxy.shadow.lease import ArmLease
from proxy.shadow.match import Matcher
from proxy.shadow.sampling import threshold
from proxy.upstream.leg import LegLimits
from proxy.upstream.pool import Pool
from proxy.wire.copy_heads import OwnHeaders


@dataclass(slots=True)
class Arm:
    """A candidate, or the control leg."""

    name: str
    pool: Pool
    limits: LegLimits
    share: float
    lease: ArmLease
    breaker: Breaker
    matcher: Matcher | None
    """Which requests are meant for it; None: all."""
    own: OwnHeaders
    is_control: bool
    shares_primary: bool
    """Its host or its key is the primary's, too."""
    allow_provider_tools: bool
    model: msgspec.Raw | None
    """As JSON, for a body."""
    path_model: bytes | None
    """As a path holds it."""
    params: Mapping[str, msgspec.Raw | None]
    cells: dict[str, int]
    """Counted state -> cell of the board's pages."""
    figures: ArmFigures
    breaker_figures: tuple[int, int]
    """Its state, and how often it opened."""
    paused: bool = False
    bound: int = field(init=False)

    def __post_init__(self) -> None:
        self.bound = threshold(self.share)


def state_cells(board: Board, candidate: int) -> dict[str, int]:
    """Cells of all counted states of a candidate."""
    return {state: board.cell(candidate, state) for state in board.header.states}
