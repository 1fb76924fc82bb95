"""From a question to a study: the one way for reports, gates and pages, so that all of them say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analyzer.figures import Figures
from analyzer.gathering import gather, known_candidates
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.reading import Setting, Source
from analyzer.report.json_form import digest
from analyzer.results import Kind, Study
from analyzer.source import Window
from analyzer.study import study
from config.model import Config
from config.policy import Policy
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a source."""

    config: Config | None
    """None: of a file of pairs, for which there is none."""
    window: Window
    candidates: tuple[str, ...]
    """Names to report; empty: all."""
    kind: Kind
    policy: Policy | None
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    figures: Figures
    plan: Plan
    study: Study


class UnknownCandidate(Exception):  # noqa: N818 - says what happened
    """A name that is neither configured nor in the window."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)


def answer(source: Source, question: Question, now: datetime, *, configured: Sequence[str] = ()) -> Answer:
    """Reads what is needed and computes the study.

    Args:
        source: a store or a file of pairs.
        question: what is asked.
        now: time of the report, UTC.
        configured: names of candidates that are reported although they have no pairs.

    Raises:
        UnknownCandidate: one of the question's names.
        StoreError: the store does not answer.
    """
    together, shown = _chosen(source, question, configured)
    config = question.config
    plan = Plan(
        window=question.window,
        candidates=together,
        shown=shown,
        kind=question.kind,
        policy=question.policy,
        block_s=None if config is None else config.blocks.length,
        metrics=question.metrics,
        config_digest="" if config is None else config_digest(config),
    )
    figures = gather(source, plan, setting_of(config), now=now)
    return Answer(figures, plan, study(figures, plan))


def _chosen(
    source: Source, question: Question, configured: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """(names that are judged together, names to report or None for all)"""
    known = known_candidates(source, question.window, configured)
    for name in question.candidates:
        if name not in known:
            raise UnknownCandidate(name, known)
    # The control stands beside each candidate already; it gets a table of its own only when nothing else does.
    real = tuple(name for name in known if name != CONTROL)
    wanted = tuple(dict.fromkeys(question.candidates))
    if wanted and CONTROL not in wanted:
        return real, wanted
    return wanted or real or known, None


def setting_of(config: Config | None) -> Setting:
    """What of the configuration a reading depends on."""
    if config is None:
        return Setting()
    return Setting(
        block_s=config.blocks.length,
        caps_ms={c.name: c.timeout.total * 1000 for c in config.candidates},
        loop_lag_ms=config.limits.loop_lag * 1000,
        # Also where it is off by now: the window may hold periods from before.
        switchback_s=config.switchback.period,
    )


def config_digest(config: Config) -> str:
    """SHA-256 of a configuration; secrets are no part of it."""
    return digest(config.model_dump(mode="json"))
