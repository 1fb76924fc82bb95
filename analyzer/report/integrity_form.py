"""What to know before believing the numbers, and what surrounds them, as sentences; the gravest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analyzer.integrity.results import Integrity, SampleRatio, Skew
from analyzer.report import words
from analyzer.report.control_form import control_text
from analyzer.results import CandidateStudy

Weight = Literal["obstacle", "warning", "fact"]
MOST_NAMES = 3
"""Metrics that the short form names where too little is known of the control."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence."""

    weight: Weight
    text: str


def remarks(candidate: CandidateStudy, *, everything: bool = True) -> list[Remark]:
    """The sample and its surroundings; a sentence that is said twice is shown once.

    Args:
        candidate: of whom.
        everything: each fact by itself; else what is well in one sentence, and of the arms' warmth only what counts.
    """
    facts = candidate.integrity
    said = [
        *(Remark("obstacle", text) for text in facts.obstacles),
        *(Remark("warning", text) for text in facts.warnings),
        *(Remark("warning", change.sentence) for change in (candidate.drift.changes if candidate.drift else ())),
        *(Remark("fact", text) for text in (_facts(facts) if everything else _brief_facts(facts))),
        *(Remark("fact", text) for text in _surroundings(candidate, everything=everything)),
    ]
    first: dict[str, Remark] = {}
    for remark in said:
        first.setdefault(remark.text, remark)
    return list(first.values())


def _facts(facts: Integrity) -> list[str]:
    """Each on a line of its own."""
    return [text for text, _ in _judged(facts, None)]


def _brief_facts(facts: Integrity) -> Iterator[str]:
    """What is not well by itself, then what is well in one sentence."""
    judged = _judged(facts, MOST_NAMES)
    bad = [text for text, well in judged if well is None]
    yield from bad
    well = [well for _, well in judged if well is not None]
    if well:
        doubts = bad or facts.obstacles or facts.warnings
        yield f"sample: {', '.join(well)}" if doubts else f"sample: sound ({', '.join(well)})"


def _judged(facts: Integrity, most: int | None) -> list[tuple[str, str | None]]:
    """(sentence, the few words that are enough where all is well, else None)"""
    said: list[tuple[str | None, str | None]] = []
    if facts.population is not None and facts.population.share < 1:
        said.append((facts.population.sentence, None))
    said += [_ratio_words(facts.sample_ratio), (_missing_text(facts), None)]
    if facts.skew is not None:
        later = f"copies start {words.digits(facts.skew.mean_ms)} ms later"
        said.append((_skew_text(facts.skew), later if facts.skew.finding == "passed" else None))
    said.append(_control_words(facts, most))
    return [(text, well) for text, well in said if text is not None]


def _ratio_words(ratio: SampleRatio) -> tuple[str | None, str | None]:
    # Where every request was to be drawn, and was, nothing is open.
    is_well = ratio.finding == "passed" or ratio.observed == ratio.expected == 1
    return _ratio_text(ratio), f"{words.percent(ratio.observed or 0.0)} of requests as asked" if is_well else None


def _control_words(facts: Integrity, most: int | None) -> tuple[str | None, str | None]:
    text, checks = control_text(facts, most=most), facts.control
    if text is None or checks is None:
        return None, None
    is_well = bool(checks) and all(check.finding == "passed" for check in checks)
    well = f"control equivalent in {len(checks)} of {len(checks)}" if is_well else None
    return f"control (the primary against itself): {text}", well


def _ratio_text(ratio: SampleRatio) -> str | None:
    if ratio.expected is None or ratio.observed is None:
        return None
    observed, expected = words.percent(ratio.observed), words.percent(ratio.expected)
    said = f"sampled: {observed} of the requests, where {expected} were asked for"
    if ratio.p_value is None:
        return said
    conclusion = {"passed": ", as chance allows", "failed": ", which is no chance", "open": ""}[ratio.finding]
    return f"{said} ({words.p_text(ratio.p_value)}){conclusion}"


def _missing_text(facts: Integrity) -> str | None:
    """None where nothing is missing."""
    missing = facts.missing
    share = "" if missing.ours_share is None else f" ({words.percent(missing.ours_share)} of the sampled)"
    parts = [
        (missing.ours, f"lost by shadowbench itself{share}, for which the worst is assumed"),
        (missing.candidate, "never sent because of the candidate, which count as its failures"),
        (missing.by_design, "left out by design"),
    ]
    said = [f"{count:,} {text}" for count, text in parts if count]
    return f"sampled requests without a pair: {'; '.join(said)}" if said else None


def _skew_text(skew: Skew) -> str:
    said = (
        f"copies start {words.digits(skew.mean_ms)} ms after the primary's request on average, "
        f"99 % within {words.digits(skew.p99_ms)} ms"
    )
    if skew.busy_share is not None:
        said += f"; the proxy was busy during {words.percent(skew.busy_share)} of the pairs"
    return f"{said}: too much for a fair comparison of latencies" if skew.finding == "failed" else said


def _surroundings(candidate: CandidateStudy, *, everything: bool) -> Iterator[str]:
    if candidate.interference is not None:
        yield candidate.interference.sentence
    if candidate.fairness is not None:
        yield from candidate.fairness.sentences if everything else candidate.fairness.notable
