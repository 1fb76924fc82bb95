"""One pair to its rows: what the free rungs say, who is asked what, and the judgement that their answers make."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean
from typing import Final, Literal, TypeVar

from analyzer.judge import wire
from analyzer.judge.asking import Asked, Asker, Before
from analyzer.judge.books import Known
from analyzer.judge.budget import Moment
from analyzer.judge.drawing import Canary, Drawing
from analyzer.judge.gate import Stopped
from analyzer.judge.inquiry import Material, VerdictInquiry, row_of
from analyzer.judge.journal import Journal
from analyzer.judge.ladder import Settled, settle
from analyzer.judge.models_seen import ModelsSeen
from analyzer.judge.question import Failure, Form, Kind
from analyzer.judge.rubric import Rubric
from config.judge import Judge, JudgeModel
from record.pair import CONTROL
from store.judging.pair import Pair
from store.judging.rows import CallRow, JudgementRow

T = TypeVar("T")

MAX_RATIONALE_CHARS: Final = 8_000
"""Of a judgement: what was said to all its questions."""
_OF_PAIR: Final = frozenset({"timeout", "http_error", "refusal", "unparsable", "truncated"})
"""Outcomes that count as failures of a question, as far as a row tells."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be done with a pair, found without asking anybody."""

    pair: Pair
    settled: Settled | None
    """By a free rung."""
    is_known: bool
    """A free rung, or every judge, has settled it before."""
    judges: tuple[str, ...]
    """Those who are to judge it, and have not."""
    probability: float
    """With which it was drawn."""
    calls: Sequence[CallRow]
    """All calls about it that have ended, oldest first."""
    drawn_again: Sequence[JudgementRow] = ()
    """Its judgements, made when fewer pairs were drawn, with the probability that holds now that more are: with the
    old one they would stand for pairs that are judged themselves."""

    @property
    def is_drawn(self) -> bool:
        """Does it wait for judges?"""
        return bool(self.judges)


