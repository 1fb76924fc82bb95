"""What each fault test is protected by, so that the protection can be switched off and the test be seen to fail."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one source file that switches a protection off."""

    file: str
    """From the root of the repository."""
    old: str
    """Stands in the file exactly once."""
    new: str

    def applied(self, text: str) -> str:
        """The file's text without the protection.

        Raises:
            ValueError: `old` is not there exactly once: the protection has moved, and the mutation must follow it.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def protected_by(*mutations: Mutation) -> Callable[[Test], Test]:
    """Marks a test that fails under each of these mutations alone; `make mutants` looks whether it does."""

    def mark(test: Test) -> Test:
        test.mutations = mutations  # type: ignore[attr-defined]
        return test

    return mark
