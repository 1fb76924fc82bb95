"""What can be labelled, and what of it a person asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.judge.rubric import Rubric, RubricError, load
from config.judge import SHIPPED_RUBRICS
from config.model import Config
from record.pair import CONTROL
from store.judging.standing import JudgedBy


@dataclass(frozen=True, slots=True)
class Choices:
    """Candidates and rubrics to choose from, and what is chosen."""

    candidates: tuple[tuple[str, int], ...]
    """(name, pairs that a judge has judged), as the configuration has them, then those that it has no more."""
    rubrics: tuple[tuple[str, str], ...]
    """(id, title) of those by which the chosen candidate was judged, the latest first."""
    candidate: str | None
    rubric: str | None
    """None: nothing of this candidate was judged."""
    all_pairs: int
    """Pairs that can be labelled."""


def choices(
    config: Config, judged: Sequence[JudgedBy], titles: Mapping[str, str], candidate: str | None, rubric: str | None
) -> Choices:
    """What to show.

    Args:
        config: as of now.
        judged: what the store has, the most recently judged first.
        titles: rubric's id -> its title.
        candidate: as asked for; None, or an unknown one: the one with the newest verdicts.
        rubric: as asked for; the same.
    """
    names = [c.name for c in config.candidates]
    names += sorted({j.candidate for j in judged} - {*names, CONTROL})
    pairs = {name: max((j.pairs for j in judged if j.candidate == name), default=0) for name in names}
    if candidate not in names:
        candidate = next((j.candidate for j in judged if j.candidate in names), names[0] if names else None)
    own = [j for j in judged if j.candidate == candidate]
    if rubric not in {j.rubric for j in own}:
        rubric = own[0].rubric if own else None
    return Choices(
        candidates=tuple(pairs.items()),
        rubrics=tuple((j.rubric, titles.get(j.rubric, j.rubric)) for j in own),
        candidate=candidate,
        rubric=rubric,
        all_pairs=next((j.pairs for j in own if j.rubric == rubric), 0),
    )


def known_rubrics(config: Config) -> dict[str, Rubric]:
    """Rubric's id -> what it says, of those that are at hand; another one is shown by its id alone."""
    found = {}
    for name in dict.fromkeys((*(() if config.judge is None else (config.judge.rubric,)), *SHIPPED_RUBRICS)):
        try:
            rubric = load(name)
        except RubricError:  # changed or gone since it judged
            continue
        found[rubric.id] = rubric
    return found


def why_nothing(config: Config, choice: Choices) -> str:
    """In a sentence or two, why nothing can be labelled, and what to do."""
    if choice.candidate is None:
        return "No candidate is configured, so there is nothing to compare the primary with. Name one in `candidates`."
    if config.privacy.bodies == "none":
        return (
            "Texts are not kept (privacy.bodies is none), so there is nothing to show. Set it to redacted or full: "
            "pairs that are recorded from then on can be labelled."
        )
    if config.judge is None or not config.judge.models:
        return (
            "No judge is configured. Labels are there to check a judge's verdicts, so pairs are labelled once a judge "
            "has judged them: name one in judge.models."
        )
    return (
        f"None of the pairs of {choice.candidate} whose texts are kept has been judged yet. Labels are there to check "
        "a judge's verdicts: as soon as the first ones are in, their pairs can be labelled here."
    )
