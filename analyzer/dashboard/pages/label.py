"""Two answers side by side, without names: which is better?"""

from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
from aiohttp import web

from analyzer.dashboard.access import answer_error, port_of
from analyzer.dashboard.labelling.desk import Place
from analyzer.dashboard.labelling.labels import Labels, Offer, UnknownPair
from analyzer.dashboard.labelling.people import MAX_NAME_CHARS, NameFault, as_cookie, labeler, of_cookie
from analyzer.dashboard.labelling.task import task_of
from analyzer.dashboard.pages.choosing import Choices, choices, known_rubrics, why_nothing
from analyzer.dashboard.pages.login import is_encrypted, local
from analyzer.dashboard.site import Site
from analyzer.dashboard.store_thread import Trouble
from analyzer.dashboard.templating import Templates, machine
from analyzer.judge.rubric import Rubric
from config.model import Config
from store.errors import StoreError

SHOWN_FROM, DECIDES_FROM = 100, 300
"""Labelled pairs from which a corrected win rate is shown, and from which it may decide."""
NEW, MINE = "new", "mine"
"""Pairs that nobody has labelled, or that this person has not."""
_REMEMBERED_S = 365 * 86400
_SAID = {"first": "Answer 1 is better", "second": "Answer 2 is better", "tie": "A tie"}


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says of a pair."""

    request: UUID
    candidate: str
    rubric: str
    choice: Literal["first", "second", "tie", "skip", "undo"]
    pairs: str = ""
    """`new`: only those that nobody has labelled."""
    submission: str = ""
    """Which showing of the pair this answers: the same answer to it is stored once."""
    reason: str = ""


class _Wanted(NamedTuple):
    """What a request asks for."""

    choice: Choices
    trouble: Trouble | None


def _pairs(said: str | None) -> str:
    return NEW if said == NEW else MINE


class LabelPage:
    """`/label`, and what its script asks."""

    def __init__(self, site: Site, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._labels = Labels(site)
        self._rubrics_of: Config | None = None
        self._rubrics: dict[str, Rubric] = {}

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/label", self._show)
        app.router.add_post("/label/name", self._name)
        app.router.add_get("/label/next", self._next)
        app.router.add_post("/label/answers", self._answer)
        app.router.add_post("/label/skipped", self._show_skipped)

    async def _show(self, request: web.Request) -> web.Response:
        who = of_cookie(request.cookies.get(self._cookie(request)))
        if who is None or "rename" in request.query:
            target = request.path if who is not None else request.path_qs
            return self._ask_name(request, who or "", target)
        choice, trouble = await self._wanted(request)
        pairs = _pairs(request.query.get("pairs"))
        offer: Offer | None = None
        if trouble is None and choice.candidate is not None and choice.rubric is not None:
            try:
                offer = await self._labels.next(Place(who, choice.candidate, choice.rubric, pairs == NEW))
            except StoreError as error:
                trouble = self._site.reading.trouble or Trouble(self._site.clock(), str(error))
        return self._templates.page(
            request,
            "label.html",
            who=who,
            choice=choice,
            pairs=pairs,
            criteria=self._known_rubrics().get(choice.rubric or ""),
            trouble=trouble,
            nothing=None if choice.rubric is not None or trouble is not None else self._why_nothing(choice),
            **self._task_values(offer, who, choice),
        )

    def _ask_name(self, request: web.Request, name: str, target: str, fault: str | None = None) -> web.Response:
        status = 200 if fault is None else 400
        values = {"name": name, "target": target, "fault": fault, "max_chars": MAX_NAME_CHARS}
        return self._templates.page(request, "label_name.html", status=status, **values)

    async def _name(self, request: web.Request) -> web.Response:
        form = await request.post()
        text, target = str(form.get("name", "")), local(str(form.get("next", "/label")))
        try:
            name = labeler(text)
        except NameFault as fault:
            return self._ask_name(request, text[:MAX_NAME_CHARS], target, str(fault))
        answer = web.HTTPSeeOther(target)
        answer.set_cookie(
            self._cookie(request),
            as_cookie(name),
            max_age=_REMEMBERED_S,
            path="/label",
            httponly=True,
            samesite="Strict",
            secure=is_encrypted(request),
        )
        raise answer

    async def _next(self, request: web.Request) -> web.Response:
        place = await self._place_of_query(request)
        if isinstance(place, web.Response):
            return place
        try:
            return web.json_response(await self._offered(place))
        except StoreError as error:
            return self._away(error)

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            said = msgspec.json.decode(await request.read(), type=Said)
        except msgspec.MsgspecError as error:
            return answer_error(request, self._templates, 400, f"this is no answer to a pair: {error}")
        place = await self._place(request, said.candidate, said.rubric, said.pairs)
        if isinstance(place, web.Response):
            return place
        try:
            text = await self._do(place, said)
        except UnknownPair:
            return answer_error(request, self._templates, 404, "this pair is not in the store (any more)")
        except StoreError as error:
            return self._away(error)
        try:
            following = await self._offered(place)
        except StoreError as error:  # what was said is stored; what comes next is asked for again
            following = {"html": None, **self._trouble(error)}
        return web.json_response({"said": text, **following})

    async def _do(self, place: Place, said: Said) -> str:
        if said.choice == "undo":
            await self._labels.take_back(place, said.request)
            return "Taken back"
        if said.choice == "skip":
            self._labels.skip(place, said.request)
            return "Skipped"
        await self._labels.say(place, said.request, said.choice, said.reason, said.submission)
        return f"Saved: {_SAID[said.choice]}"

    async def _show_skipped(self, request: web.Request) -> web.Response:
        place = await self._place_of_query(request)
        if isinstance(place, web.Response):
            return place
        self._labels.show_skipped(place)
        try:
            return web.json_response(await self._offered(place))
        except StoreError as error:
            return self._away(error)

    async def _place_of_query(self, request: web.Request) -> Place | web.Response:
        named = (request.query.get(name, "") for name in ("candidate", "rubric", "pairs"))
        return await self._place(request, *named)

    async def _place(self, request: web.Request, candidate: str, rubric: str, pairs: str) -> Place | web.Response:
        """Who labels what; or why that cannot be."""
        who = of_cookie(request.cookies.get(self._cookie(request)))
        if who is None:
            return answer_error(request, self._templates, 409, "say your name on /label first")
        view = await self._labels.judged()
        if view.value is None:
            return self._away(StoreError("" if view.trouble is None else view.trouble.reason))
        if not any(j.candidate == candidate and j.rubric == rubric for j in view.value):
            return answer_error(request, self._templates, 404, "nothing of this candidate was judged by this rubric")
        return Place(who, candidate, rubric, _pairs(pairs) == NEW)

    async def _wanted(self, request: web.Request) -> _Wanted:
        view = await self._labels.judged()
        titles = {rubric: known.title for rubric, known in self._known_rubrics().items()}
        query = request.query
        judged = view.value or []
        choice = choices(self._site.config, judged, titles, query.get("candidate"), query.get("rubric"))
        return _Wanted(choice, view.trouble if view.value is None else None)

    async def _offered(self, place: Place) -> dict[str, Any]:
        """The next pair as the page's script takes it."""
        offer = await self._labels.next(place)
        view = await self._labels.judged()
        choice = choices(self._site.config, view.value or [], {}, place.candidate, place.rubric)
        values = self._task_values(offer, place.labeler, choice)
        return {"html": self._templates.render("label_task.html", **values)}

    def _task_values(self, offer: Offer | None, who: str, choice: Choices) -> dict[str, Any]:
        return {
            "task": None if offer is None or offer.pair is None else task_of(offer.pair, who),
            "offer": offer,
            "submission": uuid4().hex,
            "all_pairs": choice.all_pairs,
            "shown_from": SHOWN_FROM,
            "decides_from": DECIDES_FROM,
        }

    def _why_nothing(self, choice: Choices) -> str:
        return why_nothing(self._site.config, choice)

    def _known_rubrics(self) -> dict[str, Rubric]:
        if self._rubrics_of is not self._site.config:
            self._rubrics_of, self._rubrics = self._site.config, known_rubrics(self._site.config)
        return self._rubrics

    def _away(self, error: StoreError) -> web.Response:
        return web.json_response(self._trouble(error), status=503)

    def _trouble(self, error: StoreError) -> dict[str, Any]:
        trouble = self._site.writing.trouble or self._site.reading.trouble
        since = self._site.clock() if trouble is None else trouble.since
        return {"error": str(error) or "the store does not answer", "since": machine(since)}

    def _cookie(self, request: web.BaseRequest) -> str:
        return f"shadowbench-labeler-{port_of(request)}"
