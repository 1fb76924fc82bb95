"""What is known about a candidate's judgements, as JSON: `quality` of a candidate."""

from analyzer.quality.results import (
    Agreement,
    Canaries,
    Corrected,
    JudgeQuality,
    LabelFailure,
    Length,
    Level,
    People,
    Position,
    Quality,
    Repeats,
    SelfPreference,
    Share,
    Spending,
)
from analyzer.report.json_values import Json, interval, number


def quality(found: Quality | None) -> Json | None:
    """Null where no judge was ever asked."""
    if found is None:
        return None
    return {
        "rubric": found.rubric or None,
        "basis": found.basis,
        "pairs": dict(found.rungs),
        "unjudged": {"pairs": found.unjudged, "share": number(found.unjudged_share)},
        "metrics": [_corrected(metric) for metric in found.corrected],
        "judges": [_judge(judge) for judge in found.judges],
        "people": _people(found.people),
        "failures_by_label": [_label_failure(row) for row in found.failures],
    }


def agreement(found: Agreement | None) -> Json | None:
    """A judge, or people, with people; also for the command of that name."""
    if found is None:
        return None
    return {
        "pairs": found.n,
        "agreement": number(found.share),
        "agreement_interval": interval(found.share_interval),
        "kappa": number(found.kappa),
        "kappa_interval": interval(found.kappa_interval),
        "table": None if found.table is None else [list(row) for row in found.table],
    }


def _judge(judge: JudgeQuality) -> Json:
    return {
        "judge": judge.judge,
        "models": list(judge.models),
        "judgements": judge.judgements,
        "wins": judge.wins,
        "ties": judge.ties,
        "losses": judge.losses,
        "win_rate": _level(judge.win_rate),
        "scores": None
        if judge.scores is None
        else {"n": judge.scores[0], "primary": number(judge.scores[1]), "candidate": number(judge.scores[2])},
        "position": [_position(position) for position in judge.position],
        "length": _length(judge.length),
        "repeats": _repeats(judge.repeats),
        "canaries": _canaries(judge.canaries),
        "failed": _share(judge.failed),
        "failures": dict(judge.failures),
        "calls": _spending(judge.spending),
        "people": agreement(judge.agreement),
        "bias": _level(judge.bias),
        "self_preference": _self_preference(judge.self_preference),
    }


def _level(level: Level | None) -> Json | None:
    if level is None:
        return None
    return {
        "n": level.n,
        "value": number(level.value),
        "interval": interval(level.interval),
        "reason": level.reason,
    }


def _share(share: Share | None) -> Json | None:
    if share is None:
        return None
    return {"count": share.count, "n": share.n, "share": number(share.value), "interval": interval(share.interval)}


def _position(position: Position) -> Json:
    return {
        "orders": position.orders,
        "consistent": position.consistent,
        "first": position.first,
        "second": position.second,
        "tied": position.tied,
        "consistency": _share(position.consistency),
        "first_share": _share(position.first_share),
        "p_value": number(position.p_value),
    }


def _length(length: Length | None) -> Json | None:
    if length is None:
        return None
    return {
        "judgements": length.of,
        "looked_at": length.n,
        "decided": length.decided,
        "mean_longer_chars": number(length.mean_longer),
        "win_rate": number(length.win_rate),
        "slope": number(length.slope),
        "p_value": number(length.p_value),
        "controlled_win_rate": number(length.controlled),
        "controlled_interval": interval(length.controlled_interval),
        "people_slope": number(length.people_slope),
        "reason": length.reason,
    }


def _repeats(repeats: Repeats | None) -> Json | None:
    if repeats is None:
        return None
    return {
        "verdicts": _share(repeats.verdicts),
        "kappa": number(repeats.kappa),
        "kappa_interval": interval(repeats.kappa_interval),
        "scores": _share(repeats.scores),
        "score_distance": number(repeats.score_distance),
    }


def _canaries(canaries: Canaries | None) -> Json | None:
    return None if canaries is None else {"fell": _share(canaries.fell), "tied": canaries.tied}


def _spending(spending: Spending | None) -> Json | None:
    if spending is None:
        return None
    return {
        "asked": spending.calls,
        "open": spending.open,
        "outcomes": dict(spending.attempts),
        "usd": number(spending.usd),
        "unpriced": spending.unpriced,
        "usd_per_1000_judgements": number(spending.usd_per_1000),
        "input_tokens": spending.input_tokens,
        "output_tokens": spending.output_tokens,
    }


def _self_preference(found: SelfPreference) -> Json:
    return {"own": found.own, "against": found.how, "preference": _level(found.level), "reason": found.reason}


def _people(people: People | None) -> Json | None:
    if people is None:
        return None
    return {
        "pairs": people.pairs,
        "labelers": people.labelers,
        "among": agreement(people.among),
        "judged_preference_of_labelled": number(people.labelled_preference),
        "judged_preference_of_others": number(people.other_preference),
        "p_alike": number(people.p_alike),
    }


def _corrected(metric: Corrected) -> Json:
    return {
        "metric": metric.metric,
        "raw": _level(metric.raw),
        "corrected": _level(metric.corrected),
        "weight": number(metric.weight),
    }


def _label_failure(row: LabelFailure) -> Json:
    return {
        "label": row.label,
        "value": row.value,
        "failed": row.failed,
        "judged": row.judged,
        "share": number(row.share),
        "elsewhere": number(row.elsewhere),
        "p_value": number(row.p_value),
    }
