"""One candidate as this worker sees it: how to ask it, how much, and what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from proxy.shadow.capture.board import Board
from proxy.shadow.sampling import threshold
from proxy.upstream.leg import LegLimits
from proxy.upstream.pool import Pool
from proxy.wire.heads import Pairs


@dataclass(slots=True)
class Arm:
    """A candidate, or the control leg."""

    name: str
    pool: Pool
    limits: LegLimits
    share: float
    max_in_flight: int
    """Of this worker; the machine's bound is shared out among its workers."""
    headers: Pairs
    """Configured ones, names in lower case."""
    is_control: bool
    allow_provider_tools: bool
    model: msgspec.Raw | None
    params: Mapping[str, msgspec.Raw | None]
    cells: Mapping[str, int]
    """Counted state -> cell of the board's pages."""
    figures: Mapping[str, int]
    """Outcome -> figure."""
    in_flight: int = 0
    bound: int = field(init=False)

    def __post_init__(self) -> None:
        self.bound = threshold(self.share)


def state_cells(board: Board, candidate: int) -> dict[str, int]:
    """Cells of all counted states of a candidate."""
    return {state: board.cell(candidate, state) for state in board.header.states}
