"""What a list shows of what there is, in a sentence; and why it is empty."""

from dataclasses import dataclass, replace

from analyzer.dashboard.live.asked import WINDOWS
from analyzer.dashboard.pairs.asked import PairsQuestion
from analyzer.dashboard.templating import clock
from config.model import Config
from store.browsing.listing import Page
from store.browsing.wanted import NEWEST
from store.comparison import Span

_ORDERS = {
    NEWEST: "the newest first",
    "latency": "the largest difference in time first",
    "slower": "those in which the candidate was slower by most first",
    "faster": "those in which the candidate was faster by most first",
    "cost": "the largest difference in cost first",
    "dearer": "those in which the candidate was dearer by most first",
    "cheaper": "those in which the candidate was cheaper by most first",
    "length": "the largest difference in length first",
    "longer": "those in which the candidate's answer was longer by most first",
    "shorter": "those in which the candidate's answer was shorter by most first",
    "worst": "those in which judges found the candidate worst first",
    "best": "those in which judges found the candidate best first",
}
_LACKING = {
    **dict.fromkeys(("latency", "slower", "faster"), "the time"),
    **dict.fromkeys(("cost", "dearer", "cheaper"), "the cost"),
    **dict.fromkeys(("length", "longer", "shorter"), "the length"),
}


def order(question: PairsQuestion) -> str:
    """`the newest first`"""
    return _ORDERS[question.sort]


def window(question: PairsQuestion, span: Span) -> str:
    """`the last 24 h`, or both ends."""
    if question.window is not None:
        return f"the last {_spaced(question.window)}"
    return f"the time from {clock(span.since)} to {clock(span.until)} UTC"


def _spaced(text: str) -> str:
    """`24h` -> `24 h`"""
    return f"{text[:-1]} {'min' if text.endswith('m') else text[-1]}"


def _many(found: Page) -> str:
    return f"{found.in_window:,}" if found.is_exact else f"about {found.in_window:,}"


def scope(question: PairsQuestion, span: Span, found: Page) -> str:
    """How much there is, how much of it was looked through, and in which order it is shown."""
    there, ordered = f"{_many(found)} pairs in {window(question, span)}", order(question)
    lacking = _LACKING.get(question.sort)
    left_out = f" Only pairs that both answered, of which {lacking} is known." if lacking else ""
    if not found.looked.is_all:
        many = "Found" if found.matching is None else f"{found.matching:,} found"
        return (
            f"{many} among the newest of {there} (those since {clock(found.looked.span.since)} UTC), {ordered}. "
            f"Older ones were not looked through.{left_out}"
        )
    if found.matching is not None:
        return f"{found.matching:,} of {there}, {ordered}.{left_out}"
    return f"{there[:1].upper()}{there[1:]}, {ordered}.{left_out}"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why a list is empty, and what would show something."""

    title: str
    text: str
    address: str = ""
    """What would show more; empty: nothing would."""
    offer: str = ""


def nothing(question: PairsQuestion, span: Span, found: Page, config: Config) -> Nothing:
    """Of a list without a line."""
    if question.after is not None or question.before is not None:
        return Nothing("Nothing more", "The list ends here.", question.top.address(), "To its begin")
    if found.in_window == 0:
        return _none_there(question, span, config)
    everything = question.without_filters().address()
    if not found.looked.is_all:
        since = clock(found.looked.span.since)
        return Nothing(
            "Nothing found yet",
            f"None of the newest pairs, those since {since} UTC, is like that. Older ones were not looked through.",
            everything,
            "Show all pairs",
        )
    if question.sort in {"worst", "best"} or question.verdict is not None:
        judged = "No judge is configured (judge.models)." if not _has_judge(config) else ""
        said = f"Of {_many(found)} pairs in {window(question, span)}, none has such a verdict. {judged}"
        return Nothing("Nothing found", said.strip(), everything, "Show all pairs")
    said = f"None of {_many(found)} pairs in {window(question, span)} is like that."
    return Nothing("Nothing found", said, everything, "Show all pairs")


def _has_judge(config: Config) -> bool:
    return config.judge is not None and bool(config.judge.models)


def _none_there(question: PairsQuestion, span: Span, config: Config) -> Nothing:
    if not config.candidates and not config.control.sample:
        return Nothing(
            "No pairs",
            "No candidate is configured, so nothing is copied and there is nothing to compare. Name one in candidates.",
        )
    longest = list(WINDOWS)[-1]
    of = "" if question.candidate is None else " of this candidate"
    said = (
        f"No pair{of} began in {window(question, span)}. A pair is there about two seconds after both answers have "
        "ended, if its request was in the sample."
    )
    if question.window == longest:
        return Nothing("No pairs yet", said)
    wider = replace(question, candidate=question.candidate).during(longest).address()
    return Nothing("No pairs here", said, wider, f"Look at the last {_spaced(longest)}")
