"""Past reports: the shelf of `reports.dir`, each report as it was written, and how verdicts moved."""

import base64
import hashlib
import re
from pathlib import Path

from aiohttp import web

from analyzer.dashboard.site import Site
from analyzer.dashboard.templating import Templates
from analyzer.reports.index import lines, rows
from analyzer.reports.shelf import Shelf

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_KINDS = {"html": "text/html", "json": "application/json", "md": "text/markdown"}


class ReportsPage:
    """`/reports`, and one address per report and form."""

    def __init__(self, site: Site, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._shelf: Shelf | None = None

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/reports", self._show)
        app.router.add_get("/reports/{name}.{ending:html|json|md}", self._one)

    def _current(self) -> Shelf | None:
        settings = self._site.config.reports
        if settings is None:
            return None
        if self._shelf is None or self._shelf.directory != Path(settings.dir):
            self._shelf = Shelf(Path(settings.dir))
        return self._shelf

    async def _show(self, request: web.Request) -> web.Response:
        shelf = self._current()
        reports = [] if shelf is None else shelf.reports()
        return self._templates.page(
            request, "past_reports.html", settings=self._site.config.reports, rows=rows(reports), lines=lines(reports)
        )

    async def _one(self, request: web.Request) -> web.Response:
        shelf = self._current()
        ending = request.match_info["ending"]
        text = None if shelf is None else shelf.text(request.match_info["name"], ending)
        if text is None:
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": _policy(text)} if ending == "html" else {}
        return web.Response(text=text, content_type=_KINDS[ending], charset="utf-8", headers=headers)


def _policy(text: str) -> str:
    """Nothing but the report's one style sheet, known by its hash."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
        for style in _STYLE.findall(text)
    ]
    styles = " ".join(hashes) or "'none'"
    return f"default-src 'none'; style-src {styles}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
