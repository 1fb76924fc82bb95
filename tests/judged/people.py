"""LLMBar and PandaLM: pairs of answers, what judges said of them in either order, and what people said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from tests.fakes.judge import Reply
from tests.fakes.judged_pairs import Asked, request_id
from tests.judged.answering import Recorded, key_of, reply_of
from tests.judged.asked import with_order
from tests.judged.recordings import data, rows

CANDIDATE = "output-b"
"""The first output of an item is the primary's, the second the candidate's."""
_EVERY = timedelta(seconds=10)
LLMBAR_PROMPT = "Vanilla"
LLMBAR_JUDGES = ("GPT-4", "PaLM2")
LLMBAR_SUBSETS = ("llmbar_natural", "llmbar_neighbor", "llmbar_gptinst")
_SIGN = {"a": -1.0, "b": 1.0, "tie": 0.0}


@dataclass(frozen=True, slots=True)
class Item:
    """One pair of answers. Signs: below 0 the first output is better."""

    asked: Asked
    subset: str
    people: Mapping[str, float]
    """Who -> what they prefer."""
    judges: Mapping[str, tuple[float | None, float | None]]
    """Judge -> preference with the first output shown first, and with the second shown first; None: not asked, or no
    verdict."""


def llmbar(begin: datetime) -> dict[str, Item]:
    """Items with one human label each; judges were asked in both orders. What they left open is a tie."""
    votes: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows(data() / "human" / "llmbar_judge_votes.csv.gz"):
        if row["judge"] in LLMBAR_JUDGES and row["prompt"] == LLMBAR_PROMPT:
            first, second = (_SIGN.get(row[name], 0.0) for name in ("winner_ab", "winner_ba"))
            votes.setdefault(row["id"], {})[row["judge"]] = first, second
    chance = Random("llmbar")
    items: dict[str, Item] = {}
    for row in rows(data() / "human" / "llmbar_items.jsonl.gz"):
        if row["subset"] not in LLMBAR_SUBSETS:
            continue
        ts = begin + len(items) * _EVERY
        asked = _asked(request_id(ts, chance), ts, row["instruction"], row, {"subset": row["subset"]})
        items[row["id"]] = Item(asked, row["subset"], {"human": _SIGN[row["human"]]}, votes[row["id"]])
    return items


def pandalm(begin: datetime) -> dict[str, Item]:
    """Items with three people each; GPT-3.5 was asked with the first output shown first."""
    chance = Random("pandalm")
    items: dict[str, Item] = {}
    for row in rows(data() / "human" / "pandalm.jsonl.gz"):
        ts = begin + len(items) * _EVERY
        prompt = "\n\n".join(text for text in (row["instruction"], row["input"]) if text)
        # Some items are the same but for what was said of them.
        asked = _asked(with_order(ts, chance, primary_first=True), ts, prompt, row, {}, ("system", row["id"]))
        people = {name: _SIGN[row[name]] for name in ("annotator1", "annotator2", "annotator3")}
        items[row["id"]] = Item(asked, "pandalm", people, {"gpt35": (_SIGN.get(row["judge_gpt35"]), None)})
    return items


def _asked(
    identifier: UUID,
    ts: datetime,
    prompt: str,
    row: Mapping[str, str],
    labels: Mapping[str, str],
    *turns: tuple[str, str],
) -> Asked:
    # One output is a bare `true` in the file.
    primary, candidate = (str(row[name]) for name in ("output_a", "output_b"))
    return Asked(identifier, ts, prompt, primary, {CANDIDATE: candidate}, labels=labels, turns=turns)


def add_recorded(recorded: Recorded, items: Mapping[str, Item], *, both: bool) -> None:
    """Calls that are to come: in both orders, or with the first output first."""
    for item in items.values():
        asked = item.asked
        first, second = asked.primary, asked.answers[CANDIDATE]
        for judge, (ab, ba) in item.judges.items():
            recorded.add(key_of(judge, asked.conversation, first, second), _reply(ab, first_is_liked_below_0=True))
            if both:
                recorded.add(key_of(judge, asked.conversation, second, first), _reply(ba, first_is_liked_below_0=False))


def _reply(preference: float | None, *, first_is_liked_below_0: bool) -> Reply:
    return reply_of(preference, first_is_liked_below_0=first_is_liked_below_0)
