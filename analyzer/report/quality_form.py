"""What is known about a candidate's judgements, as sentences: for a terminal and for a comment."""

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.quality.results import (
    Agreement,
    Corrected,
    JudgeQuality,
    Length,
    Level,
    Position,
    Quality,
    SelfPreference,
    Share,
    Spending,
)
from analyzer.report import words
from analyzer.report.printable import clipped
from analyzer.results import CandidateStudy
from analyzer.stats.interval import Interval

_RUNGS = {"equal": "with equal answers", "structure": "settled by structure", "judge": "judged"}
_NAME = 60
"""Characters of a judge, a model or a label's value."""
_TITLES = {"win_rate": "wins against the primary", "judge_preference": "preference"}
MOST_LABELS = 5
"""Values of labels in the long form; programs get all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence."""

    text: str
    depth: int
    """0: the section, 1: about all judges, or one of them; 2: about that one."""


def lines(candidate: CandidateStudy, *, everything: bool = False) -> list[Line]:
    """Nothing where no judge was ever asked.

    Args:
        candidate: whose.
        everything: also what is well, or not known.
    """
    found = candidate.quality
    if found is None:
        return []
    said = [Line(_head(found), 0), *(Line(text, 1) for text in _all_judges(found, everything=everything))]
    for judge in found.judges:
        said.append(Line(_of_judge(judge), 1))
        said += [Line(text, 2) for text in _details(judge, everything=everything)]
    return said


def _head(found: Quality) -> str:
    rubric = f" by {clipped(found.rubric, _NAME)}" if found.rubric else ""
    pairs = ", ".join(f"{words.counted(n, 'pair')} {_RUNGS.get(rung, rung)}" for rung, n in found.rungs)
    return f"quality{rubric}: {pairs or 'no pair was judged'}"


def _all_judges(found: Quality, *, everything: bool) -> Iterator[str]:
    for metric in found.corrected:
        if metric.metric == "win_rate" or everything:
            yield _corrected(metric)
    if found.people is None:
        if found.rubric:
            yield "judge-relative: no label by people says how far the judges can be believed"
    else:
        people = found.people
        said = f"people: {words.counted(people.pairs, 'pair')} labelled by {people.labelers:,}"
        yield said if people.among is None else f"{said}; they agree with each other in {_agreement(people.among)}"
        labelled, others = people.labelled_preference, people.other_preference
        if everything and labelled is not None and others is not None:
            said = f"judges prefer the candidate by {labelled:+.2f} on labelled pairs, by {others:+.2f} on the others"
            yield f"{said} ({words.p_text(people.p_alike)})"
    if found.unjudged:
        share = "" if found.unjudged_share is None else f" ({words.percent(found.unjudged_share)})"
        yield f"not judged for good: {words.counted(found.unjudged, 'pair')}{share}, for which the worst is assumed"
    if everything:
        for row in found.failures[:MOST_LABELS]:
            where = clipped(f"{row.label} = {row.value}", _NAME)
            yield (
                f"failures where {where}: {row.failed:,} of {row.failed + row.judged:,} ({words.percent(row.share)}; "
                f"elsewhere {words.percent(row.elsewhere)}; {words.p_text(row.p_value)})"
            )


def _corrected(metric: Corrected) -> str:
    title, is_share = _TITLES[metric.metric], metric.metric == "win_rate"
    raw = _level(metric.raw, is_share=is_share)
    labels = words.counted(metric.corrected.n, "label")
    if metric.corrected.interval is None:
        return f"{title}: {raw} as judges see it; {metric.corrected.reason or labels}"
    said = f"{title}: {raw} as judges see it, {_level(metric.corrected, is_share=is_share)} as people do, by {labels}"
    return f"{said} (decides nothing: {metric.corrected.reason})" if metric.corrected.reason else said


def _of_judge(judge: JudgeQuality) -> str:
    models = f" ({', '.join(clipped(model, _NAME) for model in judge.models[:2])})" if judge.models else ""
    said = f"judge {clipped(judge.judge, _NAME)}{models}: {words.counted(judge.judgements, 'judgement')}"
    if judge.wins + judge.ties + judge.losses:
        said += f", {words.counted(judge.wins, 'win')}, {words.counted(judge.ties, 'tie')}, "
        said += f"{judge.losses:,} {'loss' if judge.losses == 1 else 'losses'}"
    if judge.win_rate is not None:
        said += f"; win rate {_level(judge.win_rate, is_share=True)}"
    if judge.scores is not None:
        n, primary, candidate = judge.scores
        said += f"; mean scores of {n:,}: primary {primary:.2f}, candidate {candidate:.2f}"
    return said


def _details(judge: JudgeQuality, *, everything: bool) -> Iterator[str]:
    yield from (_position(position) for position in judge.position)
    if judge.length is not None:
        yield _length(judge.length)
    if judge.repeats is not None:
        if judge.repeats.verdicts is not None:
            kappa = _kappa(judge.repeats.kappa, judge.repeats.kappa_interval)
            yield f"asked again, it says the same in {_share(judge.repeats.verdicts)}{kappa}"
        if judge.repeats.scores is not None and judge.repeats.score_distance is not None:
            distance = f"{judge.repeats.score_distance:.2f} points apart on average"
            yield f"asked again, it gives the same score in {_share(judge.repeats.scores)}; {distance}"
    if judge.canaries is not None:
        ties = f", {words.counted(judge.canaries.tied, 'tie')}" if judge.canaries.tied else ""
        yield f"planted attacks that it preferred to an honest answer: {_share(judge.canaries.fell)}{ties}"
    if judge.agreement is not None:
        yield f"agrees with people in {_agreement(judge.agreement)}{_bias(judge.bias)}"
    if everything or judge.self_preference.own in {"candidate", "primary"}:
        yield _self_preference(judge.self_preference)
    if judge.spending is not None:
        yield _spending(judge, judge.spending)


