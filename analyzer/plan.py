"""What was asked of a study, besides the figures that it is computed from."""

from dataclasses import dataclass

from analyzer.metrics import METRICS, Metric
from analyzer.results import Kind
from analyzer.source import Window
from config.policy import Policy

DEFAULT_LEVEL = 0.95
DEFAULT_PLANNED_PAIRS = Policy.model_fields["planned_pairs"].default


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked."""

    window: Window
    candidates: tuple[str, ...]
    """Names that are judged together, in this order: p-values are corrected over them."""
    shown: tuple[str, ...] | None = None
    """Names to report, of these; None: all. Asking about one alone does not make its evidence stronger."""
    kind: Kind = "anytime"
    policy: Policy | None = None
    block_s: float | None = None
    """Length of a time block: while requests are under way, estimates use whole blocks. None: everything there is."""
    metrics: tuple[Metric, ...] = METRICS
    """Those of plug-ins follow the project's own."""
    config_digest: str = ""
    """SHA-256 of the configuration in force; empty where there is none."""

    @property
    def level(self) -> float:
        """Of intervals and bounds."""
        return DEFAULT_LEVEL if self.policy is None else self.policy.level

    @property
    def planned_pairs(self) -> int:
        """n* of the anytime intervals."""
        return int(DEFAULT_PLANNED_PAIRS if self.policy is None else self.policy.planned_pairs)
