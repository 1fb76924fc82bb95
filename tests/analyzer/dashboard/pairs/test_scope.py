"""What a list shows of what there is; and why it is empty."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from analyzer.dashboard.live.asked import LiveQuestion
from analyzer.dashboard.pairs.asked import PairsQuestion
from analyzer.dashboard.pairs.scope import nothing, scope
from config.model import Config
from store.browsing.listing import Page, Position
from store.browsing.stretch import Stretch
from store.browsing.wanted import SORTS
from store.comparison import Span
from tests.analyzer.dashboard.pairs.arms import REQUEST

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = Span(NOW - timedelta(days=1), NOW)
PAGE = Page(
    (), Stretch(SPAN, is_all=True), has_before=False, has_after=False, in_window=1234, is_exact=True, matching=None
)
PART = Stretch(Span(NOW - timedelta(hours=2), NOW), is_all=False)
CONFIG = Config.model_validate(
    {
        "primary": {"url": "http://127.0.0.1:9"},
        "candidates": [{"name": "swift", "url": "http://127.0.0.1:9", "sample": 0.1}],
        "judge": {"models": [{"name": "judge-a", "url": "http://127.0.0.1:9", "model": "m"}]},
    }
)


SLOWER = (
    "1,200 of 1,234 pairs in the last 15 min, those in which the candidate was slower by most first. Only pairs that "
    "both answered, of which the time is known."
)
LARGE = (
    "990,000 found among the newest of about 34,000,000 pairs in the last 24 h (those since 2026-03-01 10:00:00 UTC), "
    "the largest difference in cost first. Older ones were not looked through. Only pairs that both answered, of which "
    "the cost is known."
)
FURTHER = (
    "Found among the newest of 1,234 pairs in the time from 2026-02-28 12:00:00 to 2026-03-01 12:00:00 UTC (those "
    "since 2026-03-01 10:00:00 UTC), the newest first. Older ones were not looked through."
)


@pytest.mark.parametrize(
    ("question", "found", "said"),
    [
        (PairsQuestion(), PAGE, "1,234 pairs in the last 24 h, the newest first."),
        (PairsQuestion(), replace(PAGE, is_exact=False), "About 1,234 pairs in the last 24 h, the newest first."),
        (
            PairsQuestion(outcome="ok"),
            replace(PAGE, matching=7),
            "7 of 1,234 pairs in the last 24 h, the newest first.",
        ),
        (PairsQuestion(LiveQuestion("15m"), sort="slower"), replace(PAGE, matching=1200), SLOWER),
        (
            PairsQuestion(sort="cost"),
            replace(PAGE, in_window=34_000_000, is_exact=False, matching=990_000, looked=PART),
            LARGE,
        ),
        (PairsQuestion(outcome="failed").fixed(SPAN), replace(PAGE, looked=PART), FURTHER),
    ],
)
def test_how_much_is_shown_of_how_much(question: PairsQuestion, found: Page, said: str) -> None:
    assert scope(question, SPAN, found) == said


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_has_words(sort: str) -> None:
    assert scope(PairsQuestion(sort=sort), SPAN, PAGE).startswith("1,234 pairs in the last 24 h, ")


def test_no_pair_in_the_window() -> None:
    empty = replace(PAGE, in_window=0)
    found = nothing(PairsQuestion(), SPAN, empty, CONFIG)
    assert found.title == "No pairs here"
    assert found.text.startswith("No pair began in the last 24 h. A pair is there about two seconds after")
    assert (found.address, found.offer) == ("/pairs?window=30d", "Look at the last 30 d")
    longest = nothing(PairsQuestion(LiveQuestion("30d")), SPAN, empty, CONFIG)
    assert (longest.title, longest.address) == ("No pairs yet", "")
    of_one = nothing(PairsQuestion(candidate="swift"), SPAN, empty, CONFIG)
    assert of_one.text.startswith("No pair of this candidate began")
    assert of_one.address == "/pairs?window=30d&candidate=swift"


def test_without_candidates_there_never_will_be_any() -> None:
    nobody = Config.model_validate({"primary": {"url": "http://127.0.0.1:9"}, "control": {"sample": 0}})
    found = nothing(PairsQuestion(), SPAN, replace(PAGE, in_window=0), nobody)
    assert found.text.startswith("No candidate is configured, so nothing is copied")


def test_filters_that_nothing_passes_can_be_taken_back() -> None:
    found = nothing(PairsQuestion(outcome="timeout", candidate="swift"), SPAN, PAGE, CONFIG)
    assert found.text == "None of 1,234 pairs in the last 24 h is like that."
    assert (found.address, found.offer) == ("/pairs?candidate=swift", "Show all pairs")


def test_verdicts_that_nobody_gave() -> None:
    found = nothing(PairsQuestion(sort="worst"), SPAN, PAGE, CONFIG)
    assert found.text == "Of 1,234 pairs in the last 24 h, none has such a verdict."
    found = nothing(PairsQuestion(verdict="disagree"), SPAN, PAGE, CONFIG.model_copy(update={"judge": None}))
    assert found.text.endswith("none has such a verdict. No judge is configured (judge.models).")


def test_what_was_not_looked_through_may_hold_some() -> None:
    found = nothing(PairsQuestion(outcome="timeout"), SPAN, replace(PAGE, looked=PART), CONFIG)
    assert found.title == "Nothing found yet"
    assert "those since 2026-03-01 10:00:00 UTC" in found.text


def test_behind_the_last_page_there_is_a_way_back() -> None:
    place = Position(0.0, NOW, REQUEST, "swift")
    found = nothing(PairsQuestion(outcome="ok", after=place), SPAN, PAGE, CONFIG)
    assert (found.title, found.address) == ("Nothing more", "/pairs?outcome=ok")
