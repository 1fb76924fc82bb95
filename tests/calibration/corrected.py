"""Judge preference corrected by a few labels: how often its intervals hold what people would say of all pairs."""

import math
from dataclasses import replace

import numpy as np

from analyzer.inference import Asked, compare
from analyzer.quality.corrected import PLANNED_LABELS, corrected
from analyzer.quality.figures import QualityFigures
from analyzer.results import Comparison
from analyzer.stats.estimate import Estimate
from tests.calibration.judged import JUDGE_NOISE, LEANING, TRAFFIC, JudgedPairs, correction, judge_truth, judged, truth
from tests.calibration.looking import FIXED, LEVEL, metric, row
from tests.calibration.replicated import Outcome, Results, Run
from tests.calibration.tables import Bar, Section, Share, Table
from tests.calibration.traffic import Rng

PAIRS = 10_000
LABELS = (100, 300, 1000)
LOOKS = 10
_OF = metric("judge_preference", "mean")
_ANYTIME = Asked("anytime", LEVEL, PLANNED_LABELS)
CELLS = (
    *((name, labels, False) for name in TRAFFIC for labels in LABELS),
    *(("iid", labels, True) for labels in LABELS[1:]),
)
"""(traffic, labels, judged with different probabilities)"""


def _name(name: str, labels: int, *, is_spread: bool) -> str:
    return f"corrected {name} {labels}{' spread' if is_spread else ''}"


def replicate(rng: Rng, name: str, labels: int, is_spread: bool) -> Outcome:
    """One window: one look at its end, and looks along the way."""
    pairs, true = judged(rng, name, PAIRS, labels, is_spread=is_spread), truth()
    of_all = _corrected(pairs)
    # Nobody labels and nobody corrects: the judge stands for people; or labels stand for themselves.
    of_judge = _corrected(replace(pairs, people=pairs.judge, is_labelled=np.ones(pairs.n, dtype=bool)))
    of_labels = _corrected(_only_labelled(pairs))
    said, alone, by_people = (row(_OF, one, FIXED) for one in (of_all, of_judge, of_labels))
    return {
        "covers": _holds(said, true),
        "judge_covers": _holds(alone, true),
        "people_cover": _holds(by_people, true),
        "width": _width(said) / _width(by_people),
        "away": math.nan if of_all is None else of_all.difference - true,
        "judge_away": math.nan if of_judge is None else of_judge.difference - true,
        "missed_at_a_look": _missed_at_a_look(pairs, true),
    }


def _corrected(pairs: JudgedPairs) -> Estimate | None:
    return corrected("judge_preference", QualityFigures(rubric="", corrections=(correction(pairs),)))


def _only_labelled(pairs: JudgedPairs) -> JudgedPairs:
    mine = pairs.is_labelled
    return replace(
        pairs,
        judge=np.zeros(int(mine.sum())),
        people=pairs.people[mine],
        is_labelled=mine[mine],
        block=pairs.block[mine],
        bucket=pairs.bucket[mine],
        weight=pairs.weight[mine],
    )


def _until(pairs: JudgedPairs, count: int) -> JudgedPairs:
    columns = ("judge", "people", "is_labelled", "block", "bucket", "weight")
    return replace(pairs, **{name: getattr(pairs, name)[:count] for name in columns})


def _missed_at_a_look(pairs: JudgedPairs, true: float) -> float:
    """Does an anytime interval miss the truth at any of the looks, while pairs and labels come in?"""
    missed = False
    for look in range(1, LOOKS + 1):
        estimate = _corrected(_until(pairs, pairs.n * look // LOOKS))
        said = compare(_OF, estimate, _ANYTIME).row
        missed |= said.interval is not None and not said.interval.low <= true <= said.interval.high
    return float(missed)


def _holds(said: Comparison, true: float) -> float:
    return math.nan if said.interval is None else float(said.interval.low <= true <= said.interval.high)


def _width(said: Comparison) -> float:
    return math.nan if said.interval is None else said.interval.high - said.interval.low


RUNS = tuple(
    Run(_name(name, labels, is_spread=is_spread), replicate, (name, labels, is_spread))
    for name, labels, is_spread in CELLS
)


def section(results: Results) -> Section:
    """Table and bars."""
    rows, bars = [], []
    for name, labels, is_spread in CELLS:
        found = results[_name(name, labels, is_spread=is_spread)]
        covers, alone = Share.where(found["covers"]), Share.where(found["judge_covers"])
        missed = Share.where(found["missed_at_a_look"])
        traffic = f"{name}, unequal probabilities" if is_spread else name
        rows.append(
            [
                traffic,
                f"{labels:,}",
                str(alone),
                f"{float(np.nanmean(found['judge_away'])):+.3f}",
                str(covers),
                f"{float(np.nanmean(found['away'])):+.4f}",
                str(Share.where(found["people_cover"])),
                f"{float(np.nanmedian(found['width'])):.2f}",
                str(missed),
            ]
        )
        bars += [
            Bar(f"{traffic}, {labels:,} labels: 93 to 97 %", f"{covers} %", 0.93 <= covers.value <= 0.97),
            Bar(
                f"{traffic}, {labels:,} labels, {LOOKS} looks: missed at any in at most 5 % within chance",
                f"{missed} %",
                not missed.surely_above(0.05),
            ),
            Bar(
                f"{traffic}, {labels:,} labels: the judge alone never holds it (at most 1 %)",
                f"{alone} %",
                alone.value <= 0.01,
            ),
        ]
    return Section(
        "Preference corrected by labels",
        f"People prefer the candidate by {truth():+.3f} in the mean, the judge by {judge_truth():+.3f}: it sees the "
        f"difference with noise of {JUDGE_NOISE} standard deviations and leans by {LEANING} towards the candidate. "
        f"{PAIRS:,} pairs, all judged, or with probabilities of 10, 25, 50 and 100 % by how much the answers differ; "
        "labels are a random part of what was judged. `width` is that of the corrected interval against that of labels "
        f"alone. The last column: an anytime interval misses at any of {LOOKS} looks, while pairs and labels come in.",
        (
            Table(
                [
                    "traffic",
                    "labels",
                    "judge alone covers, %",
                    "judge is off by",
                    "corrected covers, %",
                    "corrected is off by",
                    "labels alone cover, %",
                    "width",
                    "anytime misses, %",
                ],
                rows,
            ),
        ),
        bars,
    )
