"""Token counts as providers report them: read with suspicion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from record.usage import NO_USAGE, Usage

MAX_TOKENS = 10**9
"""No answer has more; a larger number is a fault of the reporter."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Normalised counts, and whether some were thrown away."""

    usage: Usage
    odd: bool


NOT_REPORTED = Reported(NO_USAGE, odd=False)


class Counts:
    """Reads numbers and remembers whether one was absurd."""

    def __init__(self) -> None:
        self.odd = False

    def get(self, values: Any, *names: str) -> int | None:
        """The first of the names that holds something."""
        if not isinstance(values, Mapping):
            return None
        for name in names:
            value = values.get(name)
            if value is None:
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
                return value
            self.odd = True
        return None

    def report(
        self,
        inputs: int | None,
        outputs: int | None,
        cached: int | None = None,
        written: int | None = None,
        reasoning: int | None = None,
    ) -> Reported:
        """Normalised counts; a part that is larger than its whole is unknown."""
        if inputs == 0 and not outputs:
            # Every request has a token; all zeros is how some servers say that they did not count.
            return Reported(NO_USAGE, odd=True)
        if reasoning is not None and outputs is not None and reasoning > outputs:
            reasoning, self.odd = None, True
        if cached is not None and inputs is not None and cached > inputs:
            cached, self.odd = None, True
        return Reported(Usage(inputs, outputs, cached, written, reasoning), self.odd)
