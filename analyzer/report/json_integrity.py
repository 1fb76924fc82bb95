"""What is known about a candidate's sample and its surroundings, as JSON."""

from analyzer.integrity.results import ControlCheck, Integrity, Population, Skew, SkipBias
from analyzer.report.json_values import Json, interval, number, timestamp
from analyzer.results import CandidateStudy
from analyzer.surroundings.results import Change, Effect, Fairness, Interference, Split


def integrity(facts: Integrity) -> Json:
    """`integrity` of a candidate."""
    ratio, missing = facts.sample_ratio, facts.missing
    return {
        "sample_ratio": {
            "expected": number(ratio.expected),
            "observed": number(ratio.observed),
            "p_value": number(ratio.p_value),
            "kind": ratio.kind,
            "finding": ratio.finding,
        },
        "control": None
        if facts.control is None
        else {"pairs": facts.control_pairs, "checks": [_control_check(check) for check in facts.control]},
        "missing": {
            "by_design": missing.by_design,
            "candidate": missing.candidate,
            "ours": missing.ours,
            "ours_share": number(missing.ours_share),
            "by_state": dict(missing.by_state),
        },
        "skip_bias": [_skip_bias(bias) for bias in facts.skip_bias],
        "population": _population(facts.population),
        "skew": _skew(facts.skew),
        "warnings": list(facts.warnings),
        "obstacles": list(facts.obstacles),
    }


def surroundings(candidate: CandidateStudy) -> Json:
    """What a candidate's difference is made of."""
    drift = candidate.drift
    return {
        "interference": _interference(candidate.interference),
        "fairness": _fairness(candidate.fairness),
        "drift": None
        if drift is None
        else {"blocks": drift.blocks, "changes": [_change(change) for change in drift.changes]},
    }


def _control_check(check: ControlCheck) -> Json:
    return {
        "metric": check.metric,
        "estimand": check.estimand,
        "limit": number(check.limit),
        "low": number(check.low),
        "high": number(check.high),
        "finding": check.finding,
    }


def _skip_bias(bias: SkipBias) -> Json:
    return {
        "reason": bias.reason,
        "skips": bias.skips,
        "kept_ms": number(bias.kept_ms),
        "skipped_ms": number(bias.skipped_ms),
        "p_ms": number(bias.p_ms),
        "kept_tokens": number(bias.kept_tokens),
        "skipped_tokens": number(bias.skipped_tokens),
        "p_tokens": number(bias.p_tokens),
        "labels": [
            {"label": label, "value": value, "kept_share": number(kept), "skipped_share": number(skipped)}
            for label, value, kept, skipped in bias.labels
        ],
        "finding": bias.finding,
    }


def _population(population: Population | None) -> Json | None:
    if population is None:
        return None
    return {
        "share": number(population.share),
        "sentence": population.sentence,
        "standardised": [
            {"metric": metric, "difference": number(measured), "standardised": number(weighted)}
            for metric, measured, weighted in population.standardised
        ],
    }


def _skew(skew: Skew | None) -> Json | None:
    if skew is None:
        return None
    return {
        "pairs": skew.pairs,
        "mean_ms": number(skew.mean_ms),
        "p99_ms": number(skew.p99_ms),
        "busy_share": number(skew.busy_share),
        "finding": skew.finding,
    }


def _interference(found: Interference | None) -> Json | None:
    if found is None:
        return None
    return {
        "periods_on": found.periods_on,
        "periods_off": found.periods_off,
        "requests_on": found.requests_on,
        "requests_off": found.requests_off,
        "latency_ms": _effect(found.latency_ms),
        "error_rate": _effect(found.error_rate),
        "sentence": found.sentence,
    }


def _effect(effect: Effect | None) -> Json | None:
    if effect is None:
        return None
    return {
        "off": number(effect.off),
        "on": number(effect.on),
        "difference": number(effect.difference),
        "interval": interval(effect.interval),
    }


def _fairness(fairness: Fairness | None) -> Json | None:
    if fairness is None:
        return None
    return {"splits": [_split(split) for split in fairness.splits], "sentences": list(fairness.sentences)}


def _split(split: Split) -> Json:
    return {
        "metric": split.metric,
        "by": split.by,
        "difference_ms": number(split.difference_ms),
        "explained_ms": number(split.explained_ms),
        "explained_interval": interval(split.explained_interval),
        "rest_ms": number(split.rest_ms),
        "rest_interval": interval(split.rest_interval),
        "strata": [
            {
                "name": stratum.name,
                "n": stratum.n,
                "difference_ms": number(stratum.difference_ms),
                "interval": interval(stratum.interval),
            }
            for stratum in split.strata
        ],
    }


def _change(change: Change) -> Json:
    return {
        "what": change.what,
        "metric": change.metric,
        "estimand": change.estimand,
        "at": timestamp(change.at),
        "before": number(change.before),
        "after": number(change.after),
        "log_e": number(change.log_e),
        "sentence": change.sentence,
    }
