"""A study as JUnit XML: one suite per candidate, one case per rule of the policy, and one for the decision.

A rule that holds is a passed case, one that does not is a failure. One that is still open is `skipped`: JUnit has no
fourth state, every CI system shows skipped cases apart from passed and failed ones, and none takes them for a pass. The
case `decision` fails on reject and is skipped on wait, so that what forbids a decision is seen without any rule, too.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from analyzer.report.integrity_form import remarks
from analyzer.report.json_values import timestamp
from analyzer.report.printable import printable
from analyzer.results import CandidateStudy, Check, Study

_NOT_XML = re.compile("[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write."""


def as_junit(study: Study) -> str:
    """The XML with its declaration; numbers of cases are those of the cases in it."""
    root = ElementTree.Element("testsuites", {"name": "shadowbench gate"})
    suites = [_suite(candidate, study) for candidate in study.candidates] or [_nobody(study)]
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _suite(candidate: CandidateStudy, study: Study) -> ElementTree.Element:
    cases = [*_check_cases(candidate), _decision_case(candidate)]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": f"shadowbench {_text(candidate.name)}",
            "tests": str(len(cases)),
            "failures": str(sum(case.find("failure") is not None for case in cases)),
            "errors": "0",
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
            "time": "0",
            "timestamp": timestamp(study.generated_at) or "",
        },
    )
    suite.extend(cases)
    said = [*(f"because {reason}" for reason in candidate.reasons), *(remark.text for remark in remarks(candidate))]
    ElementTree.SubElement(suite, "system-out").text = "\n".join(_text(line) for line in said)
    return suite


def _nobody(study: Study) -> ElementTree.Element:
    """A file without cases would show as a success."""
    told = "; ".join(["there is no candidate to decide about", *study.notes])
    case = ElementTree.Element("testcase", {"classname": "shadowbench", "name": "decision", "time": "0"})
    _say(case, "skipped", f"undecided: {told}")
    counts = {"tests": "1", "failures": "0", "errors": "0", "skipped": "1", "time": "0"}
    suite = ElementTree.Element(
        "testsuite", {"name": "shadowbench"} | counts | {"timestamp": timestamp(study.generated_at) or ""}
    )
    suite.append(case)
    return suite


def _check_cases(candidate: CandidateStudy) -> list[ElementTree.Element]:
    """Names are unique: a rule that stands twice gets a number."""
    seen: dict[str, int] = {}
    cases = []
    for check in candidate.checks:
        name = _rule_name(check)
        seen[name] = seen.get(name, 0) + 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""
        case = _case(candidate, f"{name}{number}")
        if check.finding == "failed":
            _say(case, "failure", check.sentence, "failed")
        elif check.finding == "open":
            _say(case, "skipped", f"undecided: {check.sentence}")
        else:
            ElementTree.SubElement(case, "system-out").text = _text(check.sentence)
        cases.append(case)
    return cases


def _rule_name(check: Check) -> str:
    """`total_ms p95 not worse (primary)`"""
    estimand = "" if check.rule.estimand is None else f" {check.rule.estimand}"
    return f"{check.rule.metric}{estimand} {check.rule.require.replace('_', ' ')} ({check.role})"


def _decision_case(candidate: CandidateStudy) -> ElementTree.Element:
    case = _case(candidate, "decision")
    if candidate.decision == "reject":
        _say(case, "failure", _joined(candidate.reasons), "reject")
    elif candidate.decision == "wait":
        _say(case, "skipped", f"undecided: {_joined(candidate.reasons)}")
    else:
        ElementTree.SubElement(case, "system-out").text = _text(_joined(candidate.reasons))
    return case


def _joined(reasons: Sequence[str]) -> str:
    return "; ".join(reasons)


def _case(candidate: CandidateStudy, name: str) -> ElementTree.Element:
    attributes = {"classname": f"shadowbench.{_text(candidate.name)}", "name": _text(name), "time": "0"}
    return ElementTree.Element("testcase", attributes)


def _say(case: ElementTree.Element, tag: str, sentence: str, kind: str | None = None) -> None:
    text = _text(sentence)
    element = ElementTree.SubElement(case, tag, {"message": text} | ({} if kind is None else {"type": kind}))
    element.text = text


def _text(text: str) -> str:
    return _NOT_XML.sub("", printable(text))
