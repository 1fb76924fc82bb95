"""What addresses ask: windows, filters, places."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from analyzer.dashboard.api.shapes import Identifier, OneOf, Query
from analyzer.moments import moment, window_of
from analyzer.source import Window
from store.browsing.wanted import ANSWERS, OUTCOMES, SORTS, VERDICTS
from store.narrowing import MAX_LABELS, Narrowing

MAX_PAIRS = 200
"""Of one page."""
MAX_CANDIDATES = 16
MAX_ROWS = 1_000
"""Experiments, decisions or reports of one answer."""
_LABEL_CHARS = 440
_TIME = (
    r"^(now|[0-9]{1,6}(ms|s|m|h|d)"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)$"
)
Time = Annotated[str, Field(pattern=_TIME)]
LabelIs = Annotated[str, Field(pattern=r"^[^=]+=", max_length=_LABEL_CHARS)]
Flag = Literal["true", "false"]
Outcome = Annotated[str, OneOf.of(OUTCOMES)]
Remark = Annotated[str, OneOf.of(ANSWERS)]
Verdict = Annotated[str, OneOf.of(VERDICTS)]
Sort = Annotated[str, OneOf.of(SORTS)]


class Impossible(ValueError):  # noqa: N818 - says what it is
    """Well-formed, and yet nothing that can be asked or said; one line that says why."""


class InWindow(Query):
    """A window of time."""

    since: Time = Field(
        default="24h",
        description="Start of the window: how long ago (`90s`, `10m`, `24h`, `7d`), or an ISO 8601 time, UTC without "
        "an offset.",
    )
    until: Time = Field(default="now", description="End of the window, in the same ways; `now`.")

    def window(self, now: datetime) -> Window:
        """Both ends.

        Raises:
            Impossible: there is no such time, or no such window.
        """
        try:
            return window_of(moment(self.since), moment(self.until), now)
        except ValueError as error:
            raise Impossible(str(error)) from None


class Narrowed(InWindow):
    """A window, and some of its pairs."""

    label: tuple[LabelIs, ...] = Field(
        default=(), max_length=MAX_LABELS, description="Only pairs with this label, `NAME=VALUE`; may be repeated."
    )
    endpoint: Identifier | None = Field(default=None, description="Only of this endpoint, such as `chat/completions`.")
    model: Identifier | None = Field(default=None, description="Only of this primary model, as its answers name it.")
    stream: Flag | None = Field(default=None, description="Only streamed ones, or only others.")

    @property
    def narrowing(self) -> Narrowing:
        """Which pairs.

        Raises:
            Impossible: a label stands twice.
        """
        labels = dict(one.split("=", 1) for one in self.label)
        if len(labels) < len(self.label):
            raise Impossible("label: the same name stands twice")
        return Narrowing(labels, self.endpoint, self.model, None if self.stream is None else self.stream == "true")


class OfComparisons(Narrowed):
    """Of `comparisons`."""

    candidate: tuple[Identifier, ...] = Field(
        default=(),
        max_length=MAX_CANDIDATES,
        description="Only this candidate; may be repeated. `control`: the primary with itself.",
    )
    kind: Literal["anytime", "fixed"] = Field(
        default="anytime",
        description="Intervals that hold however often one looks, or (`fixed`) for one look at a time chosen before.",
    )


class OfPairs(Narrowed):
    """Of the list of pairs."""

    candidate: tuple[Identifier, ...] = Field(
        default=(), max_length=MAX_CANDIDATES, description="Only of this candidate; may be repeated."
    )
    conversation: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = Field(
        default=None, description="Only of this conversation, as pairs name it."
    )
    outcome: Outcome | None = Field(
        default=None, description="How the legs ended; an outcome's own name: that of either arm."
    )
    answer: Remark | None = Field(default=None, description="What is remarkable about the answers.")
    verdict: Verdict | None = Field(default=None, description="What judges and people said.")
    sort: Sort = Field(
        default=SORTS[0],
        description="Largest first. `latency`, `cost`, `length`: the difference either way; the words after each: of "
        "the candidate against the primary. `worst`, `best`: of the candidate, as judges see it.",
    )
    limit: int = Field(default=50, ge=1, le=MAX_PAIRS, description="Pairs of this page.")
    after: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=1024)] | None = Field(
        default=None, description="What `next` of the page before said."
    )


class OfPair(Query):
    """Of one pair."""

    texts: Flag = Field(default="true", description="With texts, as far as they are stored.")


class PairPlace(Query):
    """Which pair."""

    request_id: UUID = Field(description="Of the request; `x-shadowbench-request-id` of its answer.")
    candidate: Identifier = Field(description="Its name; `control` for the primary's own second answer.")


class ReportPlace(Query):
    """Which report."""

    name: Identifier = Field(description="As the list names it: when it was due, `20261121T020000Z`.")


class OfRows(Query):
    """Of a list that is not long."""

    candidate: Identifier | None = Field(default=None, description="Only of this candidate.")
    limit: int = Field(default=100, ge=1, le=MAX_ROWS, description="Rows at most; the newest.")


class OfReports(Query):
    """Of the list of reports."""

    limit: int = Field(default=100, ge=1, le=MAX_ROWS, description="Reports at most; the newest.")
