"""Single pairs: a list to filter and sort, and one pair with everything that is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from aiohttp import web

from analyzer.dashboard.access import answer_error
from analyzer.dashboard.kept import Kept
from analyzer.dashboard.live.asked import WINDOWS, BadQuestion
from analyzer.dashboard.pairs import offered
from analyzer.dashboard.pairs.asked import LIST, PAGE, PairsQuestion, address_of
from analyzer.dashboard.pairs.line import Line, line
from analyzer.dashboard.pairs.missing import why_missing
from analyzer.dashboard.pairs.scope import nothing, scope
from analyzer.dashboard.pairs.view import pair_view
from analyzer.dashboard.site import Site
from analyzer.dashboard.store_thread import Trouble
from analyzer.dashboard.templating import Templates, sentence
from runtime.offload import Offload
from store.browsing.choices import Choices, choices
from store.browsing.details import Asked, Details, asked, details, pairs_of_request
from store.browsing.listing import Page, Position, neighbours, page, place_of
from store.browsing.pairs import PairKey
from store.browsing.wanted import NEWEST
from store.comparison import Span
from store.errors import QueryFailed, StoreError
from store.reader import Reader

_OFFERED_S = 30.0
"""How long what can be chosen stays as it is."""
_DAY = timedelta(days=1)
_NOBODY = UUID(int=0)
_GONE = "no pair of this request and candidate is in the store: it was not sampled, or it was erased"
_OPTIONS = {
    "outcome": offered.OUTCOME_OPTIONS,
    "answer": offered.ANSWER_OPTIONS,
    "verdict": offered.VERDICT_OPTIONS,
    "sort": offered.SORT_OPTIONS,
}


@dataclass(frozen=True, slots=True)
class _Found:
    """A pair, and its neighbours in the list that it was opened from."""

    details: Details
    before: PairKey | None
    after: PairKey | None


class PairsPage:
    """`/pairs`, and `/pairs/REQUEST_ID/CANDIDATE`."""

    def __init__(self, site: Site, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._making = Offload("pairs pages")
        self._offered: Kept[Choices] = Kept(self._read_offered, fresh_s=_OFFERED_S, clock=site.clock)

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get(LIST, self._list)
        app.router.add_get(f"{LIST}/{{request_id}}/{{candidate}}", self._one)
        app.on_cleanup.append(self._end)

    async def _end(self, _app: web.Application) -> None:
        self._making.close()

    async def _list(self, request: web.Request) -> web.Response:
        try:
            question = PairsQuestion.of(request.query)
        except BadQuestion as error:
            return answer_error(request, self._templates, 400, str(error))
        wanted_id = request.query.get("request", "").strip()
        not_found = await self._go_to(wanted_id) if wanted_id else ""
        span = question.span(self._site.clock())
        found: Page | None = None
        lines: list[Line] = []
        trouble: Trouble | None = None
        try:
            there, bodies = await self._site.reading.read(lambda reader: _page(reader, question, span))
            lines = await self._making.call(lambda: self._lines(question.fixed(span), there, bodies))
            found = there
        except StoreError as error:
            trouble = self._trouble(error)
        offer = await self._offered.view()
        return self._templates.page(
            request,
            "pairs.html",
            status=200 if trouble is None else 503,
            question=question,
            lines=lines,
            trouble=trouble,
            looked="" if found is None else scope(question, span, found),
            nothing=None if found is None or lines else nothing(question, span, found, self._site.config),
            windows=[(name, question.during(name).address()) for name in WINDOWS],
            looks=offered.looks(question),
            headings=offered.headings(question),
            filters=offered.filters(question),
            candidates=self._candidates(question, offer.value),
            choices=offer.value,
            options=_OPTIONS,
            not_found=not_found,
            wanted_id=wanted_id,
            **_turning(question.fixed(span), found),
        )

    async def _one(self, request: web.Request) -> web.Response:
        candidate = request.match_info["candidate"]
        try:
            question = PairsQuestion.of(request.query)
            request_id = UUID(request.match_info["request_id"])
        except BadQuestion as error:
            return answer_error(request, self._templates, 400, str(error))
        except ValueError:
            return answer_error(request, self._templates, 404, "this is no id of a request")
        is_alone = not request.query_string
        try:
            found = await self._site.reading.read(
                lambda reader: self._found(reader, question, request_id, candidate, is_alone=is_alone)
            )
        except StoreError as error:
            trouble = self._trouble(error)
            return self._templates.page(request, "pair_away.html", status=503, trouble=trouble)
        if found is None:
            return answer_error(request, self._templates, 404, _GONE)
        why = self._why_missing(found.details.pair.key)
        view = await self._making.call(lambda: pair_view(found.details, why))

        def address(key: PairKey | None) -> str | None:
            if key is None:
                return None
            return (address_of if is_alone else question.address_of)(key.request_id, key.candidate)

        return self._templates.page(
            request,
            "pair.html",
            view=view,
            pair=view.pair,
            list_address=question.top.address(),
            before=address(found.before),
            after=address(found.after),
            others=[(key.candidate, address_of(key.request_id, key.candidate)) for key in found.details.others],
            conversation=replace(
                PairsQuestion(), candidate=candidate, conversation=view.pair.conversation,
                since=view.pair.ts - _DAY, until=view.pair.ts + _DAY,
            ).address(),
            json_address=f"/api/v1{address_of(request_id, candidate)}",
            is_redacted=self._site.config.privacy.bodies == "redacted",
        )  # fmt: skip

    def _found(
        self, reader: Reader, question: PairsQuestion, request_id: UUID, candidate: str, *, is_alone: bool
    ) -> _Found | None:
        one = details(reader, request_id, candidate)
        if one is None:
            return None
        key = one.pair.key
        if is_alone:
            question = replace(question, candidate=candidate, since=key.ts - _DAY, until=key.ts + _DAY)
        wanted = question.wanted(self._site.clock())
        at = place_of(reader, wanted, key)
        before, after = (None, None) if at is None else neighbours(reader, wanted, at)
        return _Found(one, None if before is None else before.key, None if after is None else after.key)

    async def _go_to(self, wanted_id: str) -> str:
        """To the pair of a request; or why not."""
        try:
            request_id = UUID(wanted_id)
        except ValueError:
            return "That is no id of a request. It looks like 01900000-0000-7000-8000-000000000001."
        try:
            keys = await self._site.reading.read(lambda reader: pairs_of_request(reader, request_id))
        except StoreError:
            return ""  # the page says it
        if not keys:
            return "No pair of that request is in the store: it was not sampled, or it was erased."
        raise web.HTTPSeeOther(address_of(keys[0].request_id, keys[0].candidate))

    def _lines(self, question: PairsQuestion, found: Page, bodies: Mapping[PairKey, Asked]) -> list[Line]:
        return [
            line(
                one,
                bodies.get(one.pair.key),
                question.address_of(one.pair.request_id, one.pair.candidate),
                self._why_missing(one.pair.key),
            )
            for one in found.pairs
        ]

    def _why_missing(self, key: PairKey) -> str:
        return sentence(why_missing(self._site.config.privacy, key.ts, self._site.clock()))

    def _candidates(self, question: PairsQuestion, there: Choices | None) -> list[str]:
        """As the configuration has them, then those that it has no more."""
        names = [candidate.name for candidate in self._site.config.candidates]
        names += [] if there is None else there.candidates
        names += [] if question.candidate is None else [question.candidate]
        return list(dict.fromkeys(names))

    async def _read_offered(self) -> Choices:
        now = self._site.clock()
        return await self._site.reading.read(lambda reader: choices(reader, Span(now - _DAY, now + _DAY)))

    def _trouble(self, error: StoreError) -> Trouble:
        if isinstance(error, QueryFailed):
            raise error
        return self._site.reading.trouble or Trouble(self._site.clock(), str(error))


def _page(reader: Reader, question: PairsQuestion, span: Span) -> tuple[Page, dict[PairKey, Asked]]:
    wanted = replace(question.wanted(span.until), span=span)
    found = page(reader, wanted, after=question.after, before=question.before, limit=PAGE)
    return found, asked(reader, [one.pair.key for one in found.pairs])


def _turning(question: PairsQuestion, found: Page | None) -> dict[str, str | None]:
    """Addresses of the pages around a page, and of what was not looked through."""
    turning: dict[str, str | None] = {"newer": None, "older": None, "further": None}
    if found is None:
        return turning
    first, last = (found.pairs[0].at, found.pairs[-1].at) if found.pairs else (question.after, question.before)
    if found.has_before and first is not None:
        turning["newer"] = replace(question, after=None, before=first).address()
    if found.has_after and last is not None:
        turning["older"] = replace(question, after=last, before=None).address()
    elif not found.looked.is_all:
        edge = found.looked.span.since
        turning["further"] = (
            replace(question, after=Position(0.0, edge, _NOBODY, ""), before=None)
            if question.sort == NEWEST
            else replace(question.top, until=edge)
        ).address()
    return turning
