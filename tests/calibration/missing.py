"""What is missing, and what is late: timeouts, lost requests, answers that are still under way."""

import math
from dataclasses import replace

import numpy as np
from scipy.stats import norm

from analyzer.stats.bounds import difference_range, worst_case_shift
from analyzer.stats.estimate import Estimate
from analyzer.stats.interval import Interval
from tests.calibration import traffic
from tests.calibration.ledgers import Ledger, MeanLedger, QuantileLedger
from tests.calibration.looking import FIXED, metric, row
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table
from tests.calibration.traffic import BoolArray, FloatArray, Pairs, Rng

PAIRS = 5000
CAP_MS = 10_000.0
"""Time-out of both legs."""
LOST_SHARE = 0.03
WINDOW_S, PER_S = 60.0, 100.0


def _long(rng: Rng, n: int) -> Pairs:
    """Seconds, not milliseconds: the candidate 25 % slower with a heavier tail; 6 % of its answers pass the cap."""
    at = traffic.singles(rng, n)
    primary, candidate = traffic.Shape().both(rng, at)
    return at.pairs(3200 * np.exp(0.55 * primary), 4000 * np.exp(0.6 * candidate), rng)


def _difference(ledger: Ledger) -> float:
    estimate = ledger.at(ledger.blocks)
    return math.nan if estimate is None else estimate.difference


def timeouts(rng: Rng) -> Outcome:
    """Against the same pairs without a time-out: as outcomes, and completers only."""
    pairs = _long(rng, PAIRS)
    arms = pairs.primary, pairs.candidate
    cut_p, cut_c = (np.where(arm > CAP_MS, np.inf, arm) for arm in arms)
    ended = np.isfinite(cut_p) & np.isfinite(cut_c)
    outcome = replace(pairs, primary=cut_p, candidate=cut_c)
    capped = replace(pairs, primary=np.minimum(arms[0], CAP_MS), candidate=np.minimum(arms[1], CAP_MS))
    completers = _only(pairs, ended)
    return {
        "timeouts": float((~ended).mean()),
        "p90_true": _difference(QuantileLedger(pairs, 0.9)),
        "p90_outcome": _difference(QuantileLedger(outcome, 0.9)),
        "p90_completers": _difference(QuantileLedger(completers, 0.9)),
        "mean_true": _difference(MeanLedger(pairs)),
        "mean_outcome": _difference(MeanLedger(capped)),
        "mean_completers": _difference(MeanLedger(completers)),
    }


def _only(pairs: Pairs, kept: BoolArray) -> Pairs:
    return Pairs(*(getattr(pairs, name)[kept] for name in ("primary", "candidate", "block", "bucket", "conversation")))


def lost(rng: Rng) -> Outcome:
    """The longest candidate answers are lost by us, and only they: bounds must hold all the same."""
    pairs = _long(rng, PAIRS)
    capped = replace(pairs, primary=np.minimum(pairs.primary, CAP_MS), candidate=np.minimum(pairs.candidate, CAP_MS))
    edge = float(np.quantile(capped.candidate, 1 - 2 * LOST_SHARE))
    gone = (capped.candidate >= edge) & (rng.random(pairs.n) < 0.5)
    kept = _only(capped, ~gone)
    of = metric("total_ms", "mean")
    said = row(of, _at_end(kept), FIXED)
    truth = TRUE_CAPPED_MS
    if said.interval is None or said.difference is None:
        return {"plain": math.nan, "bounded": math.nan}
    known = float(capped.primary[gone].mean())
    possible = difference_range(Interval(known, known), Interval(0.0, CAP_MS))
    shift = worst_case_shift(said.difference, float(gone.mean()), possible)
    wide = shift.widened(said.interval)
    return {
        "plain": float(said.interval.low <= truth <= said.interval.high),
        "bounded": float(wide.low <= truth <= wide.high),
    }


def _at_end(pairs: Pairs) -> Estimate | None:
    ledger = MeanLedger(pairs)
    return ledger.at(ledger.blocks)


def capped_mean(median: float, sd_log: float, cap: float = CAP_MS) -> float:
    """E min(X, cap) of a lognormal X: its limited expected value, in closed form."""
    z = math.log(cap / median) / sd_log
    return float(median * math.exp(sd_log**2 / 2) * norm.cdf(z - sd_log) + cap * norm.sf(z))


