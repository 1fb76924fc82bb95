"""Is the primary short of room? Then copies to its host, or on its key, yield first. Pure: the clock comes in.

It says so itself (429, 503, 529): copies stop for as long as it asks (`Retry-After`, bounded), else for ten seconds. Or
it cannot be reached, or does not answer in time: the same ten seconds. Or its time to first byte leaves its band.

The band is kept per kind of call (endpoint, streamed or whole): a stream's first byte and a whole answer's are worlds
apart. Slow side: a histogram of about the last hour (weights halve every hour, four bins per octave), and of it the
75th percentile. Fast side: stretches of at least two seconds and 48 answers. An answer is late when it took more than
1.5 times that percentile; a stretch is late when 60 % of its answers are; two late stretches in a row are pressure, and
each further one prolongs it. Latencies of language models have heavy tails, which is why nothing here is a mean or a
variance. Whatever their shape, a quarter of the answers lie above a 75th percentile, and chance puts 60 % of 48 there
once in five million stretches, twice in a row once in 10**13. Replayed in their recorded order, or drawn from them, the
latencies of 26 sets of recorded calls never tripped it (some 3,600 simulated hours, one call per two seconds to 100 per
second); a threefold slowdown of a steady upstream does within two stretches. Slowness that lasts becomes the new normal
in some ten minutes.
"""

from typing import Final

from proxy.wire.heads import Headers, header

HOLD_NS: Final = 10 * 10**9
"""How long copies yield when nobody said how long."""
MAX_HOLD_NS: Final = 60 * 10**9
"""The longest `Retry-After` that is honoured; a longer one is met again by the next answer."""
MIN_HOLD_NS: Final = 10**9
_SHORT_OF_ROOM: Final = frozenset({429, 503, 529})

_HALF_LIFE_NS: Final = 3600 * 10**9
_STRETCH_NS: Final = 2 * 10**9
_STRETCH_ANSWERS: Final = 48
_KNOWN_ANSWERS: Final = 256
"""Before as many were seen there is no band."""
_QUANTILE: Final = 0.75
_LATE_FACTOR: Final = 1.5
_LATE_SHARE: Final = 0.6
_BINS_PER_OCTAVE: Final = 4
_LOWEST_OCTAVE: Final = 10
"""Of nanoseconds: all below a microsecond is one bin."""
_BINS: Final = 32 * _BINS_PER_OCTAVE
_MAX_BANDS: Final = 64


class Pressure:
    """What one worker knows of the primary."""

    __slots__ = ("_bands", "until_ns")

    def __init__(self) -> None:
        self._bands: dict[tuple[str, bool], Band] = {}
        self.until_ns = 0
        """Copies yield until then."""

    def is_on(self, now_ns: int) -> bool:
        """Do copies have to yield?"""
        return now_ns < self.until_ns

    def refused(self, status: int, headers: Headers, now_ns: int) -> None:
        """The status of an answer of the primary, or of a copy to the same host or on the same key."""
        if status in _SHORT_OF_ROOM:
            self._hold(now_ns + _asked_ns(headers))

    def failed(self, now_ns: int) -> None:
        """The primary could not be reached, or did not answer in time."""
        self._hold(now_ns + HOLD_NS)

    def answered(self, endpoint: str, ttfb_ns: int, now_ns: int, *, streamed: bool) -> None:
        """The primary began to answer an inference call well. `ttfb_ns`: since the request's last byte left."""
        key = (endpoint, streamed)
        band = self._bands.get(key)
        if band is None:
            if len(self._bands) >= _MAX_BANDS:
                return
            band = self._bands[key] = Band(now_ns)
        if band.left(ttfb_ns, now_ns):
            self._hold(now_ns + HOLD_NS)

    def _hold(self, until_ns: int) -> None:
        self.until_ns = max(self.until_ns, until_ns)


class Band:
    """Time to first byte of one kind of call. Memory: 128 numbers."""

    __slots__ = ("_answers", "_late", "_late_stretches", "_seen", "_since_ns", "_weights", "limit_ns")

    def __init__(self, now_ns: int) -> None:
        self._weights = [0.0] * _BINS
        self._since_ns = now_ns
        self._answers = 0
        self._late = 0
        self._late_stretches = 0
        self._seen = 0
        self.limit_ns = 2**61
        """A longer time is late."""

    def left(self, ttfb_ns: int, now_ns: int) -> bool:
        """Takes note of an answer; True: with it, latency has left its band."""
        self._weights[_bin_of(ttfb_ns)] += 1.0
        self._answers += 1
        if ttfb_ns > self.limit_ns:
            self._late += 1
        if self._answers < _STRETCH_ANSWERS or now_ns - self._since_ns < _STRETCH_NS:
            return False
        self._late_stretches = self._late_stretches + 1 if self._late >= _LATE_SHARE * self._answers else 0
        self._close_stretch(now_ns)
        return self._late_stretches >= 2

    def _close_stretch(self, now_ns: int) -> None:
        self._seen += self._answers
        kept: float = 0.5 ** ((now_ns - self._since_ns) / _HALF_LIFE_NS)
        self._weights = [weight * kept for weight in self._weights]
        if self._seen >= _KNOWN_ANSWERS:
            self.limit_ns = int(_LATE_FACTOR * _upper_edge_ns(_quantile_bin(self._weights, _QUANTILE)))
        self._answers = self._late = 0
        self._since_ns = now_ns


def _bin_of(ns: int) -> int:
    octave = ns.bit_length() - 1
    if octave < _LOWEST_OCTAVE:
        return 0
    index = (octave - _LOWEST_OCTAVE) * _BINS_PER_OCTAVE + ((ns >> (octave - 2)) & 3)
    return min(index, _BINS - 1)


def _upper_edge_ns(index: int) -> int:
    octave, quarter = divmod(index, _BINS_PER_OCTAVE)
    return ((_BINS_PER_OCTAVE + quarter + 1) << (octave + _LOWEST_OCTAVE)) // _BINS_PER_OCTAVE


def _quantile_bin(weights: list[float], share: float) -> int:
    wanted = share * sum(weights)
    below = 0.0
    for index, weight in enumerate(weights):
        below += weight
        if below >= wanted:
            return index
    return len(weights) - 1


def _asked_ns(headers: Headers) -> int:
    """How long the primary asks to be left alone. A date (RFC 9110 allows one) and other words count as silence."""
    asked = _decimal(header(headers, b"retry-after-ms"))
    seconds = asked / 1000 if asked is not None else _decimal(header(headers, b"retry-after"))
    if seconds is None:
        return HOLD_NS
    return max(MIN_HOLD_NS, min(int(seconds * 1e9), MAX_HOLD_NS))


def _decimal(value: bytes | None) -> float | None:
    """A plain number of at most nine digits before the point; None for anything else."""
    if value is None:
        return None
    whole, _, rest = value.strip().partition(b".")
    if not whole.isdigit() or len(whole) > 9 or (rest and not rest.isdigit()):
        return None
    return float(value)
