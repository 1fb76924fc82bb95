"""The application: what is served where, and what every request goes through."""

from aiohttp import web

from analyzer.dashboard.access import add_headers, guarded, watched
from analyzer.dashboard.api.routes import Api
from analyzer.dashboard.live.watching import Watching
from analyzer.dashboard.nightly import write_reports
from analyzer.dashboard.pages.label import LabelPage
from analyzer.dashboard.pages.live import LivePage
from analyzer.dashboard.pages.login import Login
from analyzer.dashboard.pages.overview import Overview
from analyzer.dashboard.pages.pairs import PairsPage
from analyzer.dashboard.pages.reports import ReportsPage
from analyzer.dashboard.site import Site
from analyzer.dashboard.static_files import StaticFiles
from analyzer.dashboard.templating import Templates
from analyzer.metrics import METRICS, Metric
from analyzer.plugins import PluginError, all_metrics
from runtime.tasks import Tasks

NAVIGATION = (("/", "Live"), ("/pairs", "Pairs"), ("/reports", "Reports"), ("/judging", "Judging"), ("/label", "Label"))
"""Pages that every page links to."""
MAX_BODY_BYTES = 2**18
"""The longest thing that anybody sends here is a reason for a label."""


def application(site: Site) -> web.Application:
    """All pages over one site."""
    files = StaticFiles()
    templates = Templates(site, files, NAVIGATION)
    metrics, tasks = _metrics(site), Tasks(lambda name, error: _fault(site, name, error))
    watching = Watching(site.studies, lambda: site.config, metrics, tasks, site.clock)
    live, reports = LivePage(site, templates, watching), ReportsPage(site, templates)
    middlewares = [watched(site, templates), *guarded(site, templates)]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(add_headers)
    for part in (files, Login(site, templates), live, reports, Overview(site, templates), LabelPage(site, templates)):
        part.add_to(app)
    PairsPage(site, templates).add_to(app)
    Api(site, metrics).add_to(app)

    async def begin(_app: web.Application) -> None:
        tasks.start("reports", write_reports(site, metrics))

    async def end(_app: web.Application) -> None:
        await tasks.close()

    app.on_startup.append(begin)
    app.on_cleanup.append(end)
    return app


def _metrics(site: Site) -> tuple[Metric, ...]:
    """All that there are; a plug-in that cannot be used keeps no page from being served."""
    try:
        return all_metrics()
    except PluginError as error:
        site.log.warning("metrics of plug-ins are left out", reason=str(error))
        return METRICS


def _fault(site: Site, task: str, error: BaseException) -> None:
    site.figures.count("shadowbench_dashboard_internal_errors_total")
    site.log.error("task failed", task=task, error=f"{type(error).__name__}: {error}")
