"""Is the judge one of the arms, or of the family of one? Told by the names in answers; said once in the log."""

from collections.abc import Callable
from typing import Final, Literal

from config.judge import JudgeModel
from record.model_names import family, same_model
from store.judging.pair import Pair

MAX_REMEMBERED: Final = 4096
"""Names are those of answers: a stream of invented ones must not fill the memory."""
Kinship = Literal["none", "family", "same"]
Say = Callable[[str], None]


class ModelsSeen:
    """What was seen by one process."""

    def __init__(self, say: Say) -> None:
        """`say`: a warning for the operator, in one line."""
        self._say = say
        self._known: dict[tuple[str, str], Kinship] = {}
        self._said: set[tuple[str, str, str]] = set()

    def is_arm(self, judge: JudgeModel, pair: Pair) -> bool:
        """Did the judge's own model give one of the two answers?"""
        arms = (("the primary", pair.primary.model), (pair.candidate, pair.answer.model))
        return any([self._is_same(judge, arm, name) for arm, name in arms if name])  # noqa: C419 - each is to be heard of

    def _is_same(self, judge: JudgeModel, arm: str, name: str) -> bool:
        key = (judge.model, name)
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = kinship(*key)
        found = self._known[key]
        if found != "none":
            self._tell(judge, arm, name, found)
        return found == "same"

    def _tell(self, judge: JudgeModel, arm: str, name: str, found: Kinship) -> None:
        key = (judge.name, arm, found)
        if key in self._said or len(self._said) >= MAX_REMEMBERED:
            return
        self._said.add(key)
        if found == "same":
            self._say(f"{judge.name} runs {judge.model}, and {arm} answered with {name}: it does not judge these pairs")
        else:
            self._say(
                f"{judge.name} ({judge.model}) is of the family of {arm} ({name}): judges tend to prefer answers like "
                "their own; a second judge of another family, or human labels, would show by how much"
            )


def kinship(one: str, other: str) -> Kinship:
    """Of two models, as far as their names tell."""
    if same_model(one, other):
        return "same"
    return "family" if family(one) is not None and family(one) == family(other) else "none"