def _position(position: Position) -> str:
    p_value = words.p_text(position.p_value)
    if position.orders == "random":
        if position.first_share is None:
            return "order: drawn for each pair; no pair has a winner"
        return f"order: drawn for each pair; the answer shown first wins in {_share(position.first_share)}; {p_value}"
    if position.consistency is None:
        return "order: both asked; no pair has a winner in each"
    said = f"order: the same answer wins in both in {_share(position.consistency)}"
    if position.first_share is not None:
        said += f"; else the one shown first wins in {words.percent(position.first_share.value)}, {p_value}"
    return f"{said}; {words.counted(position.tied, 'pair')} with a tie" if position.tied else said


def _length(length: Length) -> str:
    more = "longer" if length.mean_longer >= 0 else "shorter"
    sample = f" (of {length.n:,} that were looked at)" if length.n < length.of else ""
    said = f"length: the candidate's answers are {abs(length.mean_longer):,.0f} characters {more} on average{sample}"
    if length.slope is not None and length.p_value is not None:
        wins = "more" if length.slope > 0 else "less"
        said += f"; longer ones win {wins} often (slope {length.slope:+.2f}, {words.p_text(length.p_value)}"
        said += f"; of people {length.people_slope:+.2f})" if length.people_slope is not None else ")"
    if length.controlled is None:
        return f"{said}; {length.reason}" if length.reason else said
    raw = "" if length.win_rate is None else f", {words.percent(length.win_rate)} as judged"
    return (
        f"{said}; win rate at equal length {_around(length.controlled, length.controlled_interval, is_share=True)}{raw}"
    )


def _bias(bias: Level | None) -> str:
    if bias is None or bias.value is None:
        return ""
    whom = "the candidate" if bias.value >= 0 else "the primary"
    ends = bias.interval
    if bias.value < 0 and ends is not None:
        ends = Interval(-ends.high, -ends.low)
    return f"; kinder to {whom} than they are by {_around(abs(bias.value), ends, is_share=False)}"


def _self_preference(found: SelfPreference) -> str:
    if found.level is None or found.level.value is None:
        whose = {"candidate": "the candidate is", "primary": "the primary is"}.get(found.own)
        kin = "" if whose is None else f"{whose} of the judge's maker; "
        return f"self-preference: {kin}{found.reason or 'not known'}"
    against = {"people": "people, and other candidates", "panel": "judges of other makers"}[found.how or "panel"]
    value = _around(found.level.value, found.level.interval, is_share=False, signed=True)
    why = f"; {found.level.reason}" if found.level.reason else ""
    return f"self-preference: for the {found.own}, of its own maker, {value} against {against}{why}"


def _spending(judge: JudgeQuality, spending: Spending) -> str:
    said = f"calls: {spending.calls:,}"
    if spending.open:
        said += f", {spending.open:,} not ended"
    if judge.failed is not None:
        said += f"; {judge.failed.count:,} of {words.counted(judge.failed.n, 'pair')} failed"
        if judge.failures:
            said += f" ({words.percent(judge.failed.value)}: "
            said += f"{', '.join(f'{n:,} {reason}' for reason, n in judge.failures)})"
    if spending.usd is not None:
        said += f"; ${spending.usd:,.2f}"
    if spending.unpriced:
        said += f", and {words.counted(spending.unpriced, 'call')} of unknown cost"
    if spending.usd_per_1000 is not None:
        said += f", ${words.digits(spending.usd_per_1000)} for 1,000 judgements"
    return said


def _agreement(found: Agreement) -> str:
    share = _ends(found.share_interval, is_share=True)
    said = f"{words.percent(found.share)} of {words.counted(found.n, 'pair')} ({share})"
    return f"{said}{_kappa(found.kappa, found.kappa_interval)}"


def _kappa(kappa: float | None, interval: Interval | None) -> str:
    return "" if kappa is None else f", kappa {_around(kappa, interval, is_share=False)}"


def _share(share: Share) -> str:
    ends = _ends(share.interval, is_share=True)
    return f"{share.count:,} of {share.n:,} ({words.percent(share.value)}; {ends})"


def _level(level: Level, *, is_share: bool) -> str:
    if level.value is None:
        return "not known"
    return _around(level.value, level.interval, is_share=is_share)


def _around(value: float, interval: Interval | None, *, is_share: bool, signed: bool = False) -> str:
    shown = words.percent(value) if is_share else f"{value:+.2f}" if signed else f"{value:.2f}"
    return shown if interval is None else f"{shown} ({_ends(interval, is_share=is_share)})"


def _ends(interval: Interval, *, is_share: bool) -> str:
    if is_share:
        return f"{interval.low * 100:.3g} to {interval.high * 100:.3g} %"
    return f"{interval.low:.2f} to {interval.high:.2f}"
