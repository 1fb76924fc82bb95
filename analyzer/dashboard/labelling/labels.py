"""From a person to the store and back: which pair comes next, and what was said of it."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from analyzer.dashboard.kept import Kept, View
from analyzer.dashboard.labelling.desk import Desk, Desks, Place
from analyzer.dashboard.labelling.order import Choice, is_candidate_first, preference_of
from analyzer.dashboard.site import Site
from store.judging.due import Listed, with_texts
from store.judging.labels import Identity, pairs_of, to_label, write_labels
from store.judging.pair import Pair
from store.judging.rows import LabelRow
from store.judging.standing import JudgedBy, Labelled, judged_by, labelled
from store.reader import Reader
from store.redaction import text_cleaner

PORTION = 20
"""Pairs that are listed at once."""
MAX_REASON_CHARS = 20_000
_FRESH_S = 5.0
_MAX_LISTINGS = 5
"""Of one search: texts may go faster than they are listed."""
_MAX_KNOWN = 2_000
"""Pairs whose place is remembered, so that a label need not look for it."""
_MAX_SENT = 1_000
"""Labels that are remembered as they were sent, to send the same again."""


class UnknownPair(Exception):  # noqa: N818 - says what happened
    """Nobody has recorded such a pair, or its rows are gone."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a person is shown next."""

    pair: Pair | None
    """None: everything is labelled or skipped."""
    counts: Labelled
    skipped: int


class Labels:
    """Labels of everybody who uses this dashboard."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._desks = Desks(lambda: site.figures.count("shadowbench_dashboard_desks_forgotten_total"))
        self._known: OrderedDict[tuple[UUID, str], Listed] = OrderedDict()
        self._sent: OrderedDict[str, LabelRow] = OrderedDict()
        self._searching = asyncio.Lock()
        """Invariant: one search at a time, so that no desk changes under another."""
        self._judged = Kept(self._read_judged, fresh_s=_FRESH_S, clock=site.clock)

    async def judged(self) -> View[list[JudgedBy]]:
        """What there is to label."""
        return await self._judged.view()

    async def next(self, place: Place) -> Offer:
        """The next pair; the same one until something is said of it.

        Raises:
            StoreError: no answer.
        """
        async with self._searching:
            desk = self._desks.at(place)
            since, until = self._window()
            pair, counts = await self._site.reading.read(lambda reader: _search(reader, desk, place, since, until))
        if pair is not None and (listed := desk.first()) is not None:
            self._remember(listed)
        return Offer(pair, counts, len(desk.aside))

    async def say(self, place: Place, request_id: UUID, choice: Choice, reason: str, submission: str) -> None:
        """Stores a label; the same one under the same submission is stored once, however often it is sent.

        Raises:
            UnknownPair: there is none.
            StoreError: it may be stored or not; say it again.
        """
        key = f"{place.labeler}\0{request_id}\0{choice}\0{submission}"
        row = self._sent.get(key)
        if row is None:
            first = is_candidate_first(place.labeler, request_id, place.candidate)
            preference = preference_of(choice, is_candidate_first=first)
            row = await self._row(place, request_id, preference, reason[:MAX_REASON_CHARS].strip())
            self._sent[key] = row
            if len(self._sent) > _MAX_SENT:
                self._sent.popitem(last=False)
        await self._store(row)
        self._desks.at(place).note_said(request_id)
        self._site.figures.count("shadowbench_dashboard_labels_saved_total")

    async def take_back(self, place: Place, request_id: UUID) -> None:
        """What was said of a pair counts no more, and it is shown again; a skipped one is shown again.

        Raises:
            UnknownPair: there is none.
            StoreError: no answer; ask again.
        """
        desk = self._desks.at(place)
        if request_id not in desk.aside:
            await self._store(await self._row(place, request_id, None, ""))
            self._site.figures.count("shadowbench_dashboard_labels_taken_back_total")
        listed = self._known.get((request_id, place.candidate))
        if listed is not None:
            desk.reopen(listed)
        else:
            desk.waiting.clear()  # listed anew; it comes in its turn
            desk.said.pop(request_id, None)

    def skip(self, place: Place, request_id: UUID) -> None:
        """It is not shown to this person any more, until the dashboard starts again or they ask for it."""
        self._desks.at(place).put_aside(request_id)

    def show_skipped(self, place: Place) -> None:
        """All that they skipped comes back."""
        self._desks.at(place).reopen_aside()

    async def _read_judged(self) -> list[JudgedBy]:
        since, until = self._window()
        return await self._site.reading.read(lambda reader: judged_by(reader, since, until))

    def _window(self) -> tuple[datetime, datetime]:
        """All requests whose texts may be there."""
        now = self._site.clock()
        return now - timedelta(seconds=self._site.config.privacy.retention), now + timedelta(minutes=1)

    def _remember(self, listed: Listed) -> None:
        self._known[listed.key] = listed
        self._known.move_to_end(listed.key)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

    async def _row(self, place: Place, request_id: UUID, preference: float | None, reason: str) -> LabelRow:
        found: Listed | Identity | None = self._known.get((request_id, place.candidate))
        if found is None:
            found = await self._site.reading.read(
                lambda reader: pairs_of(reader, [request_id]).get((request_id, place.candidate))
            )
        if found is None:
            raise UnknownPair
        return LabelRow(
            request_id=found.request_id,
            ts=found.ts,
            candidate=found.candidate,
            experiment=found.experiment,
            block=found.block,
            bucket=found.bucket,
            labels=found.labels,
            labeler=place.labeler,
            rubric=place.rubric,
            preference=preference,
            score_primary=None,
            score_candidate=None,
            # The order of labelling is random, but where a person stops is not known beforehand.
            inclusion_probability=None,
            rationale=text_cleaner(self._site.config.privacy)(reason),
            labeled_at=self._site.clock(),
        )

    async def _store(self, row: LabelRow) -> None:
        await self._site.writing.write(lambda writer: write_labels(writer, [row]))


def _search(reader: Reader, desk: Desk, place: Place, since: datetime, until: datetime) -> tuple[Pair | None, Labelled]:
    """The first pair of a desk whose texts are there; fills the desk where it is empty."""
    counts = labelled(reader, since, until, place.candidate, rubric=place.rubric, labeler=place.labeler)
    listings = 0
    while True:
        listed = desk.first()
        if listed is None:
            if listings == _MAX_LISTINGS:
                return None, counts
            desk.refill(_list(reader, desk, place, since, until))
            listings = listings + 1 if desk.waiting else _MAX_LISTINGS
        elif (pair := with_texts(reader, [listed]).get(listed.key)) is not None:
            return pair, counts
        else:
            desk.put_aside(listed.request_id)  # its texts went meanwhile


def _list(reader: Reader, desk: Desk, place: Place, since: datetime, until: datetime) -> Sequence[Listed]:
    limit = PORTION + desk.hidden()
    return to_label(
        reader,
        since,
        until,
        place.candidate,
        labeler=None if place.is_only_new else place.labeler,
        rubric=place.rubric,
        limit=limit,
    )
