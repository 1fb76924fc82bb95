"""Metrics of texts that need embeddings: asked for like verdicts, with the same journal and out of the same budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from analyzer.judge.asking import Asker, Before
from analyzer.judge.books import Known
from analyzer.judge.budget import Moment
from analyzer.judge.drawing import uniform
from analyzer.judge.inquiry import EmbeddingInquiry, NamedScores, row_of
from analyzer.judge.journal import Journal
from analyzer.text_metrics.declared import Scores, TextMetric
from analyzer.text_metrics.embedding_similarity import EMBEDDING_SIMILARITY
from analyzer.text_metrics.scoring import OnError, score_vectors, to_embed
from config.judge import Embeddings, Judge
from store.judging.pair import Pair
from store.judging.rows import CallRow, ScoreRow

_SAME = [(EMBEDDING_SIMILARITY.name, Scores(None, 1.0))]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pair whose embeddings are to be got, or need not be got."""

    pair: Pair
    texts: tuple[str, str]
    is_free: bool
    """Both answers are the same text."""
    calls: Sequence[CallRow]
    """All that were made for it, oldest first."""


class Embedding:
    """By one configuration."""

    def __init__(
        self,
        judge: Judge,
        settings: Embeddings,
        metrics: Sequence[TextMetric],
        asker: Asker,
        *,
        journal: Journal,
        now: Callable[[], Moment],
        on_error: OnError,
    ) -> None:
        """`metrics`: those that need vectors; `on_error`: hears of metrics that fail."""
        self._judge = judge
        self._settings = settings
        self._metrics = metrics
        self._asker = asker
        self._journal = journal
        self._now = now
        self._on_error = on_error
        self._is_plain = [metric.name for metric in metrics] == [EMBEDDING_SIMILARITY.name]

    def look(self, pair: Pair, known: Known, scored: set[tuple[UUID, str, str]]) -> Wanted | None:
        """Is a pair to be scored? The control's are, too: what they are is what noise looks like. Pure.

        As embeddings cost money, they are drawn like pairs for judges: by the same share, and the same requests.
        """
        key = (pair.request_id, pair.candidate)
        texts = to_embed(pair, self._metrics)
        if texts is None or all((*key, metric.name) in scored for metric in self._metrics):
            return None
        calls = [row for row in known.calls.get(key, ()) if not row.judge]
        is_free = self._is_plain and texts[0] == texts[1]
        if is_free or calls or uniform(pair.request_id, self._judge.seed, "draw") < self._judge.sample:
            return Wanted(pair, texts, is_free, calls)
        return None

    async def score(self, wanted: Wanted) -> Literal["embedded", "failed"]:
        """Asks for embeddings, and stores what they say.

        Raises:
            Stopped: there is no answer yet.
        """
        scores = _SAME if wanted.is_free else await self._asked(wanted)
        if scores is None:
            return "failed"
        probability = 1.0 if wanted.is_free else self._judge.sample
        if wanted.calls:
            probability = wanted.calls[0].inclusion_probability
        now = self._now().utc
        await self._journal.add(*[score_row(wanted.pair, name, found, probability, now) for name, found in scores])
        return "embedded"

    async def _asked(self, wanted: Wanted) -> NamedScores | None:
        end = next((row for row in wanted.calls if row.outcome == "ok" or row.is_final), None)
        if end is not None and end.outcome != "ok":
            return None
        if end is not None and self._is_plain:
            return [] if end.verdict is None else [(EMBEDDING_SIMILARITY.name, Scores(None, end.verdict))]
        row = row_of(wanted.pair, judge="", rubric="", kind="embedding", form="", probability=self._judge.sample)
        inquiry = EmbeddingInquiry(
            row,
            self._settings,
            wanted.texts,
            lambda ours, theirs: score_vectors(self._metrics, ours, theirs, self._on_error),
        )
        asked = await self._asker.ask(inquiry, Before(len(wanted.calls)))
        return inquiry.scores if asked.row.outcome == "ok" else None


def score_row(pair: Pair, metric: str, scores: Scores, probability: float, now: datetime) -> ScoreRow:
    """One metric of one pair."""
    return ScoreRow(
        pair.request_id,
        pair.ts,
        pair.candidate,
        pair.experiment,
        pair.block,
        pair.bucket,
        pair.labels,
        metric,
        scores.primary,
        scores.candidate,
        probability,
        now,
    )
