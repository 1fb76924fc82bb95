"""A pytest plugin: writes how tests failed, by the class of what was raised, for the runner of mutants to judge."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

VARIABLE = "SHADOWBENCH_FAULT_OUTCOMES"
"""Environment variable with the file to write to; one line per failure, `when class`."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    path = os.environ.get(VARIABLE)
    if path and call.excinfo is not None and report.outcome == "failed":
        with Path(path).open("a", encoding="utf-8") as out:
            out.write(f"{call.when} {call.excinfo.type.__name__}\n")
    return report
