"""The figures of both arms, group by group, and what lies between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from analyzer.dashboard.pairs.amounts import UNKNOWN, duration, money, number, relative, signed
from analyzer.dashboard.pairs.outcomes import in_words
from record.finish import CUT_SHORT
from store.browsing.pairs import Arm, BrowsedPair

_Amount = TypeVar("_Amount", float, int, Decimal)
_YES = {None: UNKNOWN, True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: a figure of both arms."""

    title: str
    hint: str
    """What it means, where the title does not say it; else empty."""
    primary: str
    candidate: str
    difference: str
    """Candidate minus primary; empty where there is none."""
    relative: str
    is_text: bool = False
    """It is no number."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]


def groups(pair: BrowsedPair) -> list[Group]:
    """All that is known of either arm; lines of which nothing is known of both are left out.

    Of a leg that failed there is nothing to be faster or cheaper than, so only answers have differences.
    """
    made = [
        Group("Time", tuple(_times(pair.primary, pair.answer))),
        Group("Cost and tokens", tuple(_tokens(pair.primary, pair.answer))),
        Group("Answer", tuple(_answers(pair.primary, pair.answer))),
    ]
    if not pair.both_answered:
        made = [
            replace(group, figures=tuple(replace(one, difference="", relative="") for one in group.figures))
            for group in made
        ]
    return [group for group in made if group.figures]


def _times(one: Arm, other: Arm) -> Iterator[Figure]:
    for title, hint, name in (
        ("Last byte", "From the request's last byte to the answer's.", "total_ms"),
        ("First byte", "", "ttfb_ms"),
        ("First thought", "First piece of reasoning.", "ttfr_ms"),
        ("First token", "First piece of the visible answer.", "ttft_ms"),
        ("Between tokens", "Mean time between visible tokens.", "itl_ms"),
    ):
        primary, candidate = getattr(one, name), getattr(other, name)
        if primary is not None or candidate is not None:
            yield Figure(
                title,
                hint,
                duration(primary),
                duration(candidate),
                _between(primary, candidate, duration),
                relative(primary, candidate),
            )
    if one.connect_ms is not None or other.connect_ms is not None:
        said = "Part of none of the times above."
        yield _plain("Connecting", said, _connecting(one), _connecting(other))


def _between(primary: _Amount | None, candidate: _Amount | None, shown: Callable[[_Amount], str]) -> str:
    return "" if primary is None or candidate is None else signed(shown(candidate - primary))


def _connecting(arm: Arm) -> str:
    return "open already" if arm.connection_reused and arm.connect_ms is None else duration(arm.connect_ms)


def _tokens(one: Arm, other: Arm) -> Iterator[Figure]:
    if one.cost_usd is not None or other.cost_usd is not None:
        yield Figure(
            "Cost",
            "",
            money(one.cost_usd),
            money(other.cost_usd),
            _between(one.cost_usd, other.cost_usd, money),
            relative(one.cost_usd, other.cost_usd),
        )
    for title, hint, name in (
        ("Input tokens", "Cached ones included.", "input_tokens"),
        ("of these from the cache", "", "cached_tokens"),
        ("of these written to the cache", "", "cache_write_tokens"),
        ("Output tokens", "Reasoning included.", "output_tokens"),
        ("of these reasoning", "", "reasoning_tokens"),
    ):
        primary, candidate = getattr(one, name), getattr(other, name)
        is_part = title.startswith("of these")
        if (primary is None and candidate is None) or (is_part and not (primary or candidate)):
            continue
        # A provider's count and our estimate are not compared.
        is_alike = one.tokens_estimated == other.tokens_estimated
        yield Figure(
            title,
            hint,
            _counted(primary, one),
            _counted(candidate, other),
            _between(primary, candidate, number) if is_alike else "",
            relative(primary, candidate) if is_alike else "",
        )


def _counted(tokens: int | None, arm: Arm) -> str:
    text = number(tokens)
    return f"{text} (our estimate)" if arm.tokens_estimated and tokens is not None else text


def _answers(one: Arm, other: Arm) -> Iterator[Figure]:
    yield _plain("Outcome", "", in_words(one), in_words(other))
    yield _plain("Model", "As the answer names it.", one.model or UNKNOWN, other.model or UNKNOWN)
    if one.chars is not None or other.chars is not None:
        yield Figure(
            "Characters",
            "Of the visible text.",
            number(one.chars),
            number(other.chars),
            _between(one.chars, other.chars, number),
            relative(one.chars, other.chars),
        )
    if one.finish_reason is not None or other.finish_reason is not None:
        yield _plain("Finish reason", "As reported.", *(_finish(arm) for arm in (one, other)))
    if one.tool_calls or other.tool_calls:
        yield _plain("Tool calls", "", number(one.tool_calls), number(other.tool_calls))
    if one.refusal or other.refusal:
        yield _plain("Refusal", "By the documented rule.", _YES[one.refusal], _YES[other.refusal])
    if one.valid_json is not None or other.valid_json is not None:
        yield _plain("Valid JSON", "The request asked for it.", _YES[one.valid_json], _YES[other.valid_json])


def _finish(arm: Arm) -> str:
    reason = arm.finish_reason or UNKNOWN
    return f"{reason} (cut short)" if reason.lower() in CUT_SHORT else reason


def _plain(title: str, hint: str, primary: str, candidate: str) -> Figure:
    return Figure(title, hint, primary, candidate, "", "", is_text=True)
