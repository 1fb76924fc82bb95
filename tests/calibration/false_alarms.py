"""How often an interval misses the truth at any of hundreds of looks."""

from dataclasses import asdict

from analyzer.metrics import Metric
from tests.calibration import traffic
from tests.calibration.ledgers import Ledger, MeanLedger, QuantileLedger, RateLedger, RatioLedger, log_ratio
from tests.calibration.looking import DECIDING_BLOCKS, metric, misses
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table
from tests.calibration.traffic import PER_BLOCK, Pairs, Rng, with_recordings

PAIRS = 20_000
QUANTILE_STEP = 10
"""Blocks between looks at a quantile, which reads all pairs again."""
RATES = {
    "rare": (
        "failures, candidate alone 2 %, primary alone 2 %",
        traffic.failures(only_candidate=0.02, only_primary=0.02),
    ),
}
COSTS = {
    "iid": ("cost per token, independent pairs", traffic.costs()),
    "straddling": ("cost per token, conversations over about 5 blocks", traffic.STRADDLING_COSTS),
}
CELLS: tuple[tuple[str, str], ...] = (
    *(("mean", name) for name in with_recordings()),
    *(("log_ratio", name) for name in ("iid", "heavy", "skewed", "load-95", "straddling", "both")),
    *(("p50", name) for name in ("iid", "load-95")),
    *(("p95", name) for name in ("iid", "load-95", "straddling")),
    ("p99", "iid"),
    *(("rate", name) for name in RATES),
    *(("ratio", name) for name in COSTS),
)


def made(kind: str, pairs: Pairs) -> tuple[Ledger, Metric]:
    """The ledger of a kind of metric, and a metric of that kind."""
    if kind == "mean":
        return MeanLedger(pairs), metric("total_ms", "mean")
    if kind == "log_ratio":
        return log_ratio(pairs), metric("total_ms", "log_ratio")
    if kind == "rate":
        return RateLedger(pairs), metric("error_rate", "rate")
    if kind == "ratio":
        return RatioLedger(pairs), metric("cost_per_1k_tokens", "ratio")
    if kind in {"p50", "p95", "p99"}:
        return QuantileLedger(pairs, int(kind[1:]) / 100), metric("total_ms", kind)  # type: ignore[arg-type]
    raise ValueError(kind)


def _drawn(kind: str, name: str) -> tuple[str, traffic.Draw]:
    if kind == "rate":
        return RATES[name]
    return COSTS[name] if kind == "ratio" else with_recordings()[name]


def replicate(rng: Rng, kind: str, name: str, n: int = PAIRS) -> Outcome:
    """One experiment of equal arms."""
    pairs = _drawn(kind, name)[1](rng, n)
    ledger, of = made(kind, pairs)
    truth = traffic.SKEWED_LOG_RATIO if (kind, name) == ("log_ratio", "skewed") else 0.0
    step = QUANTILE_STEP if isinstance(ledger, QuantileLedger) else 1
    found = asdict(misses(ledger, of, truth=truth, step=step))
    return {key: float(value) for key, value in found.items()}


RUNS = tuple(Run(f"false alarms {kind} {name}", replicate, (kind, name)) for kind, name in CELLS)
_COLUMNS = ("interval", "deciding", "too_low", "too_high", "fixed", "naive_once", "naive")
_BOUNDS = {"load-95": 0.06}
_STATED = {"iid", "heavy", "conversations", "straddling", "load-80", "load-95", "rare", "recorded"}
"""Traffic with a bar; what is beyond is shown to say where the limits are."""


def section(results: Results) -> Section:
    """Tables and bars."""
    rows, alone, bars = [], [], []
    for kind, name in CELLS:
        found = results[f"false alarms {kind} {name}"]
        shares = {key: Share.where(values) for key, values in found.items()}
        rows.append([kind, _drawn(kind, name)[0], *(str(shares[column]) for column in _COLUMNS)])
        if name in {"load-95", "conversations", "straddling", "both"} and kind in {"mean", "log_ratio"}:
            which = ("time_only", "buckets_only", "interval")
            alone.append([kind, _drawn(kind, name)[0], *(str(shares[column]) for column in which)])
        if name in _STATED:
            bars.append(_bar(kind, name, shares["interval"]))
    bars += [
        _at_least(results, "iid", 0.30),
        _at_least(results, "load-95", 0.95),
    ]
    head = ["metric", "traffic", "anytime", f"from {DECIDING_BLOCKS} blocks", "bound too low", "bound too high"]
    return Section(
        "False alarms while somebody looks all the time",
        f"Equal arms, {PAIRS:,} pairs in blocks of {PER_BLOCK:.0f}, a look after every block (quantiles: every "
        f"{QUANTILE_STEP}) from the first that is allowed. Percent of replications in which an interval of level 95 % "
        "missed the true difference at any look. `anytime` is what a report says, `bound` are its one-sided bounds. "
        "`fixed` is the product's interval for one look at the end, `naive` the normal interval of independent pairs, "
        "at the end and at all looks.",
        (
            Table([*head, "fixed, once", "naive, once", "naive, all looks"], rows),
            Table(
                ["metric", "traffic", "time blocks alone", "conversation buckets alone", "the larger (product)"], alone
            ),
        ),
        bars,
    )


def _bar(kind: str, name: str, share: Share) -> Bar:
    bound = _BOUNDS.get(name, 0.05)
    return Bar(f"{kind}, {name}: at most {100 * bound:.0f} %", f"{share} %", share.value <= bound)


def _at_least(results: Results, name: str, least: float) -> Bar:
    share = Share.where(results[f"false alarms mean {name}"]["naive"])
    says = f"negative control: naive looks at the mean, {name}: at least {100 * least:.0f} %"
    return Bar(says, f"{share} %", share.value >= least)
