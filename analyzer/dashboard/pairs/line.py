"""One line of a list of pairs."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from analyzer.dashboard.pairs.amounts import duration, money, number, relative, signed, size
from analyzer.dashboard.pairs.outcomes import WORDS, in_words
from analyzer.dashboard.pairs.timing import percent
from analyzer.dashboard.pairs.verdicts import InShort, in_short
from analyzer.dashboard.visible import visible
from analyzer.judge.conversation import conversation
from record.finish import CUT_SHORT
from record.outcome import Outcome
from store.browsing.details import Asked
from store.browsing.listing import Listed
from store.browsing.pairs import Arm, BrowsedPair

PREVIEW_CHARS = 220
_SPACES = re.compile(r"\s+")
_Amount = TypeVar("_Amount", float, int, Decimal)


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both arms, and a bar of each."""

    primary: str
    candidate: str
    difference: str
    """Empty: not known, or of a leg that did not answer."""
    relative: str
    primary_share: str
    """Of the larger one, percent; empty: nothing to draw."""
    candidate_share: str


@dataclass(frozen=True, slots=True)
class Badge:
    """Something remarkable, in a few words."""

    text: str
    kind: str
    """bad: an arm failed; else empty."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is shown of a pair."""

    address: str
    at: datetime
    candidate: str
    asked: str
    """The last thing that somebody said, on one line; empty: it is not known."""
    unasked: str
    """Why it is not."""
    badges: tuple[Badge, ...]
    time: Compared
    cost: Compared
    length: Compared
    verdict: InShort | None


def line(listed: Listed, asked: Asked | None, address: str, unasked: str) -> Line:
    """A pair in a list.

    Args:
        listed: the pair, and what was said of it.
        asked: its request, as far as it is stored.
        address: of its page.
        unasked: why nothing is stored, where nothing is.
    """
    pair = listed.pair
    one, other = pair.primary, pair.answer
    said, why = _said(asked, pair.endpoint, unasked)
    return Line(
        address,
        pair.ts,
        pair.candidate,
        said,
        why,
        tuple(_badges(pair)),
        _compared(one.total_ms, other.total_ms, duration, are_comparable=pair.both_answered),
        _compared(one.cost_usd, other.cost_usd, money, are_comparable=pair.both_answered),
        _compared(one.chars, other.chars, number, are_comparable=pair.both_answered),
        in_short(listed.judgements, listed.labels),
    )


def preview(text: str) -> str:
    """The begin of a text, on one line."""
    text = _SPACES.sub(" ", visible(text[: 8 * PREVIEW_CHARS])).strip()
    return text if len(text) <= PREVIEW_CHARS else text[: PREVIEW_CHARS - 1].rstrip() + "…"


def _said(asked: Asked | None, endpoint: str, unasked: str) -> tuple[str, str]:
    if asked is None:
        return "", unasked
    if asked.request is None:
        return "", f"a request of {size(asked.length)}"
    turns = conversation(asked.request, endpoint).turns
    spoken = [turn.text for turn in turns if turn.role == "user" and turn.text.strip()]
    last = spoken[-1] if spoken else turns[-1].text if turns else ""
    return (preview(last), "") if last.strip() else ("", "a request without text")


def _badges(pair: BrowsedPair) -> list[Badge]:
    found = []
    for name, arm in (("primary", pair.primary), (pair.candidate, pair.answer)):
        if arm.outcome == Outcome.CLIENT_ABORT:
            found.append(Badge(WORDS[Outcome.CLIENT_ABORT], ""))
        elif arm.outcome != Outcome.OK:
            found.append(Badge(f"{name} {in_words(arm)}", "bad"))
    refused = [name for name, arm in (("primary", pair.primary), (pair.candidate, pair.answer)) if arm.refusal]
    if refused:
        found.append(Badge("both refused" if len(refused) == 2 else f"{refused[0]} refused", ""))
    cut = [name for name, arm in (("primary", pair.primary), (pair.candidate, pair.answer)) if _is_cut(arm)]
    if cut:
        found.append(Badge("both cut short" if len(cut) == 2 else f"{cut[0]} cut short", ""))
    if pair.tool_call_agreement is not None and pair.tool_call_agreement < 1:
        found.append(Badge("other tool calls", ""))
    for name, arm in (("primary", pair.primary), (pair.candidate, pair.answer)):
        if arm.valid_json is False:
            found.append(Badge(f"{name}: no valid JSON", ""))
    if pair.exact_match:
        found.append(Badge("same text", ""))
    return found


def _is_cut(arm: Arm) -> bool:
    return (arm.finish_reason or "").lower() in CUT_SHORT


def _compared(
    primary: _Amount | None,
    candidate: _Amount | None,
    shown: Callable[[_Amount | None], str],
    *,
    are_comparable: bool,
) -> Compared:
    largest = max((float(value) for value in (primary, candidate) if value is not None), default=0.0)
    shares = [
        percent(float(value) / largest) if value is not None and largest > 0 else "" for value in (primary, candidate)
    ]
    return Compared(
        shown(primary),
        shown(candidate),
        signed(shown(candidate - primary)) if are_comparable and primary is not None and candidate is not None else "",
        relative(primary, candidate) if are_comparable else "",
        *shares,
    )
