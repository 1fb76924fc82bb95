"""What a report says of one candidate's judgements."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analyzer.figures import Compared
from analyzer.inference import Asked, compare
from analyzer.integrity.sample_ratio import inflation
from analyzer.metrics import METRICS, named
from analyzer.quality import judges as of_judge
from analyzer.quality.corrected import mix
from analyzer.quality.failures import label_failures, unjudged_share
from analyzer.quality.families import bias, self_preference
from analyzer.quality.figures import JudgeFigures, QualityFigures
from analyzer.quality.people import agreement, people
from analyzer.quality.results import Corrected, JudgeQuality, Level, Quality
from analyzer.quality.weighted import against
from analyzer.results import Comparison
from analyzer.stats.interval import Interval

_WIN_RATE = named(METRICS, "win_rate", "win_rate")


def quality(name: str, compared: Mapping[str, Compared], rows: Sequence[Comparison], asked: Asked) -> Quality | None:
    """None where no judge was ever asked.

    Args:
        name: of the candidate.
        compared: all candidates of the report.
        rows: of this candidate.
        asked: how statements are made.
    """
    mine = compared.get(name)
    figures = None if mine is None else mine.quality
    if mine is None or figures is None:
        return None
    corrected = _corrected(figures, rows)
    return Quality(
        rubric=figures.rubric,
        basis="corrected" if any(c.corrected.interval is not None for c in corrected) else "judge-relative",
        rungs=figures.rungs,
        unjudged=figures.unjudged,
        unjudged_share=unjudged_share(figures),
        judges=tuple(_judge(judge, figures, name, compared, asked) for judge in figures.judges),
        people=people(figures, asked.level),
        corrected=corrected,
        failures=label_failures(figures.failures, inflation(mine.conduct.buckets) or 1.0),
    )


def _judge(
    judge: JudgeFigures, figures: QualityFigures, name: str, compared: Mapping[str, Compared], asked: Asked
) -> JudgeQuality:
    level = asked.level
    wins, ties, losses = of_judge.verdict_counts(judge.verdicts)
    judgements = sum(v.n for v in judge.verdicts)
    their_lengths = None if figures.people is None else figures.people.lengths
    return JudgeQuality(
        judge=judge.judge,
        models=tuple(model for model, _ in judge.models if model),
        judgements=judgements,
        wins=wins,
        ties=ties,
        losses=losses,
        win_rate=_win_rate(judge, asked),
        scores=_scores(judge),
        position=of_judge.positions(judge.verdicts, level),
        length=of_judge.length(judge.lengths, their_lengths, asked),
        repeats=of_judge.repeats(judge.twice, level),
        canaries=of_judge.canaries(judge.canaries, level),
        failed=of_judge.failed(judge, judgements, level),
        failures=judge.failures,
        spending=of_judge.spending(judge.calls, judgements),
        agreement=None if judge.agreement is None else agreement(judge.agreement, level),
        bias=bias(judge, asked),
        self_preference=self_preference(judge, name, compared, asked),
    )


def _scores(judge: JudgeFigures) -> tuple[int, float, float] | None:
    n = judge.scored
    return (n, judge.score_primary / n, judge.score_candidate / n) if n else None


def _win_rate(judge: JudgeFigures, asked: Asked) -> Level | None:
    estimate = None if judge.wins is None else against(judge.wins, 0.5)
    if estimate is None or _WIN_RATE is None:
        return None
    return _level_of_candidate(compare(_WIN_RATE, estimate, replace(asked, role="other", rule=None)).row)


def _level_of_candidate(row: Comparison) -> Level:
    """The candidate's level with its interval: the primary's is a constant."""
    interval = None
    if row.interval is not None and row.primary is not None:
        interval = Interval(row.primary + row.interval.low, row.primary + row.interval.high)
    return Level(row.n, row.candidate, interval, row.doubt if interval else row.reason)


def _corrected(figures: QualityFigures, rows: Sequence[Comparison]) -> tuple[Corrected, ...]:
    """Metrics of which there are labels."""
    found = []
    for correction in figures.corrections:
        own = {row.metric.estimand: row for row in rows if row.metric.name == correction.metric}
        corrected = own.pop("corrected", None)
        if "labelled" not in correction.parts or corrected is None or not own:
            continue
        raw = next(iter(own.values()))
        said = _level_of_candidate(raw), _level_of_candidate(corrected)
        found.append(Corrected(correction.metric, *said, mix(correction).weight))
    return tuple(found)
