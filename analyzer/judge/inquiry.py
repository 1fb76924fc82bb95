"""What is asked about one pair, as calls are made of it: a question to a judge, or the embeddings of both answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final
from uuid import UUID

from analyzer.judge import wire
from analyzer.judge.asking import Heard
from analyzer.judge.client import Reply
from analyzer.judge.conversation import Conversation, conversation, shown
from analyzer.judge.drawing import Canary
from analyzer.judge.prompt import prompt
from analyzer.judge.question import Failure, Form, Kind, Question, Shown, recorded
from analyzer.judge.rubric import Rubric
from analyzer.judge.verdict import verdict_of, with_logprobs
from analyzer.judge.wire import Reading, Rejection, Sent, Vectors
from analyzer.text_metrics.declared import Scores, Vector
from analyzer.text_metrics.embedding_similarity import EMBEDDING_SIMILARITY
from config.judge import Embeddings, JudgeModel
from store.judging.pair import Pair
from store.judging.rows import CallRow

NamedScores = list[tuple[str, Scores]]
PAIRWISE: Final = frozenset({"pairwise_pc", "pairwise_cp", "canary_first", "canary_second"})
"""Forms that show two answers: their verdict has a word of which probabilities can be known."""
_UNASKED: Final = datetime(1970, 1, 1, tzinfo=UTC)


def row_of(pair: Pair, *, judge: str, rubric: str, kind: str, form: str, probability: float) -> CallRow:
    """A row `asked` of a question, on which those of its calls are modelled."""
    return CallRow(
        pair.request_id,
        pair.ts,
        pair.candidate,
        pair.experiment,
        pair.labels,
        call=UUID(int=0),
        stage="asked",
        judge=judge,
        rubric=rubric,
        kind=kind,
        question=form,
        attempt=1,
        outcome="",
        is_final=False,
        verdict=None,
        inclusion_probability=probability,
        model="",
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        committed_usd=Decimal(0),
        asked_at=_UNASKED,
        latency_ms=None,
        rationale="",
    )


class Material:
    """A pair as judges see it; read when it is first needed, once for all its questions."""

    def __init__(self, pair: Pair, canary: Canary | None = None) -> None:
        self.pair = pair
        self.canary = canary

    @cached_property
    def _said(self) -> Conversation:
        return conversation(self.pair.request, self.pair.endpoint)

    @cached_property
    def _answers(self) -> tuple[Shown, Shown]:
        return shown(self.pair.primary), shown(self.pair.answer)

    def question(self, kind: Kind, form: Form) -> Question:
        """What is asked in one form; a canary shows its text in place of the candidate's answer."""
        primary, other = self._answers
        if kind == "canary" and self.canary is not None:
            other = Shown(self.canary.text)
        answers = {
            "pairwise_pc": (primary, other),
            "pairwise_cp": (other, primary),
            "pointwise_primary": (primary,),
            "pointwise_candidate": (other,),
            "canary_first": (other, primary),
            "canary_second": (primary, other),
        }
        return Question(kind, form, self._said.tools, self._said.turns, answers[form])


@dataclass(frozen=True, slots=True)
class VerdictInquiry:
    """One question to one judge about one pair."""

    row: CallRow
    material: Material
    model: JudgeModel
    rubric: Rubric
    kind: Kind
    form: Form

    def sent(self) -> Sent | Failure:
        """See `Inquiry`."""
        asked = prompt(self.material.question(self.kind, self.form), self.rubric)
        if asked.bytes > self.model.max_input:
            return Failure("input_too_long", f"its prompt has {asked.bytes} bytes, more than max_input")
        return wire.request(self.model, asked)

    def heard(self, reply: Reply, now: datetime) -> Heard | Rejection:
        """See `Inquiry`."""
        read = wire.reading(self.model.api, reply.status, reply.headers, reply.body, now)
        return read if isinstance(read, Rejection) else self._heard(read)

    def _heard(self, read: Reading) -> Heard:
        if read.failure is not None:
            return Heard(read.model, read.usage, failure=read.failure)
        verdict = verdict_of(self.form, read.text)
        if isinstance(verdict, Failure):
            return Heard(read.model, read.usage, failure=verdict)
        weighed = None
        if self.model.logprobs and read.logprobs is not None and self.form in PAIRWISE:
            weighed = with_logprobs(read.logprobs, read.text)
        value = verdict.value if weighed is None else weighed
        return Heard(read.model, read.usage, recorded(self.form, value), verdict.rationale)


class EmbeddingInquiry:
    """The embeddings of both answers of one pair."""

    def __init__(
        self, row: CallRow, settings: Embeddings, texts: tuple[str, str], score: Callable[[Vector, Vector], NamedScores]
    ) -> None:
        """`score`: of the primary's and the candidate's embedding, all metrics that need them."""
        self.row = row
        self._settings = settings
        self._texts = texts
        self._score = score
        self.scores: NamedScores = []
        """What came of it."""

    def sent(self) -> Sent | Failure:
        """See `Inquiry`."""
        return wire.embeddings_request(self._settings, self._texts)

    def heard(self, reply: Reply, now: datetime) -> Heard | Rejection:
        """See `Inquiry`. The row keeps the similarity, so that it need not be asked for again after a death."""
        read = wire.embeddings_reading(reply.status, reply.headers, reply.body, len(self._texts), now)
        if not isinstance(read, Vectors):
            return read
        self.scores = self._score(*read.vectors)
        kept = next((scores.candidate for name, scores in self.scores if name == EMBEDDING_SIMILARITY.name), None)
        return Heard(read.model, read.usage, kept)
