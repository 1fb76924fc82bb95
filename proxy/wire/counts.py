"""Token counts as providers report them: read with suspicion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from record.usage import NO_USAGE, Usage

MAX_TOKENS = 10**9
"""No answer has more; a larger number is a fault of the reporter."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Normalised counts, and whether some were thrown away."""

    usage: Usage
    odd: bool


NOT_REPORTED = Reported(NO_USAGE, odd=False)


class Audio(NamedTuple):
    """Tokens of sound among the counts, which cost more; None where nobody says."""

    input: int | None = None
    cached: int | None = None
    output: int | None = None


NO_AUDIO = Audio()


class Counts:
    """Reads numbers and remembers whether one was absurd."""

    def __init__(self) -> None:
        self.odd = False

    def get(self, values: Any, *names: str) -> int | None:
        """The first of the names that holds something."""
        if values.__class__ is not dict and not isinstance(values, Mapping):
            return None
        for name in names:
            value = values.get(name)
            if value is None:
                continue
            if value.__class__ is int and 0 <= value <= MAX_TOKENS:
                return value
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
        *,
        written_1h: int | None = None,
        audio: Audio = NO_AUDIO,
    ) -> Reported:
        """Normalised counts; a part that is larger than its whole is unknown."""
        if inputs == 0 and not outputs:
            # Every request has a token; all zeros is how some servers say that they did not count.
            return Reported(NO_USAGE, odd=True)
        if reasoning is not None and outputs is not None and reasoning > outputs:
            reasoning, self.odd = None, True
        cached = self._part(cached, inputs)
        written = self._part(written, None if inputs is None else inputs - (cached or 0))
        input_audio = self._part(audio.input, inputs)
        usage = Usage(
            inputs,
            outputs,
            cached,
            written,
            reasoning,
            written_1h_tokens=self._part(written_1h, written or 0),
            input_audio_tokens=input_audio,
            cached_audio_tokens=self._part(audio.cached, min(cached or 0, input_audio or 0)),
            output_audio_tokens=self._part(audio.output, outputs),
        )
        return Reported(usage, self.odd)

    def _part(self, part: int | None, whole: int | None) -> int | None:
        if part is not None and whole is not None and part > whole:
            self.odd = True
            return None
        return part
