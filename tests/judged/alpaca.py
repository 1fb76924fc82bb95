"""AlpacaEval's annotators over HTTP: each shows up as a judge that answers what it answered then."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from config.model import Config
from tests.fakes.judge import JudgeUpstream, Reply
from tests.fakes.judge_role import configuration
from tests.fakes.judged_pairs import Asked
from tests.judged.answering import Recorded, key_of, reply_of
from tests.judged.asked import SEED, named
from tests.judged.recordings import Annotation, annotations, first_shown, is_same

LEAST_CHANCE = 1e-22
"""In place of none at all, which has no logarithm."""


def model_of(judge: str) -> str:
    """What the judge is asked for as; its own name would be that of the reference, which is one of the arms."""
    return f"annotator-{judge}"


def settings(judge: str, upstream: JudgeUpstream) -> dict[str, Any]:
    """`judge.models[]` of one annotator."""
    return {
        "name": judge,
        "url": upstream.url,
        "model": model_of(judge),
        "price": upstream.price.configured(),
        "max_in_flight": 64,
        # What it did not answer then it will not answer now.
        "attempts": 1,
        "logprobs": judge == "weighted",
    }


def configured(directory: Path, judge: str, upstream: JudgeUpstream, begin: datetime, now: datetime) -> Config:
    """All pairs since `begin`, asked once in a drawn order."""
    max_age_s = (now - begin).total_seconds() + 600
    return configuration(
        directory, [settings(judge, upstream)], orders="random", seed=SEED, max_age=f"{max_age_s:.0f}s"
    )


def add_recorded(recorded: Recorded, judge: str, models: Sequence[str], requests: Mapping[str, Asked]) -> None:
    """Every call that is to come, in the recorded order and in no other."""
    for model in models:
        for item, said in annotations(judge)[model].items():
            asked = requests[item]
            if (answer := asked.answers.get(named(judge, model))) is None:
                continue
            is_first = first_shown()[item]
            shown = (asked.primary, answer) if is_first else (answer, asked.primary)
            recorded.add(
                key_of(model_of(judge), asked.conversation, *shown), _reply(judge, said, reference_first=is_first)
            )


def _reply(judge: str, said: Annotation, *, reference_first: bool) -> Reply:
    if judge != "weighted" or said.won is None:
        return reply_of(said.preference, first_is_liked_below_0=reference_first)
    if said.log_first is not None and said.log_second is not None:
        return Reply.weighed(said.log_first, said.log_second)
    first = 1 - said.won if reference_first else said.won
    return Reply.weighed(math.log(max(first, LEAST_CHANCE)), math.log(max(1 - first, LEAST_CHANCE)))


def win_rate(judge: str, model: str, requests: Mapping[str, Asked]) -> float:
    """Directly from the recording, in per cent: failures left out, equal answers tied, as the free rung has it."""
    won = []
    for item, said in annotations(judge)[model].items():
        asked = requests[item]
        answer = asked.answers.get(named(judge, model))
        if answer is not None and is_same(asked.primary, answer):
            won.append(0.5)
        elif answer is not None and said.won is not None:
            won.append(said.won)
    return 100 * math.fsum(won) / len(won)
