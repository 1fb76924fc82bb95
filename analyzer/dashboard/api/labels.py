"""Batches of labels, by the rules of `shadowbench labels import`."""

from analyzer.dashboard.api.asked import Impossible
from analyzer.dashboard.api.bodies import Labels, as_rows
from analyzer.dashboard.api.border import MAX_DETAILS, Refusal
from analyzer.dashboard.api.facts_told import LabelsStored
from analyzer.dashboard.site import Site
from analyzer.judge.rubric import RubricError
from analyzer.labels_in.columns import RowCheck
from analyzer.labels_in.importing import plan_import
from analyzer.labels_in.reading import FileOfLabels, labels_of_rows, rows_of_objects
from analyzer.labels_in.rubrics import Rubrics, configured_rubrics
from config.model import Config
from store.judging.labels import write_labels
from store.redaction import text_cleaner


class LabelsIn:
    """Takes batches."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rubrics_of: Config | None = None
        self._rubrics = Rubrics("", {})

    async def take(self, said: Labels) -> LabelsStored:
        """On the store's disk when it returns.

        Raises:
            Refusal: labels are bad.
            Impossible: the batch's rubric or labeler is none.
            StoreError: no answer; some may be stored, and the same batch can be said again.
        """
        config, now = self._site.config, self._site.clock()
        labeler = None if said.labeler is None else said.labeler.strip()
        if labeler is not None and not (labeler and labeler.isprintable()):
            raise Impossible("labeler: write a name of characters that can be printed")
        check = RowCheck(labeler, self._known_rubrics(), now)
        found = labels_of_rows(rows_of_objects(as_rows(said), check), check)
        clean = text_cleaner(config.privacy)
        planned = await self._site.reading.read(lambda reader: plan_import(reader, found, clean, now))
        if found.bad and not said.skip_bad:
            raise _refusal(found)
        if planned.rows:
            await self._site.writing.write(lambda writer: write_labels(writer, planned.rows))
            self._site.figures.count("shadowbench_dashboard_labels_saved_total", len(planned.rows))
        return LabelsStored(
            rows=found.survey.rows,
            labels=len(planned.rows) - planned.replaced,
            replaced=planned.replaced,
            already_there=planned.already_there,
            older=planned.older,
            unfilled=found.unfilled,
            bad=found.bad,
            details=found.survey.told()[0],
        )

    def _known_rubrics(self) -> Rubrics:
        """Those of the configuration as of now; a file that cannot be used any more is nobody's fault here."""
        config = self._site.config
        if self._rubrics_of is not config:
            try:
                self._rubrics = configured_rubrics(config)
            except RubricError as error:
                raise Impossible(f"the rubric of the configuration cannot be used: {error}") from None
            self._rubrics_of = config
        return self._rubrics


def _refusal(found: FileOfLabels) -> Refusal:
    details = found.survey.told()[0][:MAX_DETAILS]
    bad = "1 label is bad" if found.bad == 1 else f"{found.bad:,} labels are bad"
    return Refusal(422, f"nothing was stored: {bad}; mend them, or say skip_bad", details)
