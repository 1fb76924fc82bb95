"""Since when something has been as it is."""

from dataclasses import replace

from analyzer.webhooks.holding import CONTROL, Holding
from analyzer.webhooks.seen import ControlFailure, Standing, Studied
from tests.analyzer.report.studies import WINDOW

SWIFT = Standing("swift", "e-1", "promote", ("it passes",), 100)
FAILURE = ControlFailure("swift", "total_ms", "p95", "time", 1.0, 2.0, 0.5)
SEEN = Studied(WINDOW, (SWIFT,), (), ())


def test_what_stays_is_held_for_longer_and_longer() -> None:
    """More pairs and other reasons are no change."""
    holding = Holding()
    assert holding.note(SEEN, 100.0) == {"swift": 0.0, CONTROL: 0.0}
    later = replace(SEEN, standings=(replace(SWIFT, pairs=200, reasons=()),))
    assert holding.note(later, 160.0) == {"swift": 60.0, CONTROL: 60.0}


def test_what_changes_begins_anew() -> None:
    """A decision, the experiment that it is about, and whether the control fails; each for itself."""
    holding = Holding()
    holding.note(SEEN, 0.0)
    assert holding.note(replace(SEEN, standings=(replace(SWIFT, decision="wait"),)), 60.0) == {
        "swift": 0.0,
        CONTROL: 60.0,
    }
    assert holding.note(replace(SEEN, control=(FAILURE,)), 120.0) == {"swift": 0.0, CONTROL: 0.0}
    other = replace(SEEN, standings=(replace(SWIFT, experiment="e-2"),), control=(FAILURE, FAILURE))
    assert holding.note(other, 180.0) == {"swift": 0.0, CONTROL: 60.0}


def test_a_candidate_that_is_gone_is_forgotten() -> None:
    holding = Holding()
    holding.note(SEEN, 0.0)
    assert holding.note(replace(SEEN, standings=()), 60.0) == {CONTROL: 60.0}
    assert holding.note(SEEN, 120.0)["swift"] == 0.0
