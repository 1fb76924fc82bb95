from collections.abc import Sequence
from typing import get_args

import pytest

from analyzer.integrity.results import ControlCheck, Finding
from analyzer.report.control_form import control_text
from tests.analyzer.report.studies import integrity

LATENCY = ("total_ms", "p95")
ERRORS = ("error_rate", "rate")


def text_of(findings: Sequence[tuple[tuple[str, str], Finding]]) -> str | None:
    checks = tuple(ControlCheck(*key, limit=1.0, low=None, high=None, finding=finding) for key, finding in findings)
    return control_text(integrity(control=checks, control_pairs=1234))


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (
            [(LATENCY, "passed"), (ERRORS, "passed")],
            "1,234 pairs, equivalent to itself in 2 of 2 metrics, as it should be",
        ),
        (
            [(LATENCY, "failed"), (ERRORS, "passed")],
            "itself in 1 of 2 metrics; differs in time to last byte, p95, so the setup favours an arm there",
        ),
        (
            [(ERRORS, "open")],
            "1,234 pairs, equivalent to itself in 0 of 1 metric; too few pairs to say of failed requests",
        ),
        ([(("of_a_plugin", "mean"), "failed")], "differs in of_a_plugin mean"),
        ([], "1,234 pairs, no metric with a margin to check"),
    ],
)
def test_the_sentence_names_what_does_not_pass(findings: Sequence[tuple[tuple[str, str], Finding]], said: str) -> None:
    found = text_of(findings)
    assert found is not None
    assert said in found


def test_without_a_control_leg_nothing_is_said() -> None:
    assert control_text(integrity(control=None)) is None


def test_a_short_form_names_a_few_of_those_that_wait_and_all_that_fail() -> None:
    keys = [("total_ms", e) for e in ("mean", "p50", "p95", "p99")]
    checks = tuple(ControlCheck(*key, limit=1.0, low=None, high=None, finding="open") for key in keys)
    found = control_text(integrity(control=checks, control_pairs=1), most=2)
    assert found == (
        "1 pair, equivalent to itself in 0 of 4 metrics; too few pairs to say of time to last byte, mean, "
        "time to last byte, p50 and 2 others"
    )
    failed = tuple(ControlCheck(*key, limit=1.0, low=2.0, high=3.0, finding="failed") for key in keys)
    assert "p99" in (control_text(integrity(control=failed), most=2) or "")


def test_every_finding_has_words() -> None:
    for finding in get_args(Finding):
        assert text_of([(LATENCY, finding)])
