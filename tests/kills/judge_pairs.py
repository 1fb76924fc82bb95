"""Pairs to be judged while the judge dies, and a judge model that knows every question by the names in its texts."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from tests.fakes.judge import Call, Reply
from tests.fakes.judged_pairs import Asked, request_id

CANDIDATES = ("llama", "qwen")
CONTROL = "control"
_AGE = timedelta(hours=1)
_EVERY = timedelta(seconds=1)
_EQUAL_SHARE = 0.1
_LONGEST_S = 0.3
_SAID = re.compile(r"\b(primary|llama|qwen) answers (q-\d+):")


class Fate(Enum):
    """What becomes of a question, however often it is asked."""

    VERDICT = "verdict"
    GARBAGE_FIRST = "garbage first"
    """No verdict at the first time, one at the second."""
    BROKEN_FIRST = "broken first"
    """The first connection breaks in the middle of the answer."""
    REFUSAL = "refusal"
    """It ends there: no verdict, no judgement of the pair."""


_FATES = (Fate.VERDICT,) * 140 + (Fate.GARBAGE_FIRST,) * 4 + (Fate.REFUSAL,) * 4 + (Fate.BROKEN_FIRST,)
_LIMITED_EVERY = 307
"""Calls, of which one is told to come later."""


@dataclass(frozen=True, slots=True)
class Question:
    """As the judge model sees it: whose answer stands first."""

    name: str
    candidate: str
    is_primary_first: bool

    @property
    def form(self) -> str:
        """As the store calls it."""
        return "pairwise_pc" if self.is_primary_first else "pairwise_cp"


def fate(question: Question, seed: int) -> Fate:
    """Drawn from its name."""
    return Random(f"{seed} fate {question}").choice(_FATES)


def preference(name: str, candidate: str) -> float:
    """What the judge model thinks, in whatever order it is asked."""
    return Random(f"preference {name} {candidate}").choice((-1.0, 0.0, 1.0))


def is_equal(name: str, candidate: str) -> bool:
    """Both answers are the same, so that nobody need be asked."""
    return Random(f"equal {name} {candidate}").random() < _EQUAL_SHARE


def requests(count: int, seed: int) -> dict[str, Asked]:
    """Name -> a request with two candidates and a control, an hour old."""
    chance = Random(f"{seed} requests")
    begin = datetime.now(UTC) - _AGE
    made = {}
    for number in range(count):
        name, ts = f"q-{number}", begin + number * _EVERY
        primary = _text("primary", name)
        answers = {c: primary if is_equal(name, c) else _text(c, name) for c in CANDIDATES}
        made[name] = Asked(
            request_id(ts, chance), ts, f"I am {name}", primary, {**answers, CONTROL: primary + " again"}
        )
    return made


def _text(arm: str, name: str) -> str:
    return f"{arm} answers {name}:" + " word" * Random(f"length {arm} {name}").choice((3, 30, 300))


def expected(names: Sequence[str]) -> set[Question]:
    """Every question that has to be asked, of pairs that a free rung does not settle."""
    return {
        Question(name, candidate, is_first)
        for name in names
        for candidate in CANDIDATES
        if not is_equal(name, candidate)
        for is_first in (True, False)
    }


@dataclass(slots=True)
class Answering:
    """Decides what the judge model answers, and counts."""

    seed: int
    given: Counter[Question] = field(default_factory=Counter)
    """Answers that end a question (a verdict, a refusal), as they were charged; two of one question: paid twice."""
    asked: Counter[Question] = field(default_factory=Counter)
    """Calls that came in."""
    strange: list[str] = field(default_factory=list)
    """Calls that nobody should have made."""
    rate_limited: int = 0
    _tried: Counter[Question] = field(default_factory=Counter)
    """Calls that were let through."""

    def __call__(self, call: Call) -> Reply:
        question = self.question(call)
        if question is None:
            self.strange.append(call.user[:200])
            return Reply("what is this?", status=400)
        self.asked[question] += 1
        after_s = random.Random(f"{self.seed} {call.number}").uniform(0.02, _LONGEST_S)
        # As a provider at its limit: whoever comes has to wait, and nothing is charged.
        if call.number % _LIMITED_EVERY == 0:
            self.rate_limited += 1
            return Reply("slow down", status=429, headers={"retry-after": "1"}, after_s=0.01)
        self._tried[question] += 1
        is_first = self._tried[question] == 1
        match fate(question, self.seed):
            case Fate.REFUSAL:
                self.given[question] += 1
                return Reply("I cannot judge this.", finish="refusal", after_s=after_s)
            case Fate.GARBAGE_FIRST if is_first:
                return Reply("Well, it depends.", after_s=after_s)
            case Fate.BROKEN_FIRST if is_first:
                return Reply.winner("A", is_cut=True, after_s=after_s)
            case _:
                self.given[question] += 1
                return Reply.winner(_winner(question), f"about {question.name}", after_s=after_s)

    def question(self, call: Call) -> Question | None:
        """By the names in its texts; None: not one of ours."""
        said = _SAID.findall(call.user)
        arms, names = [arm for arm, _ in said], {name for _, name in said}
        if len(arms) != 2 or len(names) != 1 or "primary" not in arms or arms[0] == arms[1]:
            return None
        (candidate,) = (arm for arm in arms if arm != "primary")
        return Question(names.pop(), candidate, arms[0] == "primary")


def _winner(question: Question) -> str:
    liked = preference(question.name, question.candidate)
    if liked == 0:
        return "tie"
    return "A" if (liked < 0) == question.is_primary_first else "B"