TRUE_CAPPED_MS = capped_mean(4000, 0.6) - capped_mean(3200, 0.55)


def under_way(rng: Rng) -> Outcome:
    """A look at young traffic: pairs that both ended, and those of them that began before the watermark."""
    n = round(WINDOW_S * PER_S)
    begun = np.sort(rng.uniform(0, WINDOW_S, n))
    primary, candidate = (3.0 * np.exp(0.55 * rng.normal(size=n)), 4.0 * np.exp(0.6 * rng.normal(size=n)))
    candidate, primary = np.minimum(candidate, CAP_MS / 1000), np.minimum(primary, CAP_MS / 1000)
    ended = begun + np.maximum(primary, candidate) <= WINDOW_S
    oldest_open = float(begun[~ended].min()) if (~ended).any() else WINDOW_S
    found: dict[str, float] = {}
    for name, kept in (("without", ended), ("behind", begun < oldest_open)):
        for what, window in (("60", 0.0), ("15", WINDOW_S - 15)):
            chosen = kept & (begun >= window)
            found[f"{name}_{what}"] = _mean_s(candidate[chosen] - primary[chosen])
    return found


def _mean_s(differences_s: FloatArray) -> float:
    return float(differences_s.mean()) if len(differences_s) else math.nan


RUNS = (
    Run("timeouts", timeouts, (), 0.25),
    Run("lost", lost, (), 0.5),
    Run("under way", under_way, (), 0.5),
)


def section(results: Results) -> Section:
    """Tables and bars."""
    cut, gone, young = (results[name] for name in ("timeouts", "lost", "under way"))
    rows = []
    for what in ("p90", "mean"):
        values = [f"{np.nanmean(cut[f'{what}_{how}']):,.0f}" for how in ("true", "outcome", "completers")]
        rows.append([f"{what}, ms", *values])
    apart = cut["p90_outcome"] - cut["p90_true"]
    plain, bounded = (Share.where(gone[key]) for key in ("plain", "bounded"))
    true_s = capped_mean(4.0, 0.6, CAP_MS / 1000) - capped_mean(3.0, 0.55, CAP_MS / 1000)
    looks = [
        [
            f"last {seconds} s",
            f"{true_s:.2f}",
            *(_mean_and_error(young[f"{how}_{seconds}"]) for how in ("behind", "without")),
        ]
        for seconds in ("60", "15")
    ]
    behind, without = (float(np.nanmean(young[f"{how}_15"])) for how in ("behind", "without"))
    slack = 4 * float(np.nanstd(young["behind_15"])) / math.sqrt(np.isfinite(young["behind_15"]).sum())
    return Section(
        "Missing and late answers",
        f"Time-outs: a candidate 25 % slower with a heavier tail, {100 * float(cut['timeouts'].mean()):.1f} % of pairs "
        "have a time-out (10 s). `as outcomes`: longer than everything in a quantile, the cap in a mean. Lost: "
        f"{100 * LOST_SHARE:.0f} % of the pairs, all of them among the candidate's longest, are lost by us. Under way: "
        "a look at traffic that goes on, by what has ended, or by what began before the oldest request still open.",
        (
            Table(["difference", "without a time-out", "as outcomes", "completers only"], rows),
            Table(
                ["lost: interval holds the truth, %", ""],
                [["as if nothing were missing", str(plain)], ["worst case", str(bounded)]],
            ),
            Table(["under way", "true difference, s", "behind the watermark", "without"], looks),
        ),
        (
            Bar(
                "p90 with time-outs as outcomes: no bias",
                f"at most {np.abs(apart).max():.3f} ms",
                bool(np.abs(apart).max() < 1e-6),
            ),
            Bar("worst-case bounds hold in at least 95 %", f"{bounded} %", bounded.value >= 0.95),
            Bar("negative control: without them in less than half", f"{plain} %", plain.value < 0.5),
            Bar("behind the watermark: no bias", f"{behind - true_s:+.3f} s", abs(behind - true_s) <= max(slack, 0.02)),
            Bar("negative control: without it, a bias", f"{without - true_s:+.3f} s", abs(without - true_s) > 0.1),
        ),
        "A mean under a cap is another figure than the mean without one, smaller and known for all; completers alone "
        "are other requests.",
    )


def _mean_and_error(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.3f} ± {1.96 * known.std() / math.sqrt(len(known)):.3f}" if len(known) else "nothing yet"
