"""Which pairs count for a statistic: `store.rollups.measures.CONDITIONS` in numpy."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, Flags, PairColumns
from store.rollups.measures import Arm

_FREE = ("http_error", "connect_error", "unavailable")


@dataclass(frozen=True)
class Conditions:
    """Of n pairs; everything of shape (n,)."""

    pairs: PairColumns

    @cached_property
    def stayed(self) -> Flags:
        """The client did not go away."""
        gone = [self.pairs.arm(arm).ended("client_abort", "") for arm in ARMS]
        return ~(gone[0] | gone[1])

    @cached_property
    def held(self) -> Flags:
        """A slow client held the primary."""
        return self.pairs.held_ms > 0

    @cached_property
    def one_answer(self) -> Flags:
        """One answer was asked for."""
        return ~self.pairs.has(c.SEVERAL)

    @cached_property
    def own_time(self) -> Flags:
        """Neither a slow client nor a response cache had a part in the time."""
        return ~self.held & ~self.pairs.has(c.CACHED) & self.one_answer

    @cached_property
    def ok(self) -> Mapping[Arm, Flags]:
        """The arm answered."""
        return {arm: self.pairs.arm(arm).ended("ok") for arm in ARMS}

    @cached_property
    def both_ok(self) -> Flags:
        """Both did."""
        return self.ok["primary"] & self.ok["candidate"]

    @cached_property
    def priced(self) -> Flags:
        """Costs are alike."""
        estimated = [self.pairs.arm(arm).has(c.ESTIMATED) for arm in ARMS]
        return self.stayed & self.one_answer & ~(estimated[0] ^ estimated[1])

    def holds(self, condition: str) -> Flags:
        """By the name that a measure of the rollups has in `counts`."""
        if condition == "both_ended":
            ended = [self.pairs.arm(arm).ended("ok", "truncated", "too_large") for arm in ARMS]
            return ended[0] & ended[1]
        if condition == "json_asked":
            asked = [self.pairs.arm(arm).has(c.JSON_KNOWN) for arm in ARMS]
            return self.stayed & (asked[0] | asked[1])
        plain: Mapping[str, Flags] = {
            "timed": self.both_ok & self.own_time,
            "both_ok": self.both_ok,
            "both_ok_alike": self.both_ok & self.one_answer,
            "priced": self.priced,
            "client_stayed": self.stayed,
        }
        return plain[condition]

    def is_said(self, bits: int) -> Flags:
        """One of these bits is set in both arms."""
        return self.pairs.primary.has(bits) & self.pairs.candidate.has(bits)

    def is_free(self, arm: Arm) -> Flags:
        """Nobody is charged for an error or for what was never answered."""
        found = self.pairs.arm(arm)
        return found.ended(*_FREE) & ~found.has(c.TOKENS_KNOWN[c.TOKENS.index("output_tokens")])
