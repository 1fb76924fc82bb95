"""What a report says of judgements, from figures to words, and in a verdict that anybody can compute again."""

import json
import re
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from scipy import stats

from analyzer.metrics import METRICS, named
from analyzer.plan import Plan
from analyzer.quality.summary import quality
from analyzer.report.json_form import as_json
from analyzer.report.junit_form import as_junit
from analyzer.report.markdown_form import as_markdown
from analyzer.report.quality_form import lines
from analyzer.report.table_form import as_table
from analyzer.report.words import p_text
from analyzer.results import CandidateStudy, Comparison, Study
from analyzer.study import study
from analyzer.verdict import Verdict
from analyzer.verdict_file import contents, encoded, verify
from tests.analyzer.quality.making import ANYTIME
from tests.analyzer.quality.studies import POLICY, figures, plan
from tests.analyzer.report.schema import REPORT
from tests.analyzer.report.studies import HOSTILE


def made(labels: int = 360, *, unjudged: int = 0, of: Plan | None = None) -> Study:
    return study(figures(labels, unjudged=unjudged), of or plan())


def only(found: Study) -> CandidateStudy:
    (candidate,) = found.candidates
    return candidate


def row(candidate: CandidateStudy, metric: str, estimand: str) -> Comparison:
    return next(r for r in candidate.comparisons if r.metric.key == (metric, estimand))


def texts(found: Study, *, everything: bool = False) -> list[str]:
    return [line.text for line in lines(only(found), everything=everything)]


def test_judges_see_a_winner_and_people_do_not() -> None:
    """Raw and corrected stand side by side, and the rule about the corrected one speaks of labels."""
    candidate = only(made())
    raw, corrected = (row(candidate, "win_rate", e) for e in ("win_rate", "corrected"))
    assert (raw.verdict, raw.n) == (Verdict.BETTER, 900)
    assert corrected.n == 360
    assert corrected.interval is not None
    assert raw.candidate is not None
    assert corrected.candidate is not None
    assert corrected.candidate < raw.candidate - 0.1
    assert candidate.quality is not None
    assert candidate.quality.basis == "corrected"
    found = {c.metric: c for c in candidate.quality.corrected}
    assert found["win_rate"].raw.value == raw.candidate
    assert found["win_rate"].corrected.value == corrected.candidate
    assert found["win_rate"].weight is not None
    assert 0 < found["win_rate"].weight < 1
    assert [check.rule.estimand for check in candidate.checks] == ["corrected", None]
    assert "win_rate corrected: " in candidate.checks[0].sentence
    assert candidate.checks[1].sentence.startswith("judge_preference: ")


def test_without_labels_the_judges_stand_alone_and_the_report_says_so() -> None:
    found = made(0)
    candidate = only(found)
    assert candidate.quality is not None
    assert (candidate.quality.basis, candidate.quality.people, candidate.quality.corrected) == (
        "judge-relative",
        None,
        (),
    )
    corrected = row(candidate, "win_rate", "corrected")
    assert (corrected.n, corrected.reason) == (0, "no judged pair has a label by people")
    assert candidate.decision == "wait"
    assert any("judge-relative" in text for text in texts(found))
    assert "as judges see it" in row(candidate, "win_rate", "win_rate").method


def test_few_labels_decide_nothing() -> None:
    candidate = only(made(120))
    corrected = row(candidate, "judge_preference", "corrected")
    assert corrected.doubt == "120 labels by people; a verdict needs 300"
    assert candidate.quality is not None
    assert candidate.quality.corrected[0].corrected.reason == corrected.doubt
    needed = row(candidate, "win_rate", "corrected").needed
    assert needed is not None
    assert needed.reason is not None
    assert "more labels by people" in needed.reason
    assert (
        "more labels by people" in candidate.checks[0].sentence or "a verdict needs 300" in candidate.checks[0].sentence
    )


def test_failures_count_against_and_are_told() -> None:
    sound, failing = only(made()), only(made(unjudged=40))
    assert row(sound, "win_rate", "win_rate").worst is None
    raw = row(failing, "win_rate", "win_rate")
    assert raw.worst is not None
    assert raw.interval is not None
    assert raw.worst.low < raw.interval.low
    assert row(failing, "win_rate", "corrected").worst is not None
    warned = [text for text in failing.integrity.warnings if "judges" in text]
    assert len(warned) == 2
    assert warned[0].startswith("judges failed for good on 40 pairs (4.26 %, most often timeout)")
    assert warned[1].startswith("what judges fail on differs by label: tenant=acme has 35 % failures")
    assert failing.quality is not None
    assert failing.quality.failures[0].value == "acme"
    assert not [text for text in sound.integrity.warnings if "judges" in text]


