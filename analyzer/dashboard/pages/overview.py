"""What is compared, and how judging and labelling stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from aiohttp import web

from analyzer.dashboard.kept import Kept
from analyzer.dashboard.site import Site
from analyzer.dashboard.templating import Templates
from record.pair import CONTROL
from store.judging.calls import Spend, spent_today
from store.judging.standing import (
    JudgedBy,
    JudgeToday,
    Lately,
    Settled,
    Waiting,
    at_work,
    judged_by,
    judges_today,
    lately,
    newest_progress,
    settled_today,
    waiting,
)
from store.reader import Reader
from store.watermark import watermark

REFRESH_S = 5.0
"""How often an open page asks again."""
_FRESH_S = 3.0
DAY = timedelta(days=1)
UNANNOUNCED = timedelta(seconds=60)
"""Where no watermark is known, pairs that began so lately may not be complete."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the page shows of the store."""

    pairs: dict[str, int]
    """Candidate -> pairs of the last 24 hours."""
    spend: Spend
    today: dict[str, JudgeToday]
    lately: dict[str, Lately]
    settled: Settled
    waiting: Waiting | None
    """None: nobody judges here, so nothing waits."""
    judged: list[JudgedBy]
    """What can be labelled."""
    judges_at_work: int
    """Processes."""


@dataclass(frozen=True, slots=True)
class JudgeLine:
    """One judge of the configuration."""

    name: str
    model: str
    today: JudgeToday | None
    lately: Lately | None

    @property
    def state(self) -> str:
        """away, working, or quiet: it was asked nothing within the last hour."""
        if self.lately is None:
            return "quiet"
        return "away" if self.lately.is_away else "working"

    @property
    def failures(self) -> dict[str, int]:
        """Of the last hour: outcome -> calls without a verdict, the most frequent first."""
        found = {} if self.lately is None else {k: n for k, n in self.lately.outcomes.items() if k != "ok"}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


class Overview:
    """`/judging`."""

    def __init__(self, site: Site, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._standing = Kept(self._read, fresh_s=_FRESH_S, clock=site.clock)

    def add_to(self, app: web.Application) -> None:
        """Adds the route."""
        app.router.add_get("/judging", self._show)

    async def _show(self, request: web.Request) -> web.Response:
        view = await self._standing.view()
        config, now = self._site.config, self._site.clock()
        judge, standing = config.judge, view.value
        lines = () if judge is None else tuple(
            JudgeLine(
                model.name,
                model.model,
                None if standing is None else standing.today.get(model.name),
                None if standing is None else standing.lately.get(model.name),
            )
            for model in judge.models
        )  # fmt: skip
        oldest = None if standing is None or standing.waiting is None else standing.waiting.oldest
        budget = None if judge is None else judge.budget.usd_per_day
        return self._templates.page(
            request,
            "overview.html",
            config=config,
            control=CONTROL,
            standing=standing,
            at=view.at,
            trouble=view.trouble,
            judges=lines,
            nothing=Decimal(0),
            every_s=REFRESH_S,
            budget=budget,
            spent_share=None if standing is None else _share(standing.spend.committed_usd, budget),
            lag=None if oldest is None else now - oldest,
        )

    async def _read(self) -> Standing:
        site, now = self._site, self._site.clock()
        judge = site.config.judge
        reaches = DAY if judge is None else timedelta(seconds=judge.max_age) + DAY
        keeps = timedelta(seconds=site.config.privacy.retention)
        return await site.reading.read(lambda reader: _read(reader, now, reaches, keeps, is_judged=judge is not None))


def _read(reader: Reader, now: datetime, reaches: timedelta, keeps: timedelta, *, is_judged: bool) -> Standing:
    pairs = {name: n for (_, name), n in reader.pair_counts(now - DAY, now + DAY).items()}
    return Standing(
        pairs=pairs,
        spend=spent_today(reader),
        today=judges_today(reader),
        lately=lately(reader, now - reaches, now),
        settled=settled_today(reader, now - reaches, now.replace(hour=0, minute=0, second=0, microsecond=0)),
        waiting=_waiting(reader, now, reaches - DAY) if is_judged else None,
        judged=judged_by(reader, now - keeps, now + DAY),
        judges_at_work=at_work(reader),
    )


def _waiting(reader: Reader, now: datetime, max_age: timedelta) -> Waiting:
    """Pairs behind the point up to which judges have come, as far as the store is complete."""
    complete = watermark(reader.columns, now).at or now - UNANNOUNCED
    taken = newest_progress(reader)
    since = now - max_age if taken is None else max(taken, now - max_age)
    return waiting(reader, since, complete)


def _share(part: Decimal, whole: Decimal | None) -> float | None:
    """0 to 1; None where there is no limit."""
    return None if whole is None else min(float(part / whole), 1.0)
