"""A judge that leans, and a few labels: what the judge alone says is never true, what is corrected nearly always."""

import numpy as np
import pytest

from tests.calibration import corrected
from tests.calibration.judged import judge_truth, judged, truth
from tests.calibration.replicated import Run, replicated
from tests.calibration.tables import Share
from tests.calibration.traffic import Rng


@pytest.mark.parametrize(("name", "is_spread"), [("iid", False), ("straddling", False), ("iid", True)])
def test_corrected_by_300_labels_95_of_100_intervals_hold_what_people_would_say(name: str, is_spread: bool) -> None:
    """Within chance; the judge alone holds it in none. Looking on the way makes nothing false."""
    run = Run("short", corrected.replicate, (name, 300, is_spread))
    found = replicated([run], asked=60, seed=2026, processes=1)["short"]
    assert not Share.where(1 - found["covers"]).surely_above(0.05)
    assert not Share.where(found["missed_at_a_look"]).surely_above(0.05)
    assert Share.where(found["judge_covers"]).times == 0
    assert float(np.median(found["width"])) < 1
    error = 3 * float(np.std(found["away"])) / len(found["away"]) ** 0.5
    assert abs(float(np.mean(found["away"]))) < error


def test_the_simulated_judge_and_people_say_what_is_claimed_of_them(rng: Rng) -> None:
    """Closed forms against a million pairs, equal and unequal probabilities."""
    for is_spread in (False, True):
        pairs = judged(rng, "iid", 1_000_000, 10, is_spread=is_spread)
        for values, mean in ((pairs.people, truth()), (pairs.judge, judge_truth())):
            weighted = np.average(values, weights=pairs.weight)
            spread = np.sqrt(np.sum((pairs.weight * (values - weighted)) ** 2)) / pairs.weight.sum()
            assert abs(weighted - mean) < 4 * spread
