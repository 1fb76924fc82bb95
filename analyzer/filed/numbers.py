"""The whole numbers that each pair adds to each statistic: `store.rollups.vectors` in numpy, name by name.

Means of `total_us` and `ttft_us` may be restricted: with a cap, a leg that timed out counts as the cap in them, and so
does every longer answer of either arm. Log ratios, histograms and all other statistics know no cap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, ArmColumns, Flags, Floats, PairColumns
from analyzer.filed.conditions import Conditions
from analyzer.filed.exact import Whole
from store.rollups.measures import COST, MEASURES, OUTPUT_TOKENS, TOTAL, Arm, Kind, Measure

RESTRICTED = ("total_us", "ttft_us")
_LOG_SCALE = 10**6
_NEEDS_SAYING: Mapping[str, int] = {
    "error": c.OUTCOME_SAID,
    "timeout": c.OUTCOME_SAID,
    "cost_per_success": c.OUTCOME_SAID,
    "truncation": c.OUTCOME_SAID | c.FINISH_SAID,
}
"""Prefix -> bits of which both arms must have one: what nobody spoke of has no rate of 0."""


def of_kind(*kinds: Kind) -> tuple[Measure, ...]:
    """Measures of the rollups."""
    return tuple(m for m in MEASURES if m.kind in kinds)


LATENCIES, MEANS, RATIOS, RATES, AGREEMENTS = (of_kind(k) for k in ("latency", "mean", "ratio", "rate", "agreement"))
KEPT = (TOTAL, OUTPUT_TOKENS)


@dataclass(frozen=True)
class Numbers:
    """Of n pairs; everything of shape (n,)."""

    pairs: PairColumns
    cap_us: int | None = None
    """Of restricted means; None: of pairs in which both arms answered, as rollups have them."""

    @cached_property
    def given(self) -> Conditions:
        """Which pairs count."""
        return Conditions(self.pairs)

    # Values of each arm, and as whole numbers.

    @cached_property
    def _counted_tokens(self) -> Mapping[Arm, Floats]:
        """As reported; where an arm does not report, both by our estimator."""
        estimated = self.pairs.primary.has(c.ESTIMATED) | self.pairs.candidate.has(c.ESTIMATED)
        return {
            arm: np.where(
                estimated,
                self.pairs.arm(arm).known_tokens("estimated_output_tokens"),
                self.pairs.arm(arm).known_tokens("output_tokens"),
            )
            for arm in ARMS
        }

    @cached_property
    def known(self) -> Mapping[Arm, Mapping[str, Flags]]:
        """By prefix."""
        return {arm: {name: np.isfinite(v) for name, v in values.items()} for arm, values in self._values.items()}

    @cached_property
    def _values(self) -> Mapping[Arm, Mapping[str, Floats]]:
        """In the unit of the statistics, not rounded yet; NaN where not known."""
        return {arm: self._of_arm(arm) for arm in ARMS}

    def _of_arm(self, arm: Arm) -> dict[str, Floats]:
        found = self.pairs.arm(arm)
        ok = self.given.ok[arm]
        counted = self._counted_tokens[arm]
        with np.errstate(divide="ignore", invalid="ignore"):
            per_second = np.where(found.total_ms == 0, np.nan, counted / (found.total_ms / 1000))
        cut = found.ended("truncated", "too_large") | found.has(c.CUT)
        match, agreement = self.pairs.has(c.MATCH).astype(np.float64), self.pairs.agreement_ppm.astype(np.float64)
        return {
            "total_us": found.total_ms * 1000,
            "ttft_us": found.ttft_ms * 1000,
            "itl_us": found.itl_ms * 1000,
            "millitokens_per_second": per_second * 1000,
            "output_tokens": counted,
            "cost_nanousd": _where_known(found.cost_nanousd >= 0, found.cost_nanousd.astype(np.float64)),
            "cost_per_token": found.known_tokens("input_tokens") + found.known_tokens("output_tokens"),
            "cost_per_success": ok.astype(np.float64),
            "error": (~ok).astype(np.float64),
            "timeout": found.ended("timeout").astype(np.float64),
            "refusal": _where_known(found.has(c.REFUSAL_KNOWN), found.has(c.REFUSAL).astype(np.float64)),
            "truncation": cut.astype(np.float64),
            "valid_json": _valid_json(found, ok),
            "exact_match": _where_known(self.pairs.has(c.MATCH_KNOWN), match),
            "tool_call_agreement_ppm": _where_known(agreement >= 0, agreement),
        }

    @cached_property
    def whole(self) -> Mapping[Arm, Mapping[str, Whole]]:
        """Rounded (half to even, as the engine rounds doubles), and not above the measure's cap."""
        return {arm: {m.prefix: _rounded(self._values[arm][m.prefix], m.most) for m in MEASURES} for arm in ARMS}

    # Which pairs count, and their numbers: 0 where they do not.

    @cached_property
    def flags(self) -> Mapping[str, Flags]:
        """By prefix."""
        known = self.known
        found = {}
        for m in MEASURES:
            counting = self.given.holds(m.counts)
            if m.kind == "ratio":
                counting = counting & self._has_cost("primary") & self._has_cost("candidate")
            if m.prefix in _NEEDS_SAYING:
                counting = counting & self.given.is_said(_NEEDS_SAYING[m.prefix])
            found[m.prefix] = counting & known["primary"][m.prefix] & known["candidate"][m.prefix]
        return found

    def _has_cost(self, arm: Arm) -> Flags:
        return self.known[arm][COST] | self.given.is_free(arm)

    @cached_property
    def number(self) -> Mapping[Arm, Mapping[str, Whole]]:
        """By prefix."""
        return {arm: {m.prefix: self.whole[arm][m.prefix] * self.flags[m.prefix] for m in MEASURES} for arm in ARMS}

    @cached_property
    def numerator(self) -> Mapping[Arm, Mapping[str, Whole]]:
        """Costs of pairs that count for a ratio."""
        return {arm: {m.prefix: self.whole[arm][COST] * self.flags[m.prefix] for m in RATIOS} for arm in ARMS}

    @cached_property
    def only_flags(self) -> Mapping[Arm, Mapping[str, Flags]]:
        """This arm has the time, the other failed."""
        failed = self.given.stayed & self.given.own_time
        return {
            arm: {
                m.prefix: failed & self.given.ok[arm] & ~self.given.ok[other] & self.known[arm][m.prefix]
                for m in LATENCIES
            }
            for arm, other in zip(ARMS, reversed(ARMS), strict=True)
        }

    @cached_property
    def only(self) -> Mapping[Arm, Mapping[str, Whole]]:
        """Times of these."""
        return {
            arm: {m.prefix: self.whole[arm][m.prefix] * self.only_flags[arm][m.prefix] for m in LATENCIES}
            for arm in ARMS
        }

    @cached_property
    def neither(self) -> Mapping[str, Flags]:
        """Both arms failed where there would have been such a time."""
        failed = self.given.stayed & self.given.own_time & ~self.given.ok["primary"] & ~self.given.ok["candidate"]
        streams = failed & self.pairs.has(c.STREAM)
        return {m.prefix: streams if m.neither == "streams_failed" else failed for m in LATENCIES}

    @cached_property
    def binned(self) -> Mapping[str, Flags]:
        """Both arms have the time or failed: the pairs of the histograms."""
        only = self.only_flags
        return {
            m.prefix: self.flags[m.prefix]
            | only["primary"][m.prefix]
            | only["candidate"][m.prefix]
            | self.neither[m.prefix]
            for m in LATENCIES
        }

    @cached_property
    def log_flags(self) -> Mapping[str, Flags]:
        """Pairs with a log ratio."""
        p, k = self.number["primary"], self.number["candidate"]
        return {m.prefix: (p[m.prefix] > 0) & (k[m.prefix] > 0) for m in LATENCIES}

    @cached_property
    def logs(self) -> Mapping[str, Whole]:
        """ln(candidate / primary) in millionths."""
        found = {}
        for m in LATENCIES:
            logs = [np.log(np.maximum(self.number[arm][m.prefix], 1).astype(np.float64)) for arm in ARMS]
            found[m.prefix] = np.rint((logs[1] - logs[0]) * _LOG_SCALE).astype(np.int64) * self.log_flags[m.prefix]
        return found

    @cached_property
    def kept_flags(self) -> Mapping[str, Flags]:
        """Rows of `pairs` whose primary has the number."""
        is_pair = ~self.pairs.has(c.NEVER_SENT)
        return {prefix: is_pair & self.given.ok["primary"] & self.known["primary"][prefix] for prefix in KEPT}

    @cached_property
    def kept(self) -> Mapping[str, Whole]:
        """It."""
        return {prefix: self.whole["primary"][prefix] * self.kept_flags[prefix] for prefix in KEPT}

    # Restricted means.

    @cached_property
    def _restricted(self) -> Mapping[str, tuple[Flags, Mapping[Arm, Whole]]]:
        """Prefix -> (pairs, numbers): each arm answered or timed out, and nothing counts above the cap."""
        if self.cap_us is None:
            return {}
        found = {}
        for prefix in RESTRICTED:
            legs = {arm: self._capped(arm, prefix, self.cap_us) for arm in ARMS}
            flags = self.given.stayed & self.given.own_time & legs["primary"][0] & legs["candidate"][0]
            found[prefix] = (flags, {arm: times * flags for arm, (_, times) in legs.items()})
        return found

    def _capped(self, arm: Arm, prefix: str, cap_us: int) -> tuple[Flags, Whole]:
        """Which legs count, and as what. The first token of a leg that timed out counts as when it was seen, else as
        the cap where there would have been one."""
        late, known = self.pairs.arm(arm).ended("timeout"), self.known[arm][prefix]
        seen = known & (prefix != TOTAL)
        counts = (self.given.ok[arm] & known) | (late & (seen | self.pairs.has(c.STREAM) | (prefix == TOTAL)))
        return counts, np.where(late & ~seen, cap_us, np.minimum(self.whole[arm][prefix], cap_us))

    def mean_flags(self, prefix: str) -> Flags:
        """Pairs that count for a mean."""
        return self._restricted[prefix][0] if prefix in self._restricted else self.flags[prefix]

    def mean_number(self, arm: Arm, prefix: str) -> Whole:
        """An arm's numbers in a mean."""
        if prefix in self._restricted:
            return self._restricted[prefix][1][arm]
        return self.number[arm][prefix]


def _where_known(known: Flags, values: Floats) -> Floats:
    return np.where(known, values, np.nan)


def _valid_json(arm: ArmColumns, ok: Flags) -> Floats:
    """An answer that failed is not valid JSON."""
    return np.where(ok, _where_known(arm.has(c.JSON_KNOWN), arm.has(c.JSON).astype(np.float64)), 0.0)


def _rounded(values: Floats, most: int) -> Whole:
    finite = np.where(np.isfinite(values), values, 0.0)
    return np.clip(np.rint(finite), 0, most).astype(np.int64)
