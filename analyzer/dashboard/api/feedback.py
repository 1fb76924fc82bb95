"""What users say of answers that they got: a row of `labels_human` for each pair of the request.

It stands under a rubric of its own (`feedback:SOURCE`): users saw the primary's answer alone, and who says something is
no random part of them. So it is shown and exported, and no estimate rests on it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from analyzer.dashboard.api.asked import Impossible
from analyzer.dashboard.api.bodies import AnyFeedback, PreferenceFeedback, ThumbsFeedback
from analyzer.dashboard.api.border import Refusal
from analyzer.dashboard.api.facts_told import FeedbackStored
from analyzer.dashboard.api.shapes import as_utc
from analyzer.dashboard.api.together import Together
from analyzer.dashboard.site import Site
from analyzer.labels_in.columns import FORWARD, HIGHEST_SCORE, LOWEST_SCORE
from analyzer.labels_in.rubrics import FEEDBACK
from record.pair import CONTROL
from store.judging.labels import Identity, pairs_of, write_labels
from store.judging.rows import LabelRow
from store.redaction import text_cleaner

AT_ONCE = 500
WAITING = 2_000
MAY_COME = timedelta(minutes=15)
"""A pair of a request that is younger may still be on its way."""
RETRY_S = 10
_Pairs = Mapping[str, Identity]


class FeedbackIn:
    """Takes feedback."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._together: Together[AnyFeedback, FeedbackStored] = Together(self._taken, most=AT_ONCE, waiting=WAITING)

    async def take(self, said: AnyFeedback) -> FeedbackStored:
        """On the store's disk when it returns.

        Raises:
            Impossible: it says what cannot be.
            Refusal: its request has no pair, or none yet.
            Crowded: too many wait.
            StoreError: no answer; it may be stored or not, and can be said again.
        """
        if not said.labeler.strip() or not said.labeler.isprintable():
            raise Impossible("labeler: write a name of characters that can be printed")
        if said.labeled_at is not None and not _EARLIEST <= said.labeled_at <= self._site.clock() + FORWARD:
            raise Impossible("labeled_at: it lies in the future, or before 1970")
        return await self._together.do(said)

    async def _taken(self, some: Sequence[AnyFeedback]) -> list[FeedbackStored | Exception]:
        now = as_utc(self._site.clock())
        wanted = {said.request_id for said in some}
        found = await self._site.reading.read(lambda reader: pairs_of(reader, wanted, is_thorough=False))
        pairs: dict[UUID, dict[str, Identity]] = {}
        for (request, candidate), pair in found.items():
            pairs.setdefault(request, {})[candidate] = pair
        results: list[FeedbackStored | Exception] = []
        rows: list[LabelRow] = []
        clean = text_cleaner(self._site.config.privacy)
        for said in some:
            try:
                mine = _meant(said, pairs.get(said.request_id, {}), now)
            except (Impossible, Refusal) as error:
                results.append(error)
                continue
            comment = clean(said.comment.strip())
            rows += [_row(said, pair, comment, now) for pair in mine]
            names = [pair.candidate for pair in mine]
            results.append(FeedbackStored(request_id=said.request_id, candidates=names, rubric=_rubric(said)))
        if rows:
            await self._site.writing.write(lambda writer: write_labels(writer, rows))
            self._site.figures.count(
                "shadowbench_dashboard_feedback_total", sum(isinstance(r, FeedbackStored) for r in results)
            )
        return results


_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


def _meant(said: AnyFeedback, pairs: _Pairs, now: datetime) -> list[Identity]:
    """The pairs that feedback is about."""
    if not pairs:
        raise _not_there(said.request_id, now)
    if said.candidate is not None:
        if said.candidate not in pairs:
            raise _not_there(said.request_id, now, said.candidate)
        return [pairs[said.candidate]]
    real = {name: pair for name, pair in pairs.items() if name != CONTROL} or pairs
    if isinstance(said, PreferenceFeedback) and len(real) > 1:
        raise Impossible(f"candidate: say whose answer was compared; there are {', '.join(sorted(real))}")
    return [real[name] for name in sorted(real)]


def _not_there(request: UUID, now: datetime, candidate: str | None = None) -> Refusal:
    of = "" if candidate is None else " with this candidate"
    begun = (request.int >> 80) / 1000 if request.version == 7 else 0.0
    if abs(now.timestamp() - begun) > MAY_COME.total_seconds():
        return Refusal(404, f"no pair of this request{of} is in the store")
    said = f"no pair of this request{of} is in the store yet; its slower answer may still be on its way"
    return Refusal(404, said, retry_after_s=RETRY_S)


def _rubric(said: AnyFeedback) -> str:
    return f"{FEEDBACK}{said.source}"


def _row(said: AnyFeedback, pair: Identity, comment: str, now: datetime) -> LabelRow:
    preference = said.preference if isinstance(said, PreferenceFeedback) else None
    score = None
    if isinstance(said, ThumbsFeedback):
        score = HIGHEST_SCORE if said.thumbs == "up" else LOWEST_SCORE
    elif not isinstance(said, PreferenceFeedback):
        score = said.score
    return LabelRow(
        request_id=pair.request_id,
        ts=pair.ts,
        candidate=pair.candidate,
        experiment=pair.experiment,
        block=pair.block,
        bucket=pair.bucket,
        labels=pair.labels,
        labeler=said.labeler.strip(),
        rubric=_rubric(said),
        preference=preference,
        score_primary=score,
        score_candidate=None,
        inclusion_probability=None,
        rationale=comment,
        labeled_at=said.labeled_at or now,
    )
