"""What a list of pairs can be narrowed and sorted by, in words; and the looks at it that people want most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from analyzer.dashboard.pairs.asked import PairsQuestion
from record.outcome import Outcome
from store.browsing.wanted import ANSWERS, NEWEST, OUTCOMES, SORTS, VERDICTS

Options = Mapping[str, Mapping[str, str]]
"""Group -> word of the address -> what people read."""

OUTCOME_OPTIONS: Options = MappingProxyType(
    {
        "Who": {
            "ok": "both answered",
            "failed": "one or both failed",
            "candidate_failed": "only the candidate failed",
            "primary_failed": "only the primary failed",
            "both_failed": "both failed",
        },
        "How, either of them": {
            Outcome.HTTP_ERROR: "HTTP error",
            Outcome.PROVIDER_ERROR: "error inside the answer",
            Outcome.TIMEOUT: "timed out",
            Outcome.CONNECT_ERROR: "could not be reached",
            Outcome.TRUNCATED: "broke off",
            Outcome.TOO_LARGE: "cut by us: too large",
            Outcome.INVALID: "cannot be read",
            Outcome.UNAVAILABLE: "never sent: not available",
            Outcome.CLIENT_ABORT: "the client went away",
        },
    }
)
ANSWER_OPTIONS: Options = MappingProxyType(
    {
        "Refusals": {
            "refused": "one or both refused",
            "candidate_refused": "only the candidate refused",
            "primary_refused": "only the primary refused",
        },
        "Text": {
            "same": "the same text",
            "different": "different texts",
            "cut_short": "cut short by a limit",
            "not_whole": "middle not kept",
        },
        "Form": {"other_tools": "other tool calls", "invalid_json": "no valid JSON"},
    }
)
VERDICT_OPTIONS: Options = MappingProxyType(
    {
        "Who is better": {
            "candidate_better": "candidate better",
            "primary_better": "primary better",
            "tie": "tie",
        },
        "Doubts": {
            "disagree": "orders or judges disagree",
            "orders_disagree": "orders disagree",
            "judges_disagree": "judges disagree",
            "people_disagree": "people disagree with judges",
        },
        "Whether": {"judged": "judged", "not_judged": "not judged", "labelled": "labelled by people"},
    }
)
SORT_OPTIONS: Options = MappingProxyType(
    {
        "Time": {NEWEST: "newest first"},
        "Largest difference": {"latency": "in time", "cost": "in cost", "length": "in length"},
        "Candidate": {
            "slower": "slower by most",
            "faster": "faster by most",
            "dearer": "dearer by most",
            "cheaper": "cheaper by most",
            "longer": "longer by most",
            "shorter": "shorter by most",
        },
        "Judges": {"worst": "candidate worst", "best": "candidate best"},
    }
)
for _options, _known in (
    (OUTCOME_OPTIONS, OUTCOMES),
    (ANSWER_OPTIONS, ANSWERS),
    (VERDICT_OPTIONS, VERDICTS),
    (SORT_OPTIONS, SORTS),
):
    if {word for group in _options.values() for word in group} != set(_known):
        raise AssertionError("options are what the store can be asked for")


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the list that one press gives."""

    title: str
    address: str
    is_current: bool


_LOOKS: Sequence[tuple[str, Mapping[str, str]]] = (
    ("All", {}),
    ("Errors", {"outcome": "failed"}),
    ("Refusals", {"answer": "refused"}),
    ("Judged worse", {"verdict": "primary_better", "sort": "worst"}),
    ("Judge disagreed", {"verdict": "disagree"}),
    ("Slower by most", {"sort": "slower"}),
    ("Dearer by most", {"sort": "dearer"}),
    ("Largest difference in length", {"sort": "length"}),
)


def looks(question: PairsQuestion) -> list[Look]:
    """The window, the candidate and the narrowing stay as they are."""
    top = question.top
    found = []
    for title, chosen in _LOOKS:
        of_it = replace(
            top,
            outcome=chosen.get("outcome"),
            answer=chosen.get("answer"),
            verdict=chosen.get("verdict"),
            sort=chosen.get("sort", NEWEST),
        )
        found.append(Look(title, of_it.address(), is_current=of_it == top))
    return found


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading, by which the list can be sorted."""

    title: str
    address: str
    """Of the list in the other order of this column."""
    order: str
    """In words, if the list is in an order of this column; else empty."""
    hint: str
    """What a press gives."""


_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Time": ("latency", "slower", "faster"),
        "Cost": ("cost", "dearer", "cheaper"),
        "Length": ("length", "longer", "shorter"),
        "Judge": ("worst", "best"),
    }
)
"""Column -> its orders: one press after the other, and then the newest first again."""


def headings(question: PairsQuestion) -> dict[str, Heading]:
    """By column."""
    said = {
        **{word: f"{word} first" for orders in _COLUMNS.values() for word in orders},
        **dict.fromkeys(("latency", "cost", "length"), "largest difference first"),
        NEWEST: "newest first",
    }
    found = {}
    for title, orders in _COLUMNS.items():
        place = orders.index(question.sort) if question.sort in orders else -1
        following = (*orders, NEWEST)[place + 1]
        found[title] = Heading(
            title,
            replace(question.top, sort=following).address(),
            said[question.sort] if place >= 0 else "",
            said[following],
        )
    return found


@dataclass(frozen=True, slots=True)
class Filter:
    """Something that narrows the list, and how to take that back."""

    name: str
    value: str
    address: str
    """Of the list without it."""


def filters(question: PairsQuestion) -> list[Filter]:
    """All that narrows the list but window and candidate, in words."""
    top, asked = question.top, question.top.narrowed
    chosen: list[tuple[str, str | None, PairsQuestion]] = [
        ("outcome", _word(OUTCOME_OPTIONS, top.outcome), replace(top, outcome=None)),
        ("answers", _word(ANSWER_OPTIONS, top.answer), replace(top, answer=None)),
        ("judge", _word(VERDICT_OPTIONS, top.verdict), replace(top, verdict=None)),
    ]
    for label, value in asked.labels:
        rest = tuple(one for one in asked.labels if one != (label, value))
        chosen.append((label, value, replace(top, narrowed=replace(asked, labels=rest))))
    streamed = None if asked.stream is None else "yes" if asked.stream else "no"
    chosen += [
        ("endpoint", asked.endpoint, replace(top, narrowed=replace(asked, endpoint=None))),
        ("primary model", asked.model, replace(top, narrowed=replace(asked, model=None))),
        ("streamed", streamed, replace(top, narrowed=replace(asked, stream=None))),
        (
            "conversation",
            None if top.conversation is None else str(top.conversation),
            replace(top, conversation=None),
        ),
    ]
    return [Filter(name, value, without.address()) for name, value, without in chosen if value is not None]


def _word(options: Options, word: str | None) -> str | None:
    return next((group[word] for group in options.values() if word in group), None) if word is not None else None
