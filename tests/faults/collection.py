"""Every fault test with its mutations."""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutation import Mutation

HERE = Path(__file__).parent
CHECKS = "test_mutations"
"""Not a fault test: it looks after the others."""
EXEMPT: dict[str, str] = {}
"""Node id of a test -> why nothing can switch its protection off. Empty is best."""


@dataclass(frozen=True, slots=True)
class FaultTest:
    """A test that states a promise, and what it is protected by."""

    node: str
    """As pytest names it, from the root of the repository; all its parameters together."""
    mutations: tuple[Mutation, ...]


def fault_tests() -> Iterator[FaultTest]:
    """All of them, by file and line."""
    for path in sorted(HERE.glob("test_*.py")):
        if path.stem != CHECKS:
            yield from _of_module(path)


def _of_module(path: Path) -> Iterator[FaultTest]:
    module = importlib.import_module(f"tests.faults.{path.stem}")
    for name, value in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(value) and value.__module__.endswith(path.stem):
            yield FaultTest(f"tests/faults/{path.name}::{name}", getattr(value, "mutations", ()))
