"""The judge model's own list against the store: nothing lost, nothing doubled, little paid twice, no budget broken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.fakes.judge import JudgeUpstream
from tests.fakes.judged_pairs import Asked
from tests.kills.judge_account import JudgeAccount, Row
from tests.kills.judge_pairs import (
    CANDIDATES,
    CONTROL,
    Answering,
    Fate,
    Question,
    expected,
    fate,
    is_equal,
    preference,
)

_SHOWN = 20


@dataclass(slots=True)
class JudgeFindings:
    """What was compared, and what was wrong."""

    judged: int = 0
    """Pairs with a judgement by the judge."""
    settled: int = 0
    """Pairs that a free rung settled."""
    refused: int = 0
    """Pairs without a judgement because the judge model refused: missing, and said to be."""
    questions: int = 0
    calls: int = 0
    """That came in at the judge model."""
    paid_twice: int = 0
    """Answers that end a question, beyond one for each."""
    interrupted: int = 0
    """Calls of a process that died, by the store: nobody knows what they cost."""
    taken_back: int = 0
    """Calls that were noted and not made, since there was no more money, or an end: they cost nothing."""
    never_sent: int = 0
    """Calls that were noted and never came in."""
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def shown(self) -> list[str]:
        """The first faults, and how many there are."""
        more = len(self.faults) - _SHOWN
        return self.faults[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class JudgeLists:
    """What the test itself knows."""

    requests: Mapping[str, Asked]
    answering: Answering
    upstream: JudgeUpstream
    in_flight: Sequence[int]
    """At each kill: calls under way at the judge model, and those it had answered within the second before."""
    most_in_flight: int
    """As configured."""
    is_view_whole: bool
    """Judge and store were never killed at once. When they are, nobody sends the batch again that was on its way, and
    `judge_spend` may lack what the table has of it: ends, so that too much is held against the budget, and calls that
    were not made, since nobody had heard that they are written down."""

    def names(self) -> dict[UUID, str]:
        return {asked.request_id: name for name, asked in self.requests.items()}


def judge(lists: JudgeLists, account: JudgeAccount) -> JudgeFindings:
    """All checks."""
    found = JudgeFindings(calls=len(lists.upstream.calls))
    for text in lists.answering.strange:
        found.fault(f"nobody should have asked: {text!r}")
    for text in lists.upstream.refused:
        found.fault(f"a real API would refuse: {text}")
    by_question = _by_question(lists, account)
    _judge_questions(found, lists, by_question)
    _judge_pairs(found, lists, account)
    _judge_calls(found, lists, account)
    _judge_doubles(found, lists, by_question)
    _judge_money(found, lists, account)
    return found


def _by_question(lists: JudgeLists, account: JudgeAccount) -> dict[Question, list[Row]]:
    names = lists.names()
    by_question: dict[Question, list[Row]] = {}
    for row in account.calls:
        question = Question(names[row["request_id"]], row["candidate"], row["question"] == "pairwise_pc")
        by_question.setdefault(question, []).append(row)
    return by_question


def _judge_questions(found: JudgeFindings, lists: JudgeLists, rows: Mapping[Question, list[Row]]) -> None:
    """Each is answered once, or ended for good once."""
    wanted = expected(list(lists.requests))
    found.questions = len(wanted)
    for question in rows.keys() - wanted:
        found.fault(f"{question}: was asked, and should not have been")
    for question in wanted:
        ended = [row for row in rows.get(question, ()) if row["stage"] == "ended"]
        good = [row for row in ended if row["outcome"] == "ok"]
        final = [row for row in ended if row["is_final"] and row["outcome"] != "ok"]
        is_refusal = fate(question, lists.answering.seed) is Fate.REFUSAL
        if (len(good), len(final)) != ((0, 1) if is_refusal else (1, 0)):
            found.fault(f"{question}: {len(good)} verdicts and {len(final)} final failures; {_told(ended)}")
        if final and final[0]["outcome"] != "refusal":
            found.fault(f"{question}: ended as {final[0]['outcome']}")


def _told(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row['attempt']} {row['outcome']}{' final' if row['is_final'] else ''}" for row in rows)


def _judge_pairs(found: JudgeFindings, lists: JudgeLists, account: JudgeAccount) -> None:
    """One row for each pair that can have one, with what the judge model thinks, and what its calls cost."""
    names = lists.names()
    of_pair: dict[tuple[str, str], list[Row]] = {}
    for row in account.judgements:
        of_pair.setdefault((names[row["request_id"]], row["candidate"]), []).append(row)
    costs = _costs(names, account)
    for name in lists.requests:
        for candidate in (*CANDIDATES, CONTROL):
            place, rows = f"{name} {candidate}", of_pair.get((name, candidate), [])
            can_be = _can_be_judged(lists, name, candidate)
            if len(rows) != can_be:
                found.fault(f"{place}: {len(rows)} judgements instead of {can_be}")
            if not can_be and candidate != CONTROL:
                found.refused += 1
            for row in rows:
                _judge_row(found, place, row, name, candidate, costs)


def _can_be_judged(lists: JudgeLists, name: str, candidate: str) -> int:
    if candidate == CONTROL:
        return 0
    if is_equal(name, candidate):
        return 1
    asked = (Question(name, candidate, is_first) for is_first in (True, False))
    return int(all(fate(question, lists.answering.seed) is not Fate.REFUSAL for question in asked))


def _judge_row(
    found: JudgeFindings, place: str, row: Row, name: str, candidate: str, costs: Mapping[tuple[str, str], Any]
) -> None:
    if is_equal(name, candidate):
        found.settled += 1
        if (row["rung"], row["preference"], row["cost_usd"], row["judge"]) != ("equal", 0.0, 0, ""):
            found.fault(f"{place}: equal answers: {row}")
        return
    found.judged += 1
    thought = preference(name, candidate)
    if (row["preference"], row["preference_pc"], row["preference_cp"]) != (thought, thought, thought):
        found.fault(f"{place}: thought {thought}, stored {row}")
    if row["rung"] != "judge" or row["inclusion_probability"] != 1.0:
        found.fault(f"{place}: {row}")
    if row["cost_usd"] != costs[name, candidate]:
        found.fault(f"{place}: cost {row['cost_usd']}, its calls {costs[name, candidate]}")


def _costs(names: Mapping[UUID, str], account: JudgeAccount) -> dict[tuple[str, str], Decimal | None]:
    """Of all calls of a pair; None when one of them is unknown."""
    costs: dict[tuple[str, str], Decimal | None] = {}
    for row in account.calls:
        if row["stage"] == "ended":
            place = names[row["request_id"]], row["candidate"]
            before = costs.get(place, Decimal(0))
            costs[place] = None if before is None or row["cost_usd"] is None else before + row["cost_usd"]
    return costs


def _judge_calls(found: JudgeFindings, lists: JudgeLists, account: JudgeAccount) -> None:
    """Every call was noted before it was sent, and has ended once."""
    asked, ended = account.stage("asked"), account.stage("ended")
    for call, rows in asked.items():
        if len(rows) != 1 or len(ended.get(call, ())) != 1:
            found.fault(f"call {call}: asked {len(rows)} times, ended {_told(ended.get(call, ()))}")
    for call in ended.keys() - asked.keys():
        found.fault(f"call {call}: ended and never asked")
    if lists.is_view_whole and account.spend != account.spend_of_rows:
        found.fault(f"judge_spend {account.spend} is not {account.spend_of_rows}")


def _judge_doubles(found: JudgeFindings, lists: JudgeLists, rows: Mapping[Question, list[Row]]) -> None:
    """What was paid twice was in flight at a kill."""
    known, given = lists.answering.asked, lists.answering.given
    for question, count in known.items():
        noted = sum(row["stage"] == "asked" for row in rows.get(question, ()))
        if noted < count:
            found.fault(f"{question}: {count} calls came in, {noted} were noted before")
        found.never_sent += max(0, noted - count)
    interrupted: Counter[Question] = Counter()
    for question, of in rows.items():
        ends = [row["cost_usd"] for row in of if row["outcome"] == "interrupted"]
        interrupted[question] = ends.count(None)
        found.taken_back += len(ends) - ends.count(None)
    found.interrupted = interrupted.total()
    for question, count in given.items():
        again = count - 1
        found.paid_twice += again
        if again > interrupted[question]:
            found.fault(f"{question}: answered {count} times, interrupted {interrupted[question]} times")
    if found.paid_twice > sum(lists.in_flight):
        found.fault(f"{found.paid_twice} answers paid twice, {sum(lists.in_flight)} were in flight at the kills")
    # As many as may be under way, and as many that are noted and wait for their place.
    if found.interrupted > (most := len(lists.in_flight) * 2 * lists.most_in_flight):
        found.fault(f"{found.interrupted} calls interrupted, at most {most} can have been")
    if found.never_sent > found.interrupted + found.taken_back:
        found.fault(
            f"{found.never_sent} calls were noted and never came in; {found.interrupted} were interrupted, "
            f"{found.taken_back} taken back"
        )


def _judge_money(found: JudgeFindings, lists: JudgeLists, account: JudgeAccount) -> None:
    """The store never knows of less than the bill, and every known cost is on it."""
    bill, known = lists.upstream.usd, Decimal(account.spend["cost_usd"])
    if bill > account.committed_usd:
        found.fault(f"the bill is {bill}, the store commits {account.committed_usd}")
    if known > bill:
        found.fault(f"the store knows of {known}, the bill is {bill}")
    for number in lists.upstream.over_budget:
        found.fault(f"call {number} broke the budget")
