"""What a configuration would copy and cost per day, by the traffic of the last 24 hours in its store."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cli.judging_forecast import JudgingForecast, judging_forecast
from cli.mirrored import mirrored
from config.experiment import experiments
from config.model import Config
from proxy.shadow.capture.board import RECEIVED
from store.errors import StoreError
from store.judging.calls import mean_costs
from store.locate import close, connect
from store.migrate import require_known_schema
from store.reader import Reader
from store.spending import CopyCosts, copy_costs

ANSWER_S = 4.0
"""How long a store is waited for; a check must end while somebody looks at it."""
DAY = timedelta(hours=24)
_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Traffic:
    """The last 24 hours."""

    received: Mapping[str, int]
    """Candidate -> requests received while it was configured."""
    costs: Mapping[tuple[str, str], CopyCosts]
    """By candidate and experiment."""
    calls: Mapping[str, Decimal] = field(default_factory=dict)
    """Judge -> what a call cost on average."""


@dataclass(frozen=True, slots=True)
class ArmForecast:
    """One candidate's day."""

    name: str
    copies: int
    """At most: what its `match`, its limits and its failures keep back is not taken off."""
    usd_per_copy: Decimal | None
    """Mean of the copies of the present experiment whose cost is known; None: there is none."""
    usd: Decimal | None
    is_at_budget: bool
    """The budget ends it there."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of all candidates that get copies."""

    requests: int
    """Received in the last 24 hours."""
    arms: Sequence[ArmForecast]
    judging: JudgingForecast | None = None
    """None: no model judges."""


def forecast(config: Config, limit_s: float = ANSWER_S) -> Forecast | str:
    """The forecast, or in one line what is missing for it. Starts nothing, and never raises."""
    answer: list[Traffic | str] = []

    def ask() -> None:
        try:
            answer.append(_traffic(config, datetime.now(UTC) - DAY))
        except StoreError as error:
            answer.append(str(error))
        except Exception as error:  # noqa: BLE001 - a check says what is valid, whatever ails the store
            answer.append(f"the store cannot be read ({type(error).__name__}: {error})")

    # A thread that nobody waits for: no client ends a lookup of names or an answer that trickles in time.
    thread = threading.Thread(target=ask, name="forecast", daemon=True)
    thread.start()
    thread.join(limit_s)
    found = answer[0] if answer else f"the store did not answer within {limit_s:g} s"
    return found if isinstance(found, str) else forecast_by(config, found)


def _traffic(config: Config, since: datetime) -> Traffic:
    client = connect(config.store, access="reader", start_owner=False)
    try:
        require_known_schema(client)
        reader = Reader(client)
        totals = reader.counter_totals(since)
        received = {candidate: n for (_, candidate, state), n in totals.items() if state == RECEIVED}
        return Traffic(received, copy_costs(reader, since), mean_costs(reader, since))
    finally:
        close(client)


def forecast_by(config: Config, traffic: Traffic) -> Forecast | str:
    """The same for traffic that is known."""
    arms = [arm for arm in mirrored(config) if arm.share]
    # Each candidate counts every request, so the one that was there longest knows the traffic. Those of another
    # service that shares the store are asked only where none of ours has been there.
    ours = [n for name, n in traffic.received.items() if name in {arm.name for arm in arms}]
    requests = max(ours or traffic.received.values(), default=0)
    if not requests:
        return "the store holds no traffic of the last 24 hours"
    ids = {name: one.id for name, one in experiments(config).items()}
    limit = _limits(config)
    found = []
    for arm in arms:
        usd_per_day, per_minute = limit(arm.name)
        copies = round(requests * arm.share)
        if per_minute is not None:
            copies = min(copies, per_minute * _MINUTES)
        each = traffic.costs.get((arm.name, ids[arm.name]))
        mean = each.mean_usd if each is not None else None
        usd = mean * copies if mean is not None else None
        is_at_budget = usd is not None and usd_per_day is not None and usd > usd_per_day
        found.append(ArmForecast(arm.name, copies, mean, usd_per_day if is_at_budget else usd, is_at_budget))
    expected = {arm.name: arm.copies for arm in found}
    return Forecast(requests, found, judging_forecast(config, expected, traffic.calls))


def _limits(config: Config) -> Callable[[str], tuple[Decimal | None, int | None]]:
    """Candidate -> dollars a day, copies a minute."""
    budgets = {c.name: (c.budget.usd_per_day, c.budget.requests_per_minute) for c in config.candidates}
    return lambda name: budgets.get(name, (None, None))


def forecast_lines(found: Forecast | str) -> list[str]:
    """For people."""
    if isinstance(found, str):
        return [f"no forecast of copies and dollars per day: {found}"]
    lines = [f"per day, by the {found.requests:,} requests of the last 24 hours:"]
    for arm in found.arms:
        if arm.usd is None:
            cost = "cost unknown (no copy of this experiment has a known cost yet)"
        else:
            cost = usd_text(arm.usd) + (" (the budget; copies end there)" if arm.is_at_budget else "")
        lines.append(f"  {arm.name}: at most {arm.copies:,} copies, {cost}")
    return lines + _judging_lines(found.judging)


def _judging_lines(judging: JudgingForecast | None) -> list[str]:
    if judging is None:
        return []
    cost = "cost unknown" if judging.usd is None else f"about {usd_text(judging.usd)}"
    ends = " (the budget; questions end there)" if judging.is_at_budget else ""
    taken = "" if judging.is_measured else "; calls taken for 1,500 tokens until some were made"
    return [f"  judging: at most {judging.pairs:,} pairs, {judging.calls:,} calls, {cost}{ends}{taken}"]


def forecast_form(found: Forecast | str) -> dict[str, object]:
    """For programs; dollars are texts, unknown is null."""
    if isinstance(found, str):
        return {"missing": found}
    arms = [
        {
            "name": arm.name,
            "copies_per_day": arm.copies,
            "usd_per_copy": _plain(arm.usd_per_copy),
            "usd_per_day": _plain(arm.usd),
            "at_budget": arm.is_at_budget,
        }
        for arm in found.arms
    ]
    judging = found.judging
    said = None
    if judging is not None:
        said = {
            "pairs_per_day": judging.pairs,
            "calls_per_day": judging.calls,
            "usd_per_day": _plain(judging.usd),
            "at_budget": judging.is_at_budget,
            "measured": judging.is_measured,
        }
    return {"requests_24h": found.requests, "candidates": arms, "judging": said}


def usd_text(usd: Decimal) -> str:
    """`$1,234.50`; below a dollar with four digits."""
    return f"${usd:,.2f}" if usd >= 1 or not usd else f"${usd:.4f}"


def _plain(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:.9f}"
