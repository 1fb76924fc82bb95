"""Which part answers which operation."""

import json
from collections.abc import Mapping

from aiohttp import web

from analyzer.dashboard.api.border import Answer, answered, handler
from analyzer.dashboard.api.comparisons import Comparisons
from analyzer.dashboard.api.facts import Facts
from analyzer.dashboard.api.feedback import FeedbackIn
from analyzer.dashboard.api.labels import LabelsIn
from analyzer.dashboard.api.openapi import DOCUMENT, document
from analyzer.dashboard.api.operations import OPERATIONS
from analyzer.dashboard.api.pairs import PairLists
from analyzer.dashboard.api.shapes import BASE
from analyzer.dashboard.site import Site
from analyzer.metrics import Metric
from runtime.version import version


class Api:
    """Everything under `/api/v1`."""

    def __init__(self, site: Site, metrics: tuple[Metric, ...]) -> None:
        self._site = site
        self._facts = Facts(site, metrics)
        facts, pairs, comparisons = self._facts, PairLists(site), Comparisons(site, metrics)
        feedback, labels = FeedbackIn(site), LabelsIn(site)
        self._answers: Mapping[str, Answer] = {
            "comparisons": lambda call: comparisons.report(call.query),
            "metrics_catalogue": lambda _: facts.catalogue(),
            "states": lambda call: facts.states(call.query),
            "pairs": lambda call: pairs.listed(call.query),
            "pair": lambda call: pairs.one(call.place, call.query),
            "reports": lambda call: facts.reports(call.query),
            "report": lambda call: facts.report(call.place),
            "configuration": lambda _: facts.configuration(),
            "experiments": lambda call: facts.experiments(call.query),
            "decisions": lambda call: facts.decisions(call.query),
            "feedback": lambda call: feedback.take(call.body),
            "labels": lambda call: labels.take(call.body),
        }

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        for operation in OPERATIONS:
            handle = handler(operation, self._answers[operation.name], self._site)
            app.router.add_route(operation.method, f"{BASE}{operation.path}", handle)
            if operation.method == "GET":
                app.router.add_route("HEAD", f"{BASE}{operation.path}", handle)
        app.router.add_get(f"{BASE}{DOCUMENT}", self._document)
        app.on_cleanup.append(self._end)

    async def _document(self, request: web.Request) -> web.Response:
        made = document(version=version(), has_token=self._site.token is not None)
        return answered(request, json.dumps(made).encode())

    async def _end(self, _app: web.Application) -> None:
        self._facts.close()
