"""The live page: decisions, intervals and what is arriving, kept up to date while somebody looks."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from analyzer.dashboard.kept import Kept
from analyzer.dashboard.kept import View as Reading
from analyzer.dashboard.live.admin import AdminPort, AdminTrouble, Status
from analyzer.dashboard.live.asked import WINDOWS, BadQuestion, LiveQuestion
from analyzer.dashboard.live.choices import Offered, choices, offered
from analyzer.dashboard.live.money import Money, money_today, share
from analyzer.dashboard.live.now import now_lines
from analyzer.dashboard.live.recent import Recent, recent
from analyzer.dashboard.live.watching import MOST, TooMany, View, Watching
from analyzer.dashboard.site import Site
from analyzer.dashboard.templating import Templates
from analyzer.report.printable import clipped
from analyzer.report.view import StudyView, study_view
from config.model import Config
from record.pair import CONTROL
from runtime.version import version

BEAT_S = 0.5
"""How often what arrived is looked at while somebody looks: a pair is to be seen within two seconds of its end."""
HEARTBEAT_S = 15.0
"""A connection that is silent for longer may be cut by what lies between."""
MAX_VIEWERS = 64
FOR_LOOKING = "A part of the requests, for looking: decisions are made about all of them."
REFRESH_S = 10
"""Of a page without scripts."""
_OFFER_S = 30.0
_STATUS_S = 2.0
_MONEY_S = 3.0


@dataclass(frozen=True, slots=True)
class _Rendered:
    version: int
    decisions: str
    study: str


class LivePage:
    """`/`, its fragment and its events; pause and resume."""

    def __init__(self, site: Site, templates: Templates, watching: Watching) -> None:
        self._site = site
        self._templates = templates
        self._watching = watching
        self._admin = AdminPort(site.admin_url)
        self._viewers = 0
        self._closing = asyncio.Event()
        self._rendered: dict[LiveQuestion, _Rendered] = {}
        self._recent: dict[LiveQuestion, Kept[Recent]] = {}
        self._offered: Kept[Offered] = Kept(self._read_offered, fresh_s=_OFFER_S, clock=site.clock)
        self._money: Kept[Money] = Kept(self._read_money, fresh_s=_MONEY_S, clock=site.clock)
        self._status: tuple[float, Status | str] | None = None
        self._database: str | None = None

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/", self._show)
        app.router.add_get("/live/fragment", self._fragment)
        app.router.add_get("/live/events", self._events)
        app.router.add_post("/live/pause", self._pause)
        app.router.add_post("/live/resume", self._resume)
        app.on_shutdown.append(self._end)

    async def _end(self, _app: web.Application) -> None:
        self._closing.set()
        await self._admin.close()

    # Pages

    async def _show(self, request: web.Request) -> web.Response:
        try:
            question = LiveQuestion.of(request.query)
        except BadQuestion as error:
            return self._templates.page(
                request, "error.html", status=400, title="This cannot be shown", code=400, reason=str(error)
            )
        config = self._site.config
        try:
            view = await self._watching.view(question)
            trouble = ""
        except TooMany as error:
            view, trouble = View(0, None, None, 0.0), str(error)
        offer = await self._offered.view()
        there = choices(config, view.made, offer.value)
        return self._templates.page(
            request,
            "live.html",
            question=question,
            windows=list(WINDOWS),
            filters=", ".join(f"{name.removeprefix('label.')} {value}" for name, value in question.filters()),
            view=view,
            too_many=trouble,
            **self._parts(question, view),
            strip=await self._strip(question),
            choices=there.with_labels(name for name, _ in question.labels),
            config=config,
            refresh_s=REFRESH_S,
        )

    async def _fragment(self, request: web.Request) -> web.Response:
        try:
            question = LiveQuestion.of(request.query)
            view = await self._watching.view(question)
        except (BadQuestion, TooMany) as error:
            return web.json_response({"error": str(error)}, status=400)
        text = self._templates.render("live_parts.html", view=view, **self._parts(question, view))
        return web.Response(text=text, content_type="text/html", headers={"X-Version": str(view.version)})

    def _parts(self, question: LiveQuestion, view: View) -> dict[str, Any]:
        """What templates show of a view."""
        shown = self._shown(question, view)
        return {
            "decisions": shown.decisions,
            "study": shown.study,
            "waiting": _waiting(self._site.config, question, view),
        }

    def _shown(self, question: LiveQuestion, view: View) -> _Rendered:
        """Rendered once per study, however many look."""
        if view.made is None:
            return _Rendered(view.version, "", "")
        known = self._rendered.get(question)
        if known is not None and known.version == view.version:
            return known
        shown = study_view(view.made, version=version())
        if not question.narrowing.is_all:
            shown = _for_looking(shown)
        config = self._site.config
        configured = {clipped(name) for name in (CONTROL, *(candidate.name for candidate in config.candidates))}
        rendered = _Rendered(
            view.version,
            self._templates.render(
                "live_decisions.html",
                shown=shown,
                configured=configured,
                is_all=question.narrowing.is_all,
                looking=FOR_LOOKING,
            ),
            self._templates.render("live_candidates.html", shown=shown),
        )
        while len(self._rendered) >= 2 * MOST:
            del self._rendered[next(iter(self._rendered))]
        self._rendered[question] = rendered
        return rendered

    # What arrives

    async def _events(self, request: web.Request) -> web.StreamResponse:
        try:
            question = LiveQuestion.of(request.query)
        except BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        if self._viewers >= MAX_VIEWERS:
            said = f"{MAX_VIEWERS} pages are kept up to date already; this one is when you load it again"
            return web.json_response({"error": said}, status=503)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await answer.prepare(request)
        with self._looking(), contextlib.suppress(ConnectionError, asyncio.CancelledError, TooMany):
            async for text in self._said(question, _number(request.query.get("after"))):
                await answer.write(text.encode())
        return answer

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        self._viewers += 1
        try:
            yield
        finally:
            self._viewers -= 1

    async def _said(self, question: LiveQuestion, after: int) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        last, quiet_s = "", 0.0
        async for view in self._watching.views(question, after, BEAT_S):
            if self._closing.is_set():
                return
            if view is not None:
                yield _event("study", {"version": view.version})
            strip = await self._strip(question)
            if strip != last:
                last, quiet_s = strip, 0.0
                yield _event("recent", {"html": strip})
            elif (quiet_s := quiet_s + BEAT_S) >= HEARTBEAT_S:
                quiet_s = 0.0
                yield ": still here\n\n"

    async def _strip(self, question: LiveQuestion) -> str:
        """What arrived lately, money and roles, as HTML."""
        config, now = self._site.config, self._site.clock()
        arrived: Reading[Recent] = await self._kept(question).view()
        money = await self._money.view()
        status = await self._machine()
        here = status if isinstance(status, Status) else None
        newest = None if arrived.value is None else arrived.value.newest
        judging = None if money.value is None else money.value.judging
        judge_usd = None if config.judge is None else config.judge.budget.usd_per_day
        return self._templates.render(
            "live_strip.html",
            lines=now_lines(config, arrived.value, money.value, here),
            latest=() if arrived.value is None else arrived.value.latest,
            is_known=arrived.value is not None,
            trouble=arrived.trouble,
            age=None if newest is None else now - newest,
            has_judge=config.judge is not None,
            judging=judging,
            judge_usd=judge_usd,
            judge_share=None if judging is None else share(judging.spend.committed_usd, judge_usd),
            status=here,
            status_trouble=status if isinstance(status, str) else "",
        )

    def _kept(self, question: LiveQuestion) -> Kept[Recent]:
        if question not in self._recent:
            while len(self._recent) >= 2 * MOST:
                del self._recent[next(iter(self._recent))]

            async def read() -> Recent:
                return await self._site.reading.read(
                    lambda reader: recent(reader.columns, question.narrowing, self._name(reader), self._site.clock())
                )

            self._recent[question] = Kept(read, fresh_s=BEAT_S * 0.9, clock=self._site.clock)
        return self._recent[question]

    def _name(self, reader: Any) -> str:
        if self._database is None:
            self._database = str(reader.columns("SELECT currentDatabase() AS name", {})["name"][0])
        return self._database

    async def _read_offered(self) -> Offered:
        return await self._site.reading.read(lambda reader: offered(reader.columns))

    async def _read_money(self) -> Money:
        judge, now = self._site.config.judge, self._site.clock()
        age = None if judge is None else timedelta(seconds=judge.max_age)
        return await self._site.reading.read(lambda reader: money_today(reader, now, age))

    async def _machine(self) -> Status | str:
        now_s = asyncio.get_running_loop().time()
        if self._status is None or now_s - self._status[0] >= _STATUS_S:
            try:
                found: Status | str = await self._admin.status(self._admin_token)
            except AdminTrouble as error:
                found = str(error)
            self._status = now_s, found
        return self._status[1]

    @property
    def _admin_token(self) -> str | None:
        token = self._site.config.admin.token
        return None if token is None else token.get_secret_value()

    # The kill switch

    async def _pause(self, request: web.Request) -> web.Response:
        return await self._switch(request, pause=True)

    async def _resume(self, request: web.Request) -> web.Response:
        return await self._switch(request, pause=False)

    async def _switch(self, request: web.Request, *, pause: bool) -> web.Response:
        form = await request.post()
        candidate = str(form.get("candidate", ""))
        try:
            await self._admin.switch(candidate, self._admin_token, pause=pause)
        except AdminTrouble as error:
            said = f"{error}; `shadowbench {'pause' if pause else 'resume'}` on the proxy's machine does it, too"
            return self._templates.page(
                request, "error.html", status=502, title="Nothing was changed", code=502, reason=said
            )
        self._status = None
        raise web.HTTPSeeOther("/#machine")


def _for_looking(shown: StudyView) -> StudyView:
    """A part of the requests was asked without the policy, so what it says of decisions is not to be read."""
    candidates = (replace(one, decision="", why=FOR_LOOKING, reasons=()) for one in shown.candidates)
    return replace(shown, candidates=tuple(candidates))


def _event(name: str, values: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(values)}\n\n"


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 16 else 0


def _waiting(config: Config, question: LiveQuestion, view: View) -> str:
    """What an empty page waits for; empty text where there is something to see."""
    if view.made is None:
        if view.trouble:
            return "The first study comes as soon as the store answers."
        return "The first study is being computed."
    if any(candidate.pairs for candidate in view.made.study.candidates) or view.made.study.control is not None:
        return ""
    if not question.narrowing.is_all:
        return "No pair of this window passes the filter."
    if not config.candidates:
        return "No candidate is configured: nothing is copied. Name one in `candidates`."
    if not any(candidate.sample for candidate in config.candidates):
        return "No candidate has a share: `candidates[].sample` is 0, so nothing is copied yet."
    return "Waiting for the first pair: no sampled request of this window has been answered by both arms yet."
