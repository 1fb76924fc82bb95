"""Every fault test says what it is protected by, and that is still there; `python -m tests.faults` does the rest."""

import ast

import pytest

from tests.faults.collection import EXEMPT, FaultTest, fault_tests
from tests.faults.mutation import ROOT, Mutation

TESTS = list(fault_tests())


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.node.partition("::")[2])
def test_every_fault_test_carries_a_mutation(test: FaultTest) -> None:
    assert test.mutations or test.node in EXEMPT


@pytest.mark.parametrize(
    "mutation", [m for test in TESTS for m in test.mutations], ids=lambda m: f"{m.file}: {m.old.strip()[:40]}"
)
def test_a_mutation_changes_one_place_of_a_file_that_still_parses(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text()
    assert text.count(mutation.old) == 1
    mutated = mutation.applied(text)
    assert mutated != text
    ast.parse(mutated)


def test_exemptions_are_of_tests_that_exist() -> None:
    assert set(EXEMPT) <= {test.node for test in TESTS}
