"""Metrics, states, reports, configuration, experiments, decisions."""

from collections import Counter, defaultdict
from pathlib import Path

from analyzer.answering import config_digest
from analyzer.dashboard.api import facts_told as told
from analyzer.dashboard.api.asked import InWindow, OfReports, OfRows, ReportPlace
from analyzer.dashboard.api.border import Refusal
from analyzer.dashboard.api.shapes import plain_json
from analyzer.dashboard.api.told import Window as ToldWindow
from analyzer.dashboard.site import Site
from analyzer.integrity.states import states_with_rows
from analyzer.metrics import Metric
from analyzer.reports.shelf import Shelf
from record.states import CLASS_OF, State, StateClass
from runtime.offload import Offload
from store.decisions import newest_decisions
from store.reader import Reader


class Facts:
    """Answers to everything that is neither a comparison nor a pair."""

    def __init__(self, site: Site, metrics: tuple[Metric, ...]) -> None:
        self._site = site
        self._metrics = metrics
        self._shelf: Shelf | None = None
        self._disk = Offload("report files")

    def close(self) -> None:
        """Ends the thread that reads files."""
        self._disk.close()

    async def catalogue(self) -> told.Catalogue:
        """Every question of a report."""
        return told.Catalogue(metrics=[_metric(metric) for metric in self._metrics])

    async def states(self, asked: InWindow) -> told.States:
        """States of a window.

        Raises:
            Impossible: there is no such window.
            StoreError: no answer.
        """
        window = asked.window(self._site.clock())

        def read(reader: Reader) -> list[told.CandidateStates]:
            counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
            for (_, name, state), n in reader.counter_totals(window.since, window.until).items():
                counted[name][state] = n
            pairs = {name: n for (_, name), n in reader.pair_counts(window.since, window.until).items()}
            return [_states(name, counted.get(name, {}), pairs.get(name, 0)) for name in sorted({*counted, *pairs})]

        # Counting the pairs of a month takes a while: lists do not wait behind it.
        candidates = await self._site.studies.read(read)
        return told.States(window=ToldWindow.model_validate(window), candidates=candidates)

    async def reports(self, asked: OfReports) -> told.ReportList:
        """The shelf."""
        shelf = self._current_shelf()
        if shelf is None:
            return told.ReportList(is_on=False, reports=[])
        found = (await self._disk.call(shelf.reports))[: asked.limit]
        return told.ReportList(is_on=True, reports=[told.ReportLine.model_validate(report) for report in found])

    async def report(self, place: ReportPlace) -> bytes:
        """One report as it was written.

        Raises:
            Refusal: there is none.
        """
        shelf = self._current_shelf()
        text = None if shelf is None else await self._disk.call(lambda: shelf.text(place.name, "json"))
        if text is None:
            raise Refusal(404, "there is no such report, or none any more")
        return text.encode()

    async def configuration(self) -> told.Configuration:
        """In force; secrets are masked by their types."""
        config = self._site.config
        return told.Configuration(
            digest=config_digest(config), configuration=config.model_dump(mode="json", by_alias=True)
        )

    async def experiments(self, asked: OfRows) -> told.Experiments:
        """The newest.

        Raises:
            StoreError: no answer.
        """
        found = await self._site.reading.read(lambda reader: reader.experiments())
        mine = [one for one in found.values() if asked.candidate in {None, one.candidate}]
        return told.Experiments(
            experiments=[
                told.Experiment(
                    id=one.id,
                    candidate=one.candidate,
                    compared=plain_json(one.compared),
                    policy=plain_json(one.policy),
                    planned_pairs=one.planned_pairs,
                    created=one.created,
                )
                for one in mine[: -asked.limit - 1 : -1]
            ]
        )

    async def decisions(self, asked: OfRows) -> told.Decisions:
        """The newest.

        Raises:
            StoreError: no answer.
        """
        found = await self._site.reading.read(lambda reader: newest_decisions(reader, asked.candidate, asked.limit))
        return told.Decisions(decisions=[told.Decision.model_validate(one) for one in found])

    def _current_shelf(self) -> Shelf | None:
        settings = self._site.config.reports
        if settings is None:
            return None
        if self._shelf is None or self._shelf.directory != Path(settings.dir):
            self._shelf = Shelf(Path(settings.dir))
        return self._shelf


def _metric(metric: Metric) -> told.CatalogueMetric:
    return told.CatalogueMetric(
        metric=metric.name,
        estimand=metric.estimand,
        title=metric.measure.shown.title,
        unit=metric.measure.unit,
        better=metric.better,
        margin=told.Margin(value=metric.margin.value, relative=metric.margin.relative),
        origin=metric.measure.origin,
        method=metric.method,
    )


def _states(name: str, counted: dict[str, int], pairs: int) -> told.CandidateStates:
    states = states_with_rows(counted, pairs)
    classes = Counter({cls.value: 0 for cls in StateClass})
    known = {state.value for state in State}
    for state, n in states.items():
        if state in known:
            classes[CLASS_OF[State(state)].value] += n
    return told.CandidateStates(candidate=name, states=states, classes=dict(classes))
