"""Pairs as columns: some hundred bytes each, so that ten million fit into memory.

A column in which nothing changes (nothing is known, most often) takes no memory at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from record.outcome import Outcome
from store.rollups.measures import Arm

ARMS: tuple[Arm, ...] = ("primary", "candidate")
TOKENS = ("input_tokens", "output_tokens", "estimated_input_tokens", "estimated_output_tokens", "cached_tokens")
STRANGE = "?"
OUTCOMES = ("", *(outcome.value for outcome in Outcome), STRANGE)
"""By code; the last stands for names that nobody knows."""
CODES: Mapping[str, int] = {name: code for code, name in enumerate(OUTCOMES)}
UNKNOWN = -1
"""Of whole numbers that are not negative."""

# Bits of an arm: what is known, and what is true.
REFUSAL_KNOWN, REFUSAL, JSON_KNOWN, JSON, CUT, ESTIMATED, REUSED_KNOWN, REUSED = (1 << i for i in range(8))
OUTCOME_SAID, FINISH_SAID = 1 << 8, 1 << 9
"""The row says how the leg ended. Where it does not, a leg with figures is taken to have answered, but counts in no
rate of failures."""
TOKENS_KNOWN = tuple(1 << (10 + i) for i in range(len(TOKENS)))
# Bits of a pair.
CACHED, SEVERAL, STREAM, MATCH_KNOWN, MATCH, NEVER_SENT = (1 << i for i in range(6))

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ArmColumns:
    """One arm of n pairs; shapes (n,)."""

    total_ms: Floats
    """NaN: not known, here and below."""
    ttft_ms: Floats
    itl_ms: Floats
    input_tokens: NDArray[np.uint32]
    """0 where not known; a bit says which are, here and below."""
    output_tokens: NDArray[np.uint32]
    estimated_input_tokens: NDArray[np.uint32]
    estimated_output_tokens: NDArray[np.uint32]
    cached_tokens: NDArray[np.uint32]
    cost_nanousd: NDArray[np.int64]
    """`UNKNOWN` where not known."""
    model: NDArray[np.uint16]
    """Code of a name."""
    outcome: NDArray[np.uint8]
    """Place in `OUTCOMES`."""
    bits: NDArray[np.uint16]

    def has(self, bit: int) -> Flags:
        """Is the bit set?"""
        found: Flags = (self.bits & bit) != 0
        return found

    def ended(self, *outcomes: str) -> Flags:
        """Is the outcome one of these?"""
        return np.isin(self.outcome, [CODES[outcome] for outcome in outcomes])

    def known_tokens(self, name: str) -> Floats:
        """NaN where not known."""
        tokens: Floats = getattr(self, name).astype(np.float64)
        return np.where(self.has(TOKENS_KNOWN[TOKENS.index(name)]), tokens, np.nan)

    def taken(self, rows: Any) -> Self:
        """Some of the pairs."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class PairColumns:
    """n pairs; shapes (n,)."""

    ts_us: NDArray[np.int64]
    """Start of the request, microseconds since the epoch; `UNKNOWN` where the file says nothing (and nothing was made
    of it yet)."""
    block_s: NDArray[np.int64]
    """Start of the time block; likewise."""
    bucket: NDArray[np.uint8]
    who: NDArray[np.uint16]
    """Code of (candidate, experiment)."""
    share: Floats
    agreement_ppm: NDArray[np.int32]
    """`UNKNOWN` where not known."""
    skew_ms: Floats
    lag_ms: Floats
    held_ms: Floats
    bits: NDArray[np.uint8]
    primary: ArmColumns
    candidate: ArmColumns

    def __len__(self) -> int:
        return len(self.ts_us)

    def has(self, bit: int) -> Flags:
        """Is the bit set?"""
        found: Flags = (self.bits & bit) != 0
        return found

    def arm(self, arm: Arm) -> ArmColumns:
        """One of both."""
        return self.primary if arm == "primary" else self.candidate

    def taken(self, rows: Any) -> Self:
        """Some of the pairs."""
        some: dict[str, Any] = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in ARMS}
        return type(self)(**some, primary=self.primary.taken(rows), candidate=self.candidate.taken(rows))
