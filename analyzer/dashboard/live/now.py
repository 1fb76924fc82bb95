"""What happens now, candidate by candidate: what arrived lately, what it has cost today, whether it gets copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from analyzer.dashboard.live.admin import Status
from analyzer.dashboard.live.money import Money, share
from analyzer.dashboard.live.recent import Recent
from config.model import Config
from record.pair import CONTROL

ALL = "*"
"""In a list of paused candidates: every one."""


@dataclass(frozen=True, slots=True)
class NowLine:
    """One candidate, or the control."""

    name: str
    pairs: int | None
    """Of the last five minutes; None: not known."""
    usd: Decimal | None
    """Known cost of today; None: not known."""
    budget_usd: Decimal | None
    """None: no limit."""
    is_configured: bool
    """False: it has pairs, but the configuration does not name it any more."""
    is_paused: bool | None
    """None: not known, or there is no switch for it."""

    @property
    def is_control(self) -> bool:
        """The primary's own second answers."""
        return self.name == CONTROL

    @property
    def spent_share(self) -> float | None:
        """Of its budget, 0 to 1; None: there is none, or nothing is known."""
        return None if self.usd is None else share(self.usd, self.budget_usd)


def now_lines(config: Config, recent: Recent | None, money: Money | None, status: Status | None) -> list[NowLine]:
    """In the order of the configuration, then the control, then those that are gone from the configuration.

    Args:
        config: as of now.
        recent: the last minutes; None: not known.
        money: of today; None: not known.
        status: of this machine; None: not known.
    """
    budgets = {candidate.name: candidate.budget.usd_per_day for candidate in config.candidates}
    names = [*budgets, *([CONTROL] if config.control.sample else [])]
    gone = sorted(set(() if recent is None else recent.pairs) - set(names))
    return [
        NowLine(
            name,
            None if recent is None else recent.pairs.get(name, 0),
            None if money is None else money.by_candidate.get(name, Decimal(0)),
            budgets.get(name),
            name in names,
            _is_paused(name, status),
        )
        for name in (*names, *gone)
    ]


def _is_paused(name: str, status: Status | None) -> bool | None:
    if status is None or name not in status.candidates:
        return None
    paused: Sequence[str] = status.paused
    return name in paused or ALL in paused
