"""JUnit as CI systems read it: every case counted, texts of others contained."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.junit_form import as_junit
from analyzer.results import Check, Study
from config.policy import MetricRule
from tests.analyzer.report.studies import HOSTILE, candidate, empty, hostile, made


def root_of(study: Study) -> ElementTree.Element:
    return ElementTree.fromstring(as_junit(study).encode())


def counted(element: ElementTree.Element) -> dict[str, int]:
    cases = list(element.iter("testcase"))
    return {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }


def said(element: ElementTree.Element) -> dict[str, int]:
    return {name: int(element.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")}


def state(case: ElementTree.Element) -> str:
    return next((tag for tag in ("failure", "skipped") if case.find(tag) is not None), "passed")


def check(number: int, finding: str) -> Check:
    return Check(MetricRule(metric=f"m{number}"), "guardrail", finding, None, f"{finding} it is")  # type: ignore[arg-type]


def test_without_a_candidate_no_ci_system_shows_a_success() -> None:
    nobody = root_of(made(candidates=(), notes=("the file holds no pairs",)))
    assert said(nobody) == counted(nobody) == {"tests": 1, "failures": 0, "errors": 0, "skipped": 1}
    (case,) = nobody.iter("testcase")
    assert case[0].get("message") == "undecided: there is no candidate to decide about; the file holds no pairs"


@given(st.lists(st.lists(st.sampled_from(["passed", "failed", "open"]), max_size=6), max_size=3))
def test_counts_are_those_of_the_cases(findings: list[list[str]]) -> None:
    candidates = [
        candidate(name=f"c{i}", checks=tuple(check(j, finding) for j, finding in enumerate(own)))
        for i, own in enumerate(findings)
    ]
    study = made(*candidates) if candidates else made(empty())
    root = root_of(study)
    suites = root.findall("testsuite")
    assert len(suites) == max(1, len(candidates))
    assert said(root) == counted(root)
    for suite in suites:
        assert said(suite) == counted(suite)
    for own, suite in zip(findings, suites, strict=False):
        states = [state(case) for case in suite.findall("testcase")]
        assert states[:-1] == [{"failed": "failure", "open": "skipped"}.get(f, "passed") for f in own]


@pytest.mark.parametrize(("decision", "expected"), [("promote", "passed"), ("reject", "failure"), ("wait", "skipped")])
def test_the_decision_is_a_case_of_its_own(decision: str, expected: str) -> None:
    root = root_of(made(candidate(decision=decision, checks=(), reasons=("only 3 of 500 pairs",))))
    (case,) = root.iter("testcase")
    assert (case.get("name"), state(case)) == ("decision", expected)
    assert "only 3 of 500 pairs" in "".join(case.itertext())


def test_names_of_cases_are_unique_within_a_suite() -> None:
    root = root_of(made(candidate(checks=(check(1, "passed"), check(1, "open"), check(1, "failed")))))
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(set(names)) == len(names) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_others_are_texts(text: str) -> None:
    """It parses, and nothing in it became an element."""
    root = root_of(hostile(text))
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "testcase", "failure", "skipped", "system-out")
    }
    assert said(root) == counted(root)


@given(st.text())
def test_any_text_gives_xml_that_parses(text: str) -> None:
    root_of(hostile(text))


def test_a_candidate_without_pairs_is_undecided() -> None:
    root = root_of(made(empty()))
    (case,) = root.iter("testcase")
    assert state(case) == "skipped"
