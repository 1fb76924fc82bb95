"""Does a judge prefer the models of its own maker (Panickssery, Bowman and Feng 2024)?

That a judge is kind to a candidate is no proof: the candidate may be good. So it is set against somebody else:

    people   the judge's preference less that of people, for this candidate, less the same for candidates of other
             makers (a difference in differences): what is left of its kindness where its maker's model is judged
    panel    the judge's preference less that of judges of other makers, on the same pairs

The first needs labels on both candidates, and says nothing where the primary is the judge's relative: it stands in
every comparison. Makers are told from names of models (`record.model_names`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analyzer.figures import Compared
from analyzer.inference import Asked, compare
from analyzer.metrics import METRICS, Metric, named
from analyzer.quality.corrected import PLANNED_LABELS
from analyzer.quality.figures import JudgeFigures, QualityFigures
from analyzer.quality.results import Level, SelfPreference
from analyzer.quality.weighted import difference
from analyzer.results import Comparison
from analyzer.stats.estimate import Estimate
from analyzer.stats.influence import combined
from analyzer.stats.prediction_powered import LEAST_LABELS
from record.model_names import family

Own = Literal["candidate", "primary", "both", "neither", "unknown"]
_PREFERENCE = named(METRICS, "judge_preference", "mean")


@dataclass(frozen=True, slots=True)
class Makers:
    """Of both arms' models; None: not known from their names."""

    primary: str | None
    candidate: str | None


def makers(compared: Compared) -> Makers:
    """By the names that most answers bear."""
    counted: dict[str, Counter[str]] = {"primary": Counter(), "candidate": Counter()}
    for name in compared.surroundings.models:
        maker = family(name.model)
        if maker is not None:
            counted[name.arm][maker] += sum(name.n)
    return Makers(*(_most(counted[arm]) for arm in ("primary", "candidate")))


def judge_maker(judge: JudgeFigures) -> str | None:
    """By the name that most of its answers bear; else by how the configuration calls it."""
    found = Counter[str]()
    for name, n in judge.models:
        if (maker := family(name)) is not None:
            found[maker] += n
    return _most(found) or family(judge.judge)


def _most(counted: Counter[str]) -> str | None:
    return counted.most_common(1)[0][0] if counted else None


def bias(judge: JudgeFigures, asked: Asked) -> Level | None:
    """The judge's preference less that of people, on the same pairs; None without labels."""
    estimate = None if judge.against_people is None else difference(judge.against_people)
    return None if estimate is None else _level(replace(estimate, least=LEAST_LABELS), _of_labels(asked))


def self_preference(judge: JudgeFigures, name: str, compared: Mapping[str, Compared], asked: Asked) -> SelfPreference:
    """Of one judge on one candidate.

    Args:
        judge: whose figures.
        name: of the candidate.
        compared: all candidates of the report, this one among them.
        asked: how statements are made.
    """
    own = _own(judge, makers(compared[name]))
    if own == "unknown":
        return SelfPreference(own, None, None, "the makers of the judge's model and of both arms' are not all known")
    if own == "neither":
        return SelfPreference(own, None, None, "neither arm is of the judge's maker")
    if own == "both":
        return SelfPreference(own, None, None, "both arms are of the judge's maker, so neither is more its own")
    found = _against_people(judge, name, compared) if own == "candidate" else None
    if found is not None:
        return SelfPreference(own, "people", _level(found, _of_labels(asked)), None)
    panel = _against_panel(judge, compared[name])
    if panel is not None:
        return SelfPreference(own, "panel", _level(panel if own == "candidate" else _turned(panel), asked), None)
    needs = "it takes a judge of another maker on the same pairs"
    if own == "candidate":
        needs += ", or labels by people on this candidate and on one of another maker"
    return SelfPreference(own, None, None, needs)


def _own(judge: JudgeFigures, arms: Makers) -> Own:
    maker = judge_maker(judge)
    is_candidate, is_primary = maker == arms.candidate, maker == arms.primary
    if maker is None or (arms.candidate is None and not is_primary) or (arms.primary is None and not is_candidate):
        return "unknown"
    if is_candidate and is_primary:
        return "both"
    if is_candidate:
        return "candidate"
    return "primary" if is_primary else "neither"


def _against_people(judge: JudgeFigures, name: str, compared: Mapping[str, Compared]) -> Estimate | None:
    """The judge's gap to people for its relative, less the mean gap for candidates of other makers."""
    mine = None if judge.against_people is None else difference(judge.against_people)
    others = [
        gap
        for other, of in compared.items()
        if other != name
        for same in _judges(of.quality)
        if same.judge == judge.judge and same.against_people is not None and _own(same, makers(of)) == "neither"
        if (gap := difference(same.against_people)) is not None and gap.n >= LEAST_LABELS
    ]
    if mine is None or not others or mine.n < LEAST_LABELS:
        return None
    return _less(mine, others, least=LEAST_LABELS)


def _against_panel(judge: JudgeFigures, compared: Compared) -> Estimate | None:
    """The judge's preference less the mean of judges whose maker made neither arm."""
    arms = makers(compared)
    strangers = {j.judge for j in _judges(compared.quality) if _own(j, arms) == "neither"}
    gaps = list(_gaps(judge.judge, strangers, compared.quality))
    if not gaps:
        return None
    share = 1.0 / len(gaps)
    return Estimate(
        min(gap.n for gap in gaps),
        None,
        None,
        share * sum(gap.difference for gap in gaps),
        None,
        combined([(share, gap.blocks) for gap in gaps]),
        combined([(share, gap.buckets) for gap in gaps]),
    )


def _gaps(judge: str, strangers: set[str], figures: QualityFigures | None) -> Iterator[Estimate]:
    for pair in () if figures is None else figures.between:
        estimate = difference(pair.preferences) if {pair.first, pair.second} - {judge} <= strangers else None
        if estimate is not None and judge in {pair.first, pair.second}:
            yield estimate if pair.first == judge else _turned(estimate)


def _judges(figures: QualityFigures | None) -> Sequence[JudgeFigures]:
    return () if figures is None else figures.judges


def _less(first: Estimate, others: Sequence[Estimate], *, least: int) -> Estimate:
    """`first` less the mean of the others, group by group: they may be about the same requests."""
    share = -1.0 / len(others)
    return Estimate(
        min(first.n, *(other.n for other in others)),
        None,
        None,
        first.difference + share * sum(other.difference for other in others),
        None,
        combined([(1.0, first.blocks), *((share, other.blocks) for other in others)]),
        combined([(1.0, first.buckets), *((share, other.buckets) for other in others)]),
        least=least,
    )


def _turned(estimate: Estimate) -> Estimate:
    return replace(
        estimate,
        difference=-estimate.difference,
        blocks=combined([(-1.0, estimate.blocks)]),
        buckets=combined([(-1.0, estimate.buckets)]),
    )


def _of_labels(asked: Asked) -> Asked:
    return replace(asked, planned=PLANNED_LABELS, counted="labels")


def _level(estimate: Estimate, asked: Asked) -> Level:
    return level_of(compare(_metric(), estimate, asked).row)


def level_of(row: Comparison) -> Level:
    """A difference, and its interval."""
    return Level(row.n, row.difference, row.interval, None if row.interval else row.reason)


def _metric() -> Metric:
    if _PREFERENCE is None:
        raise AssertionError("there is a metric of judges' preferences")
    return _PREFERENCE