class Judging:
    """By one configuration and one draw."""

    def __init__(
        self,
        judge: Judge,
        rubric: Rubric,
        askers: Mapping[str, Asker],
        *,
        journal: Journal,
        models_seen: ModelsSeen,
        now: Callable[[], Moment],
    ) -> None:
        """`askers`: by the judge's name."""
        self._judge = judge
        self._rubric = rubric
        self._askers = askers
        self._journal = journal
        self._models_seen = models_seen
        self._now = now
        self.drawing = Drawing(judge)
        """Replaced when the spread of the verdicts was looked at anew."""

    def look(self, pair: Pair, known: Known) -> Look:
        """What is to be done with a pair; pure."""
        key = (pair.request_id, pair.candidate)
        calls = [row for row in known.calls.get(key, ()) if row.judge]
        is_settled_before = (*key, "") in known.judged
        settled = None if is_settled_before else settle(pair)
        judges: tuple[str, ...] = ()
        verdicts = [row for row in calls if row.kind == "verdict"]
        is_left = settled is None and not is_settled_before and pair.candidate != CONTROL
        is_drawn_now = is_left and self.drawing.is_drawn(pair)
        is_drawn = is_left and (bool(verdicts) or is_drawn_now)
        # Who has been asked is asked to the end. Every draw takes those of each smaller one as well.
        drawn_with = [row.inclusion_probability for row in verdicts[:1]]
        drawn_with += [self.drawing.probability(pair)] if is_drawn_now or not verdicts else []
        probability = max(drawn_with)
        if is_drawn:
            judges = tuple(model.name for model in self._judge.models if (*key, model.name) not in known.judged)
        is_known = is_settled_before or (is_drawn and bool(self._judge.models) and not judges)
        drawn_again = self._drawn_again(known.judgements.get(key, ()), probability) if is_drawn_now else ()
        return Look(pair, settled, is_known, judges, probability, calls, drawn_again)

    def _drawn_again(self, rows: Iterable[JudgementRow], probability: float) -> tuple[JudgementRow, ...]:
        now = self._now().utc
        return tuple(
            replace(row, inclusion_probability=probability, judged_at=now)
            for row in rows
            if row.inclusion_probability < probability
        )

    async def judge(self, look: Look) -> Literal["judged", "failed"]:
        """Asks all judges of a drawn pair, and stores what they say.

        Raises:
            Stopped: not all questions came to an end.
        """
        await self.weigh_anew(look)
        canary = self.drawing.canary(look.pair)
        material = Material(look.pair, canary)
        models = [model for model in self._judge.models if model.name in look.judges]
        ends = await asyncio.gather(*[self._by(model, look, material) for model in models], return_exceptions=True)
        return "judged" if all(_results(ends)) else "failed"

    async def weigh_anew(self, look: Look) -> None:
        """Stores what is to be kept of earlier judgements under a new probability."""
        if look.drawn_again:
            await self._journal.add(*look.drawn_again)

    async def _by(self, model: JudgeModel, look: Look, material: Material) -> bool:
        """All questions to one judge; did it judge?"""
        questions = self._questions(look.pair, material.canary)
        if (failure := self._hopeless(model, look.pair)) is not None:
            rows = [self._row(model, look, kind, form) for kind, form in questions if kind == "verdict"]
            known = {row.question for row in look.calls if _is_end(row) and row.judge == model.name}
            asker = self._askers[model.name]
            await asyncio.gather(*[asker.fail(row, failure) for row in rows if row.question not in known])
            return False
        ends = await asyncio.gather(
            *[self._ask(model, look, material, kind, form) for kind, form in questions], return_exceptions=True
        )
        answers = [end for end, (kind, _) in zip(_results(ends), questions, strict=True) if kind == "verdict"]
        if any(answer.row.outcome != "ok" for answer in answers):
            return False
        await self._journal.add(self._judgement(model, look, answers))
        return True

    def _questions(self, pair: Pair, canary: Canary | None) -> list[tuple[Kind, Form]]:
        forms = self.drawing.forms(pair)
        questions: list[tuple[Kind, Form]] = [("verdict", form) for form in forms]
        if self.drawing.repeats(pair):
            questions.append(("repeat", forms[0]))
        if canary is not None:
            questions.append(("canary", canary.form))
        return questions

    def _hopeless(self, model: JudgeModel, pair: Pair) -> Failure | None:
        """Why this judge cannot judge this pair, whatever it says."""
        if self._models_seen.is_arm(model, pair):
            return Failure("judge_is_arm", "nobody may judge himself")
        return None if pair.is_whole else Failure("input_too_long", "the middle of an answer was not kept")

    async def _ask(self, model: JudgeModel, look: Look, material: Material, kind: Kind, form: Form) -> Asked:
        """One question, from where it stood when the last process died."""
        rows = [r for r in look.calls if (r.judge, r.kind, r.question) == (model.name, kind, form)]
        usd = _sum(row.cost_usd for row in rows)
        end = next((row for row in rows if row.outcome == "ok"), next(filter(_is_end, rows), None))
        if end is not None:
            return Asked(end, usd)
        made = [row for row in rows if row.outcome != "interrupted" or row.cost_usd is None]
        before = Before(len(made), sum(row.outcome in _OF_PAIR for row in made))
        inquiry = VerdictInquiry(self._row(model, look, kind, form), material, model, self._rubric, kind, form)
        asked = await self._askers[model.name].ask(inquiry, before)
        return Asked(asked.row, _sum([usd, asked.cost_usd]))

    def _row(self, model: JudgeModel, look: Look, kind: Kind, form: Form) -> CallRow:
        return row_of(
            look.pair,
            judge=model.name,
            rubric=self._rubric.id,
            kind=kind,
            form=form,
            probability=look.probability,
        )

    def _judgement(self, model: JudgeModel, look: Look, answers: Sequence[Asked]) -> JudgementRow:
        said = {answer.row.question: answer.row.verdict for answer in answers}
        pc, cp = said.get("pairwise_pc"), said.get("pairwise_cp")
        preferences = [value for value in (pc, cp) if value is not None]
        rationale = "\n\n".join(answer.row.rationale for answer in answers if answer.row.rationale)
        pair = look.pair
        return JudgementRow(
            pair.request_id,
            pair.ts,
            pair.candidate,
            pair.experiment,
            pair.block,
            pair.bucket,
            pair.labels,
            judge=model.name,
            rubric=self._rubric.id,
            rung="judge",
            mode=self._judge.mode,
            preference=fmean(preferences) if preferences else None,
            preference_pc=pc,
            preference_cp=cp,
            score_primary=said.get("pointwise_primary"),
            score_candidate=said.get("pointwise_candidate"),
            inclusion_probability=look.probability,
            temperature=wire.temperature(model),
            seed=model.seed,
            rationale=rationale[:MAX_RATIONALE_CHARS],
            cost_usd=_sum(answer.cost_usd for answer in answers),
            judged_at=self._now().utc,
            order_probability=self.drawing.order_probability,
            judge_model=next((answer.row.model for answer in answers if answer.row.model), ""),
        )

    def settled_row(self, pair: Pair, settled: Settled) -> JudgementRow:
        """What a free rung said."""
        return JudgementRow(
            pair.request_id,
            pair.ts,
            pair.candidate,
            pair.experiment,
            pair.block,
            pair.bucket,
            pair.labels,
            judge="",
            rubric="",
            rung=settled.rung,
            mode="",
            preference=settled.preference,
            preference_pc=None,
            preference_cp=None,
            score_primary=None,
            score_candidate=None,
            inclusion_probability=1.0,
            temperature=None,
            seed=None,
            rationale="",
            cost_usd=Decimal(0),
            judged_at=self._now().utc,
            order_probability=None,
            judge_model="",
        )


def _is_end(row: CallRow) -> bool:
    """Has its question ended?"""
    return row.outcome == "ok" or row.is_final


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    """None: one of them is not known."""
    total = Decimal(0)
    for usd in costs:
        if usd is None:
            return None
        total += usd
    return total


def _results(ends: Sequence[T | BaseException]) -> list[T]:
    """All results, or what kept one from being there; that it was stopped comes first, since it will be asked again."""
    errors = [end for end in ends if isinstance(end, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, Stopped)), errors[0])
    return [end for end in ends if not isinstance(end, BaseException)]
