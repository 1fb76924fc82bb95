"""Random periods without copies, to see what copying does to the primary itself. Pure.

Time is cut into periods of equal length from the Unix epoch on. Period k is off when

    int.from_bytes(blake2b(k, key=seed, digest_size=8), "big") < off_share * 2**64

with k as 8 bytes and the seed (`sampling.seed`) as 8 bytes, both little endian. So all workers and machines agree
without a word, a restart changes nothing, and whoever reads the results can say of each instant in which arm of the
experiment it was. What counts is the instant at which a request began (`ts` of its rows).
"""

import hashlib
from typing import Final

_WHOLE: Final = 2**64


def is_off(period: int, off_share: float, seed: int) -> bool:
    """Is a period (its number since the epoch) without copies?

    Args:
        period: number of the period, not negative.
        off_share: 0 to 1.
        seed: 0 to 2**63 - 1.
    """
    key = seed.to_bytes(8, "little")
    digest = hashlib.blake2b(period.to_bytes(8, "little"), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") < off_share * _WHOLE


class Switchback:
    """Says it per request, and hashes once per period."""

    __slots__ = ("_is_off", "_off_share", "_period", "_period_us", "_seed")

    def __init__(self, period_s: float, off_share: float, seed: int) -> None:
        self._period_us = max(1, round(period_s * 1e6))
        self._off_share = off_share
        self._seed = seed
        self._period = -1
        self._is_off = False

    def is_off(self, unix_us: int) -> bool:
        """Does this instant (microseconds since the epoch) lie in a period without copies?"""
        if self._off_share <= 0:
            return False
        period = unix_us // self._period_us
        if period != self._period:
            self._period = period
            self._is_off = is_off(period, self._off_share, self._seed)
        return self._is_off
