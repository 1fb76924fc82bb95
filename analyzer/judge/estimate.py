"""What judging a window would take: pairs, questions and dollars, from real pairs and their real prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import fsum
from typing import Final

from analyzer.judge.books import Books
from analyzer.judge.drawing import Drawing
from analyzer.judge.inquiry import Material
from analyzer.judge.ladder import settle
from analyzer.judge.money import Prices
from analyzer.judge.plan import Plan
from analyzer.judge.prompt import prompt
from analyzer.judge.question import Form
from config.judge import JudgeModel
from record.usage import Usage
from store.judging.pair import Pair

PLACES: Final = 16
PAIRS_PER_PLACE: Final = 12
"""Pairs that are looked at: so many at each of so many places over the window; all, where there are no more."""
TEXTS_AT_ONCE: Final = 32
HALVINGS: Final = 16
"""Of a window in search of its last pairs."""
BYTES_PER_TOKEN: Final = (5.0, 4.0, 2.5)
"""Of prompts: at most, as a rule, at least (other alphabets, code)."""
_MICRO: Final = Decimal("0.000001")
TYPICAL_OUTPUT: Final = 120.0
"""Tokens of a verdict by a judge of which none is known yet."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one window. Dollars are for what is left to do, before any failure."""

    rubric: str
    """With its version."""
    pairs: int
    """Pairs of which both arms answered in text."""
    with_texts: int
    """Of these, those whose texts are stored."""
    judged: int
    """Of these, those that a judge has judged by the rubric."""
    settled: int
    """Pairs that a free rung has settled before."""
    to_judge: int
    """Pairs that will be asked about."""
    questions: int
    usd_low: Decimal
    usd_mean: Decimal
    usd_high: Decimal
    looked_at: int
    """Pairs that this rests on."""
    is_exact: bool
    """All counts are; else they are scaled up from a sample."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Of one pair, times the probability that it is asked about."""

    drawn: float
    questions: float
    usd: tuple[float, float, float]


_NOTHING: Final = _Cost(0.0, 0.0, (0.0, 0.0, 0.0))


async def estimate(
    plan: Plan, books: Books, since: datetime, until: datetime, candidates: Sequence[str], *, now: datetime
) -> Estimate:
    """Looks at some pairs of a window as if they were to be judged.

    Args:
        plan: what is judged and how.
        books: the store.
        since: first start of a request.
        until: first start that is left out.
        candidates: names.
        now: UTC.

    Raises:
        StoreError: no answer.
    """
    due = await books.due(since, until, candidates, plan.rubric.id)
    outputs = await books.output_tokens(since)
    looked_at = await _some_pairs(plan, books, since, until, candidates)
    costs = [_cost(plan, pair, outputs, now) for pair, _ in looked_at]
    left = _left(plan, looked_at)
    with_texts = sum(one.with_texts for one in due.values())

    def scaled(values: Sequence[float]) -> float:
        return fsum(values) / len(values) * with_texts * left if values else 0.0

    def dollars(k: int) -> Decimal:
        return Decimal(scaled([cost.usd[k] for cost in costs])).quantize(_MICRO)

    return Estimate(
        plan.rubric.id,
        sum(one.pairs for one in due.values()),
        with_texts,
        sum(one.judged for one in due.values()),
        sum(one.settled for one in due.values()),
        round(scaled([cost.drawn for cost in costs])),
        round(scaled([cost.questions for cost in costs])),
        dollars(0),
        dollars(1),
        dollars(2),
        looked_at=len(costs),
        is_exact=len(costs) >= with_texts and not any(one.is_estimate for one in due.values()),
    )


async def _some_pairs(
    plan: Plan, books: Books, since: datetime, until: datetime, candidates: Sequence[str]
) -> list[tuple[Pair, bool]]:
    """Pairs from all over the window, and whether there is nothing left to do with each."""
    most = PLACES * PAIRS_PER_PLACE
    first = await books.listed(since, until, None, most, candidates)
    some = {listed.key: listed for listed in first}
    if len(first) == most:
        # Many: the first ones may be of one hour only.
        begin = first[0].ts
        end = await _end(books, begin, until, candidates)
        for place in range(1, PLACES):
            there = begin + (end - begin) * place / PLACES
            some |= {one.key: one for one in await books.listed(there, until, None, PAIRS_PER_PLACE, candidates)}
        kept = [*first[:PAIRS_PER_PLACE], *list(some.values())[most:]]
        some = {one.key: one for one in (kept if len(kept) > most // 2 else some.values())}
    found = []
    names = [model.name for model in plan.judge.models]
    for begun in range(0, len(some), TEXTS_AT_ONCE):
        part = list(some.values())[begun : begun + TEXTS_AT_ONCE]
        known = await books.known(part, plan.rubric.id)
        for key, pair in (await books.texts(part)).items():
            is_judged = all((*key, name) in known.judged for name in names)
            found.append((pair, (*key, "") in known.judged or is_judged))
    return found


async def _end(books: Books, begin: datetime, until: datetime, candidates: Sequence[str]) -> datetime:
    """An end of the window behind whose middle there are pairs: the last ones may be long ago."""
    end = until
    for _ in range(HALVINGS):
        middle = begin + (end - begin) / 2
        if await books.listed(middle, until, None, 1, candidates):
            break
        end = middle
    return end


def _left(plan: Plan, looked_at: Sequence[tuple[Pair, bool]]) -> float:
    """The share that waits of those pairs that are drawn: which ones are drawn is the same each time.

    Where judging has been, nothing waits, though most pairs were not judged.
    """
    drawing = Drawing(plan.judge)
    drawn = [is_known for pair, is_known in looked_at if drawing.is_drawn(pair) and settle(pair) is None]
    return 1 - sum(drawn) / len(drawn) if drawn else 1.0


def _cost(plan: Plan, pair: Pair, outputs: Mapping[str, float], now: datetime) -> _Cost:
    if settle(pair) is not None:
        return _NOTHING
    drawing = Drawing(plan.judge)
    probability = drawing.probability(pair)
    material = Material(pair)
    forms = drawing.forms(pair)
    per_form = {form: prompt(material.question("verdict", form), plan.rubric).bytes for form in forms}
    # A repeat is the first question once more, a canary about as long as one.
    extra = plan.judge.repeats + plan.judge.canaries
    usd = [0.0, 0.0, 0.0]
    for model in plan.judge.models:
        prices = Prices(model)
        for form, times in _times(forms, extra):
            for k, one in enumerate(_dollars(model, prices, per_form[form], outputs.get(model.name), now)):
                usd[k] += one * times * probability
    questions = probability * len(plan.judge.models) * (len(forms) + extra)
    return _Cost(probability, questions, (usd[0], usd[1], usd[2]))


def _times(forms: Sequence[Form], extra: float) -> list[tuple[Form, float]]:
    return [(form, 1.0 + (extra if place == 0 else 0.0)) for place, form in enumerate(forms)]


def _dollars(
    model: JudgeModel, prices: Prices, prompt_bytes: int, typical: float | None, now: datetime
) -> tuple[float, float, float]:
    """Of one question: cheap, as a rule, dear."""
    output = TYPICAL_OUTPUT if typical is None else typical
    outputs = (output / 2, output, max(output, model.max_tokens / 2))
    found = []
    for per_token, tokens in zip(BYTES_PER_TOKEN, outputs, strict=True):
        usage = Usage(round(prompt_bytes / per_token), min(model.max_tokens, round(tokens)))
        found.append(float(prices.cost(usage, "", now) or 0))
    return found[0], found[1], found[2]