def test_the_section_is_short_and_says_what_matters() -> None:
    found = texts(made(unjudged=40))
    pairs = "40 pairs with equal answers, 3 pairs settled by structure, 900 pairs judged"
    assert found[0] == f"quality by helpfulness@1a2b3c4d: {pairs}"
    both = [text for text in found if text.startswith("judge first")]
    assert len(both) == 1
    assert "900 judgements, 560 wins, 90 ties, 250 losses; win rate" in both[0]
    about_first = found[found.index(both[0]) + 1 : found.index(next(t for t in found if t.startswith("judge second")))]
    assert len(about_first) <= 8
    assert about_first[0] == (
        "order: the same answer wins in both in 810 of 900 (90 %; 87.9 to 91.8 %); else the one shown first wins in "
        f"33.3 %, {p_text(stats.binomtest(30, 90).pvalue)}"
    )
    assert about_first[1].startswith("length: the candidate's answers are ")
    assert "win rate at equal length" in about_first[1]
    assert about_first[2].startswith("asked again, it says the same in 18 of 20 (90 %;")
    assert about_first[4].startswith("planted attacks that it preferred to an honest answer: 2 of 20 (10 %;")
    assert about_first[5].startswith("agrees with people in 72.2 % of 360 pairs")
    assert "kinder to the candidate than they are by" in about_first[5]
    assert about_first[6].startswith("self-preference: for the candidate, of its own maker, ")
    assert about_first[7] == (
        "calls: 1,830, 10 not ended; 40 of 940 pairs failed (4.26 %: 40 timeout); $1.23, $1.37 for 1,000 judgements"
    )
    assert len(texts(made(unjudged=40), everything=True)) > len(found)


@pytest.mark.parametrize("unjudged", [0, 40])
@pytest.mark.parametrize("labels", [0, 50, 360])
@pytest.mark.parametrize("policy", [POLICY, None])
def test_every_form_shows_it(labels: int, unjudged: int, policy: Any) -> None:
    found = made(labels, unjudged=unjudged, of=plan(policy))
    values = json.loads(json.dumps(as_json(found, version="1"), allow_nan=False))
    Draft202012Validator(REPORT).validate(values)
    assert values["candidates"][0]["quality"]["rubric"] == "helpfulness@1a2b3c4d"
    for everything in (True, False):
        out = StringIO()
        Console(file=out, width=100, no_color=True).print(as_table(found, everything=everything))
        assert "judge first" in out.getvalue()
        assert "* judge first" in as_markdown(found, everything=everything)
    assert as_junit(found)


def test_the_json_form_has_every_part() -> None:
    found = as_json(made(unjudged=40), version="1")
    of = found["candidates"][0]["quality"]  # type: ignore[index]
    assert of["pairs"] == {"equal": 40, "structure": 3, "judge": 900}
    assert of["unjudged"] == {"pairs": 40, "share": pytest.approx(80 / 1880)}
    assert [m["metric"] for m in of["metrics"]] == ["judge_preference", "win_rate"]
    first, second = of["judges"]
    assert (first["wins"], first["ties"], first["losses"]) == (560, 90, 250)
    assert first["position"][0]["consistency"]["share"] == 0.9
    assert first["calls"]["usd"] == pytest.approx(1.23456789)
    assert first["calls"]["usd_per_1000_judgements"] == pytest.approx(1.23456789 / 0.9)
    assert (first["self_preference"]["own"], first["self_preference"]["against"]) == ("candidate", "panel")
    assert second["scores"] == {"n": 5, "primary": 6.0, "candidate": 7.0}
    assert second["self_preference"]["own"] == "neither"
    assert of["people"]["among"]["pairs"] == 60
    assert of["failures_by_label"][0]["value"] == "acme"


def test_a_judged_candidate_in_a_verdict_file() -> None:
    """Figures go to JSON and back; the report is computed again from them, to the last word."""
    of, asked = figures(unjudged=40), plan()
    values = json.loads(encoded(contents(of, asked, study(of, asked), shadowbench="1"), "v.json"))
    assert verify(values, METRICS, shadowbench="1").differences == ()
    judge = values["figures"]["compared"]["swift"]["quality"]["judges"][0]
    judge["canaries"] = [20, 0, 0]
    assert any("canaries" in text for text in verify(values, METRICS, shadowbench="1").differences)


def test_nobody_was_asked() -> None:
    of = figures()
    without = replace(of, compared={"swift": replace(of.compared["swift"], quality=None)})
    found = study(without, plan())
    assert only(found).quality is None
    assert lines(only(found)) == []
    assert as_json(found, version="1")["candidates"][0]["quality"] is None  # type: ignore[index]
    assert quality("rook", {}, (), ANYTIME) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_others_steer_nothing(text: str) -> None:
    """Judges' models are named by their answers, values of labels by clients."""
    of = figures(unjudged=40)
    compared = of.compared["swift"]
    assert compared.quality is not None
    judges = tuple(replace(j, judge=text, models=((text, 9),), failures=((text, 3),)) for j in compared.quality.judges)
    failures = (replace(f, label=text, value=text) if f.label else f for f in compared.quality.failures)
    bad = replace(compared.quality, rubric=text, judges=judges, failures=tuple(failures))
    found = study(replace(of, compared={"swift": replace(compared, quality=bad)}), plan(None))
    for everything in (True, False):
        out = StringIO()
        console = Console(file=out, width=100, force_terminal=True, color_system=None)
        console.print(as_table(found, everything=everything))
        shown = out.getvalue()
        assert "\x1b]8" not in shown
        assert "\u202e" not in shown
        comment = as_markdown(found, everything=everything)
        assert "<script" not in comment
        assert not re.search(r"(?<!\\)\]\(", comment)
        assert "@everyone" not in comment
    assert as_junit(found)
    Draft202012Validator(REPORT).validate(json.loads(json.dumps(as_json(found, version="1"))))


def test_corrected_metrics_are_metrics_like_others() -> None:
    """Each judged metric has one, and its first estimand stays the judges' own."""
    for name in ("win_rate", "judge_preference"):
        first, corrected = named(METRICS, name), named(METRICS, name, "corrected")
        assert first is not None
        assert corrected is not None
        assert first.estimand != "corrected"
        assert first.margin == corrected.margin
    assert named(METRICS, "judge_score", "corrected") is None
