"""Figures of both arms: what is not known is a dash, and only what can be compared has a difference."""

from dataclasses import replace
from decimal import Decimal

import pytest

from analyzer.dashboard.pairs.figures import Figure, groups
from store.browsing.pairs import BrowsedPair
from tests.analyzer.dashboard.pairs.arms import arm, browsed, failed


def figures(pair: BrowsedPair) -> dict[str, Figure]:
    return {one.title: one for group in groups(pair) for one in group.figures}


def cells(pair: BrowsedPair, title: str) -> tuple[str, str, str, str]:
    one = figures(pair)[title]
    return one.primary, one.candidate, one.difference, one.relative


def test_groups_stand_in_an_order() -> None:
    assert [group.title for group in groups(browsed())] == ["Time", "Cost and tokens", "Answer"]
    assert list(figures(browsed())) == [
        "Last byte", "First byte", "Cost", "Input tokens", "Output tokens", "Outcome", "Model", "Characters",
        "Finish reason",
    ]  # fmt: skip


def test_differences_are_candidate_minus_primary() -> None:
    pair = browsed(
        arm(total_ms=812.1, cost_usd=Decimal("0.0042"), output_tokens=60),
        arm(total_ms=640.3, cost_usd=Decimal("0.0011"), output_tokens=1_060),
    )
    assert cells(pair, "Last byte") == ("812 ms", "640 ms", "−172 ms", "−21 %")
    assert cells(pair, "Cost") == ("$0.0042", "$0.0011", "−$0.0031", "−74 %")
    assert cells(pair, "Output tokens") == ("60", "1,060", "+1,000", "18×")
    assert cells(pair, "Input tokens") == ("30", "30", "0", "")


def test_streams_have_their_marks() -> None:
    stream = arm(ttfb_ms=90.0, ttfr_ms=120.0, ttft_ms=300.0, itl_ms=21.5, connect_ms=12.0, connection_reused=False)
    pair = browsed(arm(), stream)
    assert cells(pair, "First thought") == ("–", "120 ms", "", "")
    assert cells(pair, "First token") == ("–", "300 ms", "", "")
    assert cells(pair, "Between tokens") == ("–", "21.5 ms", "", "")
    assert cells(pair, "Connecting") == ("open already", "12 ms", "", "")


def test_parts_of_tokens_stand_where_there_are_any() -> None:
    assert "of these from the cache" not in figures(browsed())
    pair = browsed(arm(cached_tokens=16, reasoning_tokens=None), arm(cached_tokens=0, reasoning_tokens=88))
    assert cells(pair, "of these from the cache") == ("16", "0", "−16", "−100 %")
    assert cells(pair, "of these reasoning") == ("–", "88", "", "")
    assert "of these written to the cache" not in figures(pair)


def test_a_count_and_an_estimate_are_not_compared() -> None:
    pair = browsed(arm(), arm(tokens_estimated=True))
    assert cells(pair, "Output tokens") == ("60", "60 (our estimate)", "", "")
    both = browsed(arm(tokens_estimated=True), arm(tokens_estimated=True, output_tokens=90))
    assert cells(both, "Output tokens") == ("60 (our estimate)", "90 (our estimate)", "+30", "+50 %")


def test_a_leg_that_failed_is_neither_faster_nor_cheaper() -> None:
    pair = browsed(arm(), failed("timeout", total_ms=3.0, cost_usd=Decimal("0.001"), input_tokens=30))
    assert cells(pair, "Last byte") == ("500 ms", "3 ms", "", "")
    assert cells(pair, "Cost") == ("$0.0042", "$0.001", "", "")
    assert not any(one.difference or one.relative for one in figures(pair).values())
    assert cells(pair, "Outcome") == ("answered", "timed out", "", "")
    assert cells(browsed(failed("http_error", status=503)), "Outcome")[0] == "HTTP error 503"


def test_what_nobody_knows_has_no_line() -> None:
    found = figures(browsed(failed(), failed()))
    assert list(found) == ["Outcome", "Model"]


@pytest.mark.parametrize(
    ("title", "primary", "candidate", "shown"),
    [
        ("Finish reason", {"finish_reason": "length"}, {"finish_reason": None}, ("length (cut short)", "–")),
        ("Tool calls", {"tool_calls": 2}, {}, ("2", "0")),
        ("Refusal", {"refusal": True}, {"refusal": None}, ("yes", "–")),
        ("Valid JSON", {"valid_json": False}, {"valid_json": True}, ("no", "yes")),
        ("Model", {"model": None}, {"model": "m"}, ("–", "m")),
    ],
)
def test_answers(title: str, primary: dict[str, object], candidate: dict[str, object], shown: tuple[str, str]) -> None:
    found = figures(replace(browsed(), primary=arm(**primary), answer=arm(**candidate)))[title]
    assert (found.primary, found.candidate, found.is_text) == (*shown, True)
