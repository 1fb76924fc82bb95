"""Lists of pairs, and all that is kept of one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from analyzer.dashboard.api import told
from analyzer.dashboard.api.asked import Impossible, OfPair, OfPairs, PairPlace
from analyzer.dashboard.api.border import Refusal
from analyzer.dashboard.pairs.missing import why_missing
from analyzer.dashboard.site import Site
from store.browsing.cursor import BadCursor, decode, encode
from store.browsing.details import Details, Texts, details
from store.browsing.listing import Page, Position, page
from store.browsing.pairs import BrowsedPair
from store.browsing.wanted import NEWEST, Wanted
from store.comparison import Span
from store.judging.rows import JudgementRow, LabelRow

MAX_CHARS = 1_000_000
"""Of one text in an answer."""
_LARGEST_CONVERSATION = 2**64 - 1
_LAST_ID = UUID(int=2**128 - 1)
"""No request of the same moment comes before it in a list."""


class PairLists:
    """Answers to `pairs` and `pair`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def listed(self, asked: OfPairs) -> told.PairList:
        """A page.

        Raises:
            Impossible: there is no such window, conversation or place.
            StoreError: no answer.
        """
        window = asked.window(self._site.clock())
        wanted = Wanted(
            Span(window.since, window.until),
            asked.candidate,
            asked.narrowing,
            _conversation(asked.conversation),
            asked.outcome,
            asked.answer,
            asked.verdict,
            asked.sort,
        )
        after = None if asked.after is None else place_of(asked.after)
        found = await self._site.reading.read(lambda reader: page(reader, wanted, after=after, limit=asked.limit))
        following = _next(found, wanted)
        return told.PairList(
            window=told.Window.model_validate(window),
            pairs=[told.Pair(**_pair(one.pair, one.judgements, one.labels)) for one in found.pairs],
            next=None if following is None else encode(following),
            looked_at=told.LookedAt(
                since=found.looked.span.since, until=found.looked.span.until, is_all=found.looked.is_all
            ),
            in_window=found.in_window,
            matching=found.matching,
        )

    async def one(self, place: PairPlace, asked: OfPair) -> told.PairDetails:
        """A pair.

        Raises:
            Refusal: there is none.
            StoreError: no answer.
        """
        found = await self._site.reading.read(lambda reader: details(reader, place.request_id, place.candidate))
        if found is None:
            raise Refusal(404, "no pair of this request and candidate is in the store (any more)")
        return told.PairDetails(
            **_pair(found.pair, found.judgements, found.labels),
            texts=self._texts(found) if asked.texts == "true" else None,
            calls=[told.Call.model_validate(call) for call in found.calls],
            text_scores=[told.TextScore.model_validate(score) for score in found.scores],
            other_candidates=[key.candidate for key in found.others],
        )

    def _texts(self, found: Details) -> told.Texts:
        sides = {"the primary": found.primary, "the candidate": found.answer}
        absent = [name for name, texts in sides.items() if texts is None]
        missing = None
        if absent:
            why = why_missing(self._site.config.privacy, found.pair.ts, self._site.clock())
            missing = f"{' and '.join(absent)}: {why}"
        return told.Texts(primary=_side(found.primary), candidate=_side(found.answer), missing=missing)


def place_of(mark: str) -> Position:
    """What `next` of the page before said.

    Raises:
        Impossible: it is something else.
    """
    try:
        return decode(mark)
    except BadCursor:
        raise Impossible("after: say what `next` of the page before said") from None


def _next(found: Page, wanted: Wanted) -> Position | None:
    """Where the list goes on: behind its last pair, or behind what was looked through."""
    if found.has_after and found.pairs:
        return found.pairs[-1].at
    begin = found.looked.span.since
    if wanted.sort == NEWEST and not found.looked.is_all and begin > wanted.span.since:
        return Position(0.0, begin - begin.resolution, _LAST_ID, "")
    return None


def _conversation(said: str | None) -> int | None:
    if said is None:
        return None
    if int(said) > _LARGEST_CONVERSATION:
        raise Impossible("conversation: there is no such number; write it as pairs name it")
    return int(said)


def _pair(pair: BrowsedPair, judgements: Sequence[JudgementRow], labels: Sequence[LabelRow]) -> dict[str, Any]:
    names = [name for name in told.Pair.model_fields if name not in {"arms", "judgements", "human_labels"}]
    return {
        **{name: getattr(pair, name) for name in names},
        "arms": told.Arms(
            primary=told.Arm.model_validate(pair.primary), candidate=told.Arm.model_validate(pair.answer)
        ),
        "judgements": [told.Judgement.model_validate(row) for row in judgements],
        "human_labels": [told.HumanLabel.model_validate(row) for row in labels],
    }


def _side(texts: Texts | None) -> told.SideTexts | None:
    if texts is None:
        return None
    whole = {name: getattr(texts, name) for name in ("request", "response", "reasoning", "tool_calls")}
    cut = {name: len(text) - MAX_CHARS for name, text in whole.items() if len(text) > MAX_CHARS}
    return told.SideTexts(**{name: text[:MAX_CHARS] for name, text in whole.items()}, cut=cut)
