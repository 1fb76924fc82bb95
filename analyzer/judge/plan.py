"""What is judged and how, by one configuration: everything that a stretch of judging needs to know, checked."""

import hashlib
import json
from dataclasses import dataclass

from analyzer.judge import money
from analyzer.judge.client import TlsError, check_certificates
from analyzer.judge.rubric import Rubric, RubricError, load
from analyzer.text_metrics.declared import TextMetric
from analyzer.text_metrics.registry import TextMetricError, text_metrics
from config.judge import Judge
from config.model import Config
from store.judging.progress import SCORES

_DIGEST_CHARS = 32


class PlanError(Exception):
    """Why nobody can judge so, in one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Of one configuration."""

    judge: Judge
    rubric: Rubric
    metrics: tuple[TextMetric, ...]
    """Metrics of texts, those that need embeddings among them."""
    warnings: tuple[str, ...]
    """What makes verdicts doubtful."""

    @property
    def digest(self) -> str:
        """Of what is judged and how: progress counts as long as it stays. Shares and seeds are no part of it."""
        judge = self.judge
        return _digest(
            {
                "rubric": self.rubric.id,
                "mode": judge.mode,
                "orders": judge.orders,
                "judges": sorted((model.name, model.api, model.model) for model in judge.models),
                "vectors": sorted(metric.name for metric in self.metrics if metric.needs_vectors),
            }
        )

    @property
    def scores_digest(self) -> str:
        """The same of the metrics that are made of texts alone."""
        names = sorted(metric.name for metric in self.metrics if not metric.needs_vectors)
        return SCORES + _digest({"scores": names})


def plan_of(config: Config, rubric: str | None = None) -> Plan:
    """The plan of a configuration that has `judge`.

    Args:
        config: checked by itself.
        rubric: a name or a file in place of the configured one.

    Raises:
        PlanError: a rubric file, a metric, or a price is missing or wrong.
    """
    if config.judge is None:
        raise PlanError("the configuration has no `judge`")
    if unpriced := money.faults(config):
        raise PlanError(unpriced[0])
    try:
        loaded = load(rubric or config.judge.rubric)
    except RubricError as error:
        raise PlanError(f"judge.rubric: {error}") from None
    for _, settings in money.endpoints(config):
        try:
            check_certificates(settings)
        except TlsError as error:
            raise PlanError(f"judge: {error}") from None
    try:
        metrics = text_metrics(config.judge)
    except TextMetricError as error:
        raise PlanError(f"judge.metrics: {error}") from None
    return Plan(config.judge, loaded, metrics, tuple(money.warnings(config)))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGEST_CHARS]
