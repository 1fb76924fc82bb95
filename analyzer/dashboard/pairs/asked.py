"""What a list of pairs is about: window, filters and order. Its address says all of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote, urlencode
from uuid import UUID

from analyzer.dashboard.live.asked import WINDOWS, BadQuestion, LiveQuestion
from store.browsing.cursor import BadCursor, decode, encode
from store.browsing.listing import Position
from store.browsing.wanted import ANSWERS, NEWEST, OUTCOMES, SORTS, VERDICTS, Wanted
from store.comparison import Span

LIST = "/pairs"
DEFAULT_WINDOW = "24h"
PAGE = 50
"""Pairs of one page."""
_LARGEST = 2**64 - 1
_CHOSEN: Mapping[str, Sequence[str]] = MappingProxyType(
    {"outcome": tuple(OUTCOMES), "answer": tuple(ANSWERS), "verdict": VERDICTS, "sort": SORTS}
)
"""Parameters that take one of some words."""


@dataclass(frozen=True, slots=True)
class PairsQuestion:
    """Window, filters, order and place."""

    narrowed: LiveQuestion = field(default_factory=lambda: LiveQuestion(DEFAULT_WINDOW))
    """Window, labels, endpoint, model, streaming: asked as on the live page."""
    since: datetime | None = None
    """Start of a window of its own; with `until`, in place of one that ends now."""
    until: datetime | None = None
    candidate: str | None = None
    outcome: str | None = None
    answer: str | None = None
    verdict: str | None = None
    sort: str = NEWEST
    conversation: int | None = None
    after: Position | None = None
    before: Position | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "PairsQuestion":
        """From an address; empty values are no filter, unknown names are left alone.

        Raises:
            BadQuestion: a window, a word or a place that there is not.
        """
        narrowed = LiveQuestion.of({"window": DEFAULT_WINDOW, **{k: v for k, v in query.items() if v}})
        since, until = (_moment(name, query.get(name, "")) for name in ("since", "until"))
        if since is None and until is not None:
            since = _earlier(until, narrowed.window_s)
        if since is not None and until is not None and until < since:
            raise BadQuestion("until is before since")
        chosen = {name: _chosen(name, query.get(name, "")) for name in _CHOSEN}
        candidate = query.get("candidate") or None
        if candidate is not None and len(candidate) > 512:
            raise BadQuestion("a candidate's name has at most 512 characters")
        return cls(
            narrowed,
            since,
            until,
            candidate,
            chosen["outcome"],
            chosen["answer"],
            chosen["verdict"],
            chosen["sort"] or NEWEST,
            _conversation(query.get("conversation", "")),
            _place(query.get("after", "")),
            None if query.get("after") else _place(query.get("before", "")),
        )

    def span(self, now: datetime) -> Span:
        """The window's ends.

        Args:
            now: UTC.
        """
        # What began within this second is there already, and clocks differ.
        until = self.until or now + timedelta(minutes=1)
        since = self.since or _earlier(self.until or now, self.narrowed.window_s)
        return Span(min(since, until), until)

    def wanted(self, now: datetime) -> Wanted:
        """As the store is asked."""
        return Wanted(
            self.span(now),
            () if self.candidate is None else (self.candidate,),
            self.narrowed.narrowing,
            self.conversation,
            self.outcome,
            self.answer,
            self.verdict,
            self.sort,
        )

    @property
    def window(self) -> str | None:
        """One of `WINDOWS`; None: it has ends of its own."""
        return self.narrowed.window if self.since is None else None

    @property
    def is_filtered(self) -> bool:
        """Is anything left out but by time and candidate?"""
        return not self.narrowed.narrowing.is_all or (self.outcome, self.answer, self.verdict, self.conversation) != (
            None,
            None,
            None,
            None,
        )

    def fixed(self, span: Span) -> "PairsQuestion":
        """The same with the window's ends as they are now: further pages, and neighbours, are those of this list."""
        return replace(self, since=span.since, until=span.until)

    def during(self, window: str) -> "PairsQuestion":
        """The same of another window, from the top."""
        return replace(self.top, narrowed=self.narrowed.with_window(window), since=None, until=None)

    @property
    def top(self) -> "PairsQuestion":
        """The first page of the same."""
        return replace(self, after=None, before=None)

    def label(self, name: str) -> str:
        """The value that a label must have; empty: any."""
        return dict(self.narrowed.labels).get(name, "")

    def of_all(self) -> "PairsQuestion":
        """The same of all candidates, from the top."""
        return replace(self.top, candidate=None)

    def without_filters(self) -> "PairsQuestion":
        """The same window and candidate, the newest first."""
        return replace(
            PairsQuestion(LiveQuestion(self.narrowed.window)),
            since=self.since,
            until=self.until,
            candidate=self.candidate,
        )

    def address(self) -> str:
        """Of the list."""
        query = self.query()
        return f"{LIST}?{query}" if query else LIST

    def address_of(self, request_id: UUID, candidate: str) -> str:
        """Of one pair as part of this list; which page it stands on says nothing."""
        place = f"{LIST}/{request_id}/{quote(candidate, safe='')}"
        query = self.top.query()
        return f"{place}?{query}" if query else place

    def query(self) -> str:
        """The part of an address behind the `?`, empty for the plain question."""
        return urlencode(list(self.pairs()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Parameters that say something else than what is so without them."""
        if self.since is None and self.narrowed.window != DEFAULT_WINDOW:
            yield "window", self.narrowed.window
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None:
                yield name, said(moment)
        for name, chosen in (
            ("candidate", self.candidate),
            ("outcome", self.outcome),
            ("answer", self.answer),
            ("verdict", self.verdict),
        ):
            if chosen is not None:
                yield name, chosen
        yield from self.narrowed.filters()
        if self.conversation is not None:
            yield "conversation", str(self.conversation)
        if self.sort != NEWEST:
            yield "sort", self.sort
        for name, place in (("after", self.after), ("before", self.before)):
            if place is not None:
                yield name, encode(place)


def said(moment: datetime) -> str:
    """As addresses have it: UTC, exact."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{text}Z"


def address_of(request_id: UUID, candidate: str) -> str:
    """Of one pair alone."""
    return f"{LIST}/{request_id}/{quote(candidate, safe='')}"


def _earlier(moment: datetime, by_s: float) -> datetime:
    return max(moment - timedelta(seconds=by_s), datetime(1970, 1, 1, tzinfo=UTC))


def _moment(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuestion(f"{name} is no time; write it like 2025-11-20T14:03:00Z (UTC without a zone)") from None
    if not 1970 <= found.year < 2200:
        raise BadQuestion(f"{name} is no time that anything was recorded at")
    return found


def _chosen(name: str, text: str) -> str | None:
    if not text:
        return None
    if text not in _CHOSEN[name]:
        raise BadQuestion(f"there is no {name} {text[:40]!r}; choose one of {', '.join(_CHOSEN[name])}")
    return text


def _conversation(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) <= _LARGEST):
        raise BadQuestion("conversation is a number as pairs name it")
    return int(text)


def _place(text: str) -> Position | None:
    if not text:
        return None
    try:
        return decode(text)
    except BadCursor as error:
        raise BadQuestion(str(error)) from None


__all__ = ["WINDOWS", "BadQuestion", "PairsQuestion", "address_of", "said"]
