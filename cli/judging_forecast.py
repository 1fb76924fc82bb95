"""What judging would take per day, by the copies that are expected and by what calls to judges cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from analyzer.judge.money import Prices
from config.judge import Judge, JudgeModel
from config.model import Config
from record.pair import CONTROL
from record.usage import Usage

TYPICAL = Usage(input_tokens=1500, output_tokens=120)
"""Of a call to a judge that was not asked yet: a rubric, a short conversation, two answers; reasons and a verdict."""
_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class JudgingForecast:
    """One day."""

    pairs: int
    """At most: equal answers need no judge, and pairs of which an arm failed get none."""
    calls: int
    usd: Decimal | None
    is_at_budget: bool
    """The budget ends it there."""
    is_measured: bool
    """By what the calls of the last 24 hours cost; else some are taken for typical ones."""


def judging_forecast(config: Config, copies: Mapping[str, int], means: Mapping[str, Decimal]) -> JudgingForecast | None:
    """None where no model is asked.

    Args:
        config: says what judging is to do.
        copies: a day's, at most, by candidate.
        means: what a call cost in the last 24 hours, by judge.
    """
    judge = config.judge
    if judge is None or not judge.models:
        return None
    pairs = judge.sample * sum(number for name, number in copies.items() if name != CONTROL)
    each = pairs * calls_per_pair(judge)
    prices = [means.get(model.name) or _typical(model) for model in judge.models]
    usd = None if None in prices else Decimal(each) * sum(filter(None, prices), Decimal(0))
    share, is_at_budget = _within(judge, each * len(judge.models), usd)
    return JudgingForecast(
        round(pairs * share),
        round(each * len(judge.models) * share),
        None if usd is None else usd * Decimal(share),
        is_at_budget,
        is_measured=all(model.name in means for model in judge.models),
    )


def _typical(model: JudgeModel) -> Decimal | None:
    return Prices(model).cost(TYPICAL, "", datetime.now(UTC))


def _within(judge: Judge, calls: float, usd: Decimal | None) -> tuple[float, bool]:
    """The share of it for which limits have room, and whether dollars are what ends it."""
    per_minute, limit = judge.budget.calls_per_minute, judge.budget.usd_per_day
    by_rate = 1.0 if per_minute is None or not calls else min(1.0, per_minute * _MINUTES / calls)
    by_usd = 1.0 if limit is None or not usd else min(1.0, float(limit / usd))
    return min(by_rate, by_usd), by_usd < by_rate


def calls_per_pair(judge: Judge) -> float:
    """To each judge, with those that repeat a question and those that plant an attack."""
    compared = 2 if judge.orders == "both" else 1
    asked = {"pairwise": compared, "pointwise": 2, "both": compared + 2}[judge.mode]
    return asked + judge.repeats + judge.canaries
