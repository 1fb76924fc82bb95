"""What a terminal shows: readable at 80 columns, without an explanation beside it."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from analyzer.integrity.results import ControlCheck, Missing, SampleRatio, Skew
from analyzer.report.fitting import ENDLESS_WIDTH
from analyzer.report.table_form import as_table
from analyzer.results import Needed, Study
from analyzer.stats.interval import Interval
from analyzer.surroundings.results import Fairness
from tests.analyzer.report.studies import (
    COMPARISONS,
    HOSTILE,
    candidate,
    empty,
    hostile,
    integrity,
    latency,
    made,
    metric,
    row,
)


def shown(study: Study, width: int = 110, *, everything: bool = False, is_terminal: bool = True) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None)
    console.print(as_table(study, everything=everything))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def line(text: str, start: str) -> str:
    return next(one for one in text.splitlines() if one.startswith(start))


def test_the_decision_and_why_come_before_any_number() -> None:
    text = shown(made())
    assert text.index("swift: reject") < text.index("decision: reject") < text.index("failed (guardrail): cost_usd")
    assert text.index("failed (guardrail)") < text.index("open (guardrail)") < text.index("passed (primary)")
    assert text.index("passed (primary)") < text.index("metric ")


def test_a_reason_that_no_rule_says_has_a_line_of_its_own() -> None:
    text = shown(made(candidate(decision="wait", reasons=("512 of 1,000 pairs",))))
    assert "  because 512 of 1,000 pairs\n" in re.sub(" +\n", "\n", text)


def test_estimands_of_one_metric_are_told_apart() -> None:
    text = shown(made(), 160, everything=True)
    for heading in ("time to last byte, mean, ms", "time to last byte, p95, ms", "time to last byte, p99, ms"):
        assert heading in text
    assert "time to first token" not in text.split("undecided")[0], "metrics without pairs have no row"


def test_a_log_ratio_is_shown_as_the_change_of_a_typical_request() -> None:
    # exp(-0.2) - 1 = -18.1 %; exp(-0.25) - 1 = -22.1 %; exp(-0.15) - 1 = -13.9 %
    row = line(shown(made(), 160), "time to last byte, typical change, %").split()
    assert row[-6:] == ["-18.1", "-22.1", "to", "-13.9", "-", "better"]


def test_bound_and_what_is_allowed_stand_beside_the_policys_metrics_alone() -> None:
    text = shown(made(), 160)
    assert line(text, "time to last byte, p95, ms").split()[-5:] == ["≤", "-155", "<", "+200", "better"]
    assert line(text, "cost of 1,000 requests, $").split()[-5:] == ["≤", "-0.612", "<", "0", "better"]
    assert "≥" not in line(text, "output speed"), "it has a bound, and no policy asks for it"
    without = shown(made(candidate(comparisons=(latency(role="other", require=None),), checks=()), policy=None), 160)
    assert "allowed" not in without


def test_the_interval_says_what_it_promises() -> None:
    assert "anytime-valid: they hold however often one looks" in " ".join(shown(made()).split())
    fixed = " ".join(shown(made(kind="fixed")).split())
    assert "fixed-horizon ones: they hold for one look at a time chosen beforehand" in fixed


def test_what_is_still_needed_is_said() -> None:
    wanted = "still needed for a verdict on output speed: 900 more pairs"
    assert wanted in shown(made(), everything=True)
    bare = tuple(replace(r, role="other", require=None) for r in COMPARISONS)
    without = made(candidate(comparisons=bare, checks=()), policy=None)
    assert wanted in shown(without)
    many = tuple(
        replace(bare[7], metric=metric(name), needed=Needed(pairs, None, None))
        for name, pairs in (("timeout_rate", 7), ("refusal_rate", 5), ("truncation_rate", 9), ("error_rate", 5))
    )
    lines = [
        one
        for one in shown(made(candidate(comparisons=many, checks=()), policy=None)).splitlines()
        if one.startswith("still needed")
    ]
    assert lines[0] == "still needed for a verdict on refusals and failed requests: 5 more pairs"
    assert len(lines) == 3


def test_what_is_not_known_and_what_never_happened_takes_one_line() -> None:
    rows = (
        *COMPARISONS[:6],
        row("ttft_ms", "p50", reason="200 pairs count"),
        row("ttft_ms", "p99", reason="p99 needs 5,000"),
        row("itl_ms", "p50", reason="200 pairs count"),
        row("itl_ms", "p99", reason="p99 needs 5,000"),
        row("timeout_rate", primary=0.0, candidate=0.0, difference=0.0, interval=Interval(-0.01, 0.01)),
        row("judge_score", n=0),
        row("rouge_l", n=0),  # nobody asked for it
        row("exact_match", candidate=0.25),
    )
    (found,) = [
        one
        for one in shown(made(candidate(comparisons=rows), control=None), ENDLESS_WIDTH, is_terminal=False).splitlines()
        if one.startswith("not known yet")
    ]
    assert found == (
        "not known yet: p99 of time to last byte, p50 and p99 of time to first token and time between tokens, "
        "same text in both arms; 0 so far: timeouts; in no pair: judges' score (`report --all` shows why)"
    )


def test_everything_is_shown_on_request_and_what_decides_always() -> None:
    brief, whole = shown(made(), 160), shown(made(), 160, everything=True)
    for text in (brief, whole):
        assert line(text, "time to last byte, p95, ms")
        assert line(text, "failed requests, %")
    assert "undecided (the quantile lies among failures): time to last byte, p99" in whole
    assert "undecided (the quantile lies among failures)" not in brief
    assert "10 of 160 ms come from a warmer cache" not in brief


def test_without_a_policy_the_main_figures_have_rows_even_when_nothing_is_known() -> None:
    rows = tuple(
        row(*key, primary=1.0, candidate=1.0, difference=0.0, reason="few")
        for key in (("total_ms", "mean"), ("total_ms", "p50"), ("total_ms", "p99"), ("cost_usd", "mean"))
    )
    text = shown(made(candidate(comparisons=rows, checks=()), policy=None), 160)
    assert line(text, "time to last byte, p50, ms")
    assert line(text, "cost of 1,000 requests, $")
    assert "not known yet: mean of time to last byte (" in text


def test_what_is_well_takes_one_line() -> None:
    well = integrity(
        sample_ratio=SampleRatio(1.0, 1.0, 1.0, "anytime", "open"),
        missing=Missing(),
        control=(ControlCheck("total_ms", "p95", 100.0, -20.0, 30.0, "passed"),) * 3,
        population=None,
        warnings=(),
    )
    text = shown(made(candidate(integrity=well)), 200)
    assert (
        "sample: sound (100 % of requests as asked, copies start 0.400 ms later, control equivalent in 3 of 3)" in text
    )
    assert "99 % within" not in text
    late = shown(made(candidate(integrity=replace(well, skew=Skew(1000, 40.0, 250.0, 0.01, "failed")))), 200)
    assert "too much for a fair comparison" in late
    assert "sound" not in late


def test_the_arms_warmth_is_told_where_it_counts() -> None:
    said = ("10 of 160 ms come from a warmer cache", "nothing comes from connections")
    text = shown(made(candidate(fairness=Fairness((), said, said[:1]))))
    assert said[0] in text
    assert said[1] not in text


def test_the_experiment_stands_below_and_not_in_the_title() -> None:
    text = shown(made(), 200)
    assert "experiment" not in line(text, "swift against the primary")
    assert "10 budget; experiment e1" in text


def test_obstacles_and_warnings_and_surroundings_are_there() -> None:
    facts = integrity(obstacles=("the sample is not a random one",))
    text = shown(made(candidate(integrity=facts)), 300, everything=True)
    for sentence in (
        "no decision: the sample is not a random one",
        "warning: 10 requests are still under way",
        "warning: swift answers as swift-2 since 10:00",
        "mirroring adds 1 ms",
        "10 of 160 ms come from a warmer cache",
        "2 never sent because of the candidate, which count as its failures",
        "control (the primary against itself): 800 pairs, equivalent to itself in 1 of 2 metrics",
        "too few pairs to say of failed requests",
        "9.98 % of the requests, where 10 % were asked for",
    ):
        assert sentence in " ".join(text.split()), sentence


def test_a_sentence_that_is_said_twice_is_shown_once() -> None:
    facts = integrity(warnings=("mirroring adds 1 ms",))
    assert shown(made(candidate(integrity=facts))).count("mirroring adds 1 ms") == 1


def test_candidates_are_compared_with_each_other_by_name() -> None:
    text = shown(made(), 160)
    assert "sage against swift, on the same requests; differences are sage minus swift" in text
    assert re.search(r"^metric +swift +sage +difference", text, re.MULTILINE)


def test_segments_are_called_exploratory() -> None:
    text = " ".join(shown(made(), 160).split())
    assert "exploratory: 2 combinations of label, value and metric were searched; 1 stands out" in text
    assert "tenant = acme" in text
    assert "tenant = globex" not in text


def test_agreements_are_shown_beside_the_controls() -> None:
    assert "same text in both arms: 25.0 % of 1,000; the primary with itself: 75.0 %" in shown(made())


def test_a_window_without_pairs_says_so() -> None:
    text = shown(made(empty(), control=None, between=(), segments=()))
    assert "swift against the primary: 0 pairs" in text
    assert "because no pairs in the window" in text


def test_the_control_has_its_own_table_when_nothing_else_has() -> None:
    study = made(segments=(), between=())
    only = Study(**{f: getattr(study, f) for f in study.__dataclass_fields__} | {"candidates": ()})
    assert "control the primary against itself: 800 pairs" in shown(only)


def test_pairs_are_counted_in_words_that_read_well() -> None:
    assert "10,000 requests received: 1,000 pairs, 8,987 unsampled, 10 budget" in " ".join(shown(made()).split())
    one = candidate(states={"received": 2, "pair": 1, "unsampled": 1})
    assert "2 requests received: 1 pair, 1 unsampled" in " ".join(shown(made(one)).split())


def test_without_candidates_there_is_nothing_to_report() -> None:
    study = made(segments=(), between=(), control=None)
    nothing = Study(**{f: getattr(study, f) for f in study.__dataclass_fields__} | {"candidates": ()})
    assert "Nothing to report" in shown(nothing)


@pytest.mark.parametrize("width", [30, 60, 72, 80, 100, 130, 200])
@pytest.mark.parametrize("study", [made(), made(candidate(name="a-candidate-with-a-name-of-some-length"))])
def test_nothing_is_cut_however_narrow_the_terminal(study: Study, width: int) -> None:
    """Titles, levels, both ends, bounds, verdicts: every word of the widest form is in every other."""
    text, widest = shown(study, width, everything=True), shown(study, ENDLESS_WIDTH, everything=True)
    assert "…" not in text
    assert max(len(one.rstrip()) for one in text.splitlines()) <= width
    words = {w.strip(",") for w in re.sub("[();:]", " ", text).split()}
    rows = [one for one in widest.splitlines() if one.rstrip().endswith(("better", "worse", "undecided"))]
    assert len(rows) >= 10
    joined = "".join(text.split())
    for one in rows:
        assert all(w.strip(",") in words or w.strip(",") in joined for w in one.split())


def test_80_columns_are_enough_for_tables() -> None:
    text = shown(made(), 80)
    assert line(text, "failed requests, %").split()[-1] == "undecided"
    assert "bound, allowed" in text
    assert "≤ -155, < +200" in text


def test_a_wide_terminal_has_lines_that_people_can_read() -> None:
    """Sentences are broken, tables are not."""
    prose = [one for one in shown(made(), 1000).splitlines() if "  " not in one.strip() and "─" not in one]
    assert max(len(one.rstrip()) for one in prose) <= 110


def test_in_a_file_a_sentence_is_a_line() -> None:
    """So that a search finds it."""
    long = " ".join(["word"] * 100)
    assert (
        f"warning: {long}"
        in shown(made(candidate(integrity=integrity(warnings=(long,)))), ENDLESS_WIDTH, is_terminal=False).splitlines()
    )


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [80, 160])
def test_texts_from_outside_are_no_markup_and_steer_no_terminal(text: str, width: int) -> None:
    found = shown(hostile(text), width)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", found)
    if text.startswith("[red]"):
        assert "[red]markup[/red]" in found
