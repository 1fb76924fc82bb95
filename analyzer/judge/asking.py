"""One question to one judge, again and again until it is answered or has failed for good.

Each call goes the same way: wait for a place (`gate`), for money (`purse`), until it is written down (`journal`); for
the turn to send; send; write down how it ended. A failure about the judge sends the judge away and ends no question:
it waits at the end of the line. A failure about the pair is tried again, `attempts` times.

Which of the two it is cannot always be told from one call, so the other calls are asked: a question that fails while
the judge answers others fails by itself, and one that fails while it answers nobody does not. So neither a judge that
hangs for an hour makes missing data of the pairs that were asked about, nor can one pair that breaks a server keep all
others waiting for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from analyzer.judge.away import Away, End, Ticket
from analyzer.judge.budget import Moment
from analyzer.judge.client import Client, Reply, secrets_of, without
from analyzer.judge.figures import Figures
from analyzer.judge.gate import Gate, Place, Stopped
from analyzer.judge.journal import Journal
from analyzer.judge.money import Prices
from analyzer.judge.purse import Purse
from analyzer.judge.question import Failure
from analyzer.judge.wire import Rejection, Sent
from config.judge import Embeddings, JudgeModel
from record.ids import as_uuid
from record.usage import NO_USAGE, Usage
from store.judging.rows import CallRow

SENT_WITHIN_S: Final = 20.0
"""A call that was written down and could not be sent within this time is taken back, and its bound with it."""
MAX_ATTEMPT: Final = 255
"""Largest number of a call that the store holds; those about the judge count on without end."""
PATIENCE: Final = 3
"""Times `attempts`: a question that times out so often has failed, even if nobody knows whose fault it is."""
MAX_RATIONALE_CHARS: Final = 4_000

NEVER_AGAIN: Final = frozenset({"refusal", "input_too_long", "judge_is_arm"})
"""The same question gets the same answer."""


class Unpriced(Exception):  # noqa: N818 - says what happened
    """A price is not known any more that was known at the start."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Clocks and dice."""

    now: Callable[[], Moment]
    new_id: Callable[[int], bytes]
    """A fresh id (UUID version 7) of Unix milliseconds."""
    draw: Callable[[], float]
    """Numbers from 0 to below 1."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer said; it was charged, whatever it says."""

    model: str
    usage: Usage
    verdict: float | None = None
    """As it is stored. None with a failure, or of embeddings that say nothing."""
    rationale: str = ""
    failure: Failure | None = None


class Inquiry(Protocol):
    """What is asked, and how its answer is read."""

    @property
    def row(self) -> CallRow:
        """A row `asked` of the question, on which those of its calls are modelled."""
        ...

    def sent(self) -> Sent | Failure:
        """The call as it goes out; made when it is its turn. Or why there can be none."""
        ...

    def heard(self, reply: Reply, now: datetime) -> Heard | Rejection:
        """What a reply says."""
        ...


@dataclass(frozen=True, slots=True)
class Before:
    """What became of a question in processes before this one."""

    calls: int = 0
    failed: int = 0
    """How often it failed by itself."""


NEW: Final = Before()


@dataclass(frozen=True, slots=True)
class Asked:
    """How a question ended."""

    row: CallRow
    """Of its last call; it is final."""
    cost_usd: Decimal | None
    """Of all its calls in this process; None: of one it is not known."""


@dataclass(slots=True)
class _State:
    """Of one question."""

    calls: int
    failed: int
    timeouts: int = 0
    failed_before: int | None = None
    """Number of the call by which it failed last in a way that is about the judge."""
    cost_usd: Decimal | None = Decimal(0)

    def paid(self, usd: Decimal | None) -> None:
        """Unknown once is unknown for good."""
        self.cost_usd = None if usd is None or self.cost_usd is None else self.cost_usd + usd


class Asker:
    """One judge, or the embeddings; serves one event loop."""

    def __init__(
        self,
        settings: JudgeModel | Embeddings,
        name: str,
        *,
        client: Client,
        purse: Purse,
        journal: Journal,
        figures: Figures,
        surroundings: Surroundings,
    ) -> None:
        """`name`: of the judge; empty for embeddings."""
        self.name = name
        self.shown = name or "embeddings"
        """As it is called in figures and lines."""
        self.away = Away(settings.max_in_flight, surroundings.draw)
        self._prices = Prices(settings)
        self._secrets = secrets_of(settings)
        self._attempts = settings.attempts
        self._gate = Gate(self.away, lambda: surroundings.now().steady_s)
        self._client = client
        self._purse = purse
        self._journal = journal
        self._figures = figures
        self._around = surroundings
        self.under_way: dict[UUID, CallRow] = {}
        """Calls that were written down, and whose end is not."""

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._gate.waiting

    async def ask(self, inquiry: Inquiry, before: Before = NEW) -> Asked:
        """Asks until there is an end.

        Raises:
            Stopped: it did not come to one; what was sent has ended and is written down.
            RowRefused: the store does not take a row of it.
        """
        state = _State(before.calls, before.failed)
        while True:
            row = await self._call(inquiry, state)
            if row is not None:
                return Asked(row, state.cost_usd)

    async def fail(self, row: CallRow, failure: Failure) -> CallRow:
        """Writes down that a question has failed for good without a call."""
        now = self._around.now()
        free = _Ended(failure.reason, is_final=True, cost_usd=Decimal(0))
        ended = _ended(replace(row, call=self._id(now), asked_at=_in_ms(now.utc), committed_usd=Decimal(0)), free)
        self._figures.ended(self.shown, failure.reason)
        await self._journal.add(ended)
        return ended

    async def _call(self, inquiry: Inquiry, state: _State) -> CallRow | None:
        """One call; its row where it is the last one of the question."""
        async with self._gate.place() as place:
            sent = inquiry.sent()
            if isinstance(sent, Failure):
                return await self.fail(inquiry.row, sent)
            bound = self._bound(sent)
            if not self._purse.budget.can_ever(bound):
                too_dear = Failure("input_too_long", f"it may cost ${bound:.4f}, more than the budget of a day")
                return await self.fail(inquiry.row, too_dear)
            if self._gate.is_closed:
                raise Stopped
            asked_at = await self._purse.reserve(bound)
            row = self._asked(inquiry.row, asked_at, bound, state)
            self.under_way[row.call] = row
            try:
                ticket = await self._turn(row, place)
                return None if ticket is None else await self._send(inquiry, sent, row, ticket, state)
            finally:
                self.under_way.pop(row.call, None)

    async def _turn(self, row: CallRow, place: Place) -> Ticket | None:
        """Writes a call down and waits until it may be sent; None: it was taken back."""
        ticket, is_stopped = None, False
        if await self._journal.ask(row):
            try:
                ticket = await place.send(SENT_WITHIN_S)
            except Stopped:
                is_stopped = True
        if ticket is not None and self._may_send(row):
            return ticket
        if ticket is not None:
            self._gate.ended(ticket, End.UNKNOWN)
        await self._journal.add(_ended(row, _Ended("interrupted", is_final=False, cost_usd=Decimal(0))))
        if is_stopped:
            raise Stopped
        return None

    def _may_send(self, row: CallRow) -> bool:
        """Do we still judge, and is it still the day whose budget has room for it?"""
        return self._purse.may_start() and row.asked_at.date() == self._around.now().utc.date()

    async def _send(self, inquiry: Inquiry, sent: Sent, row: CallRow, ticket: Ticket, state: _State) -> CallRow | None:
        begun = self._around.now()
        state.calls += 1
        self._figures.retries[self.shown] += state.calls > 1
        try:
            reply = await self._client.send(sent)
        except BaseException:
            self._gate.ended(ticket, End.UNKNOWN)
            raise
        now = self._around.now()
        heard = inquiry.heard(reply, now.utc) if isinstance(reply, Reply) else reply
        ended = self._judged(heard, row, ticket, state)
        latency_s = now.steady_s - begun.steady_s
        self._figures.ended(self.shown, ended.outcome)
        if isinstance(heard, Heard):
            self._figures.took(self.shown, latency_s)
        state.paid(ended.cost_usd)
        self._figures.paid(ended.cost_usd)
        ended_row = replace(_ended(row, ended), latency_ms=round(latency_s * 1000, 3))
        await self._journal.add(ended_row)
        return ended_row if ended.is_final else None

    def _judged(self, heard: Heard | Rejection, row: CallRow, ticket: Ticket, state: _State) -> "_Ended":
        """Whose failure it is, if it is one; the judge's gate hears of it at once."""
        if isinstance(heard, Heard):
            self._gate.ended(ticket, End.ANSWERED)
            cost = self._prices.cost(heard.usage, heard.model, row.asked_at)
            if heard.failure is None:
                return _Ended("ok", is_final=True, cost_usd=cost, heard=heard)
            return _Ended(heard.failure.reason, self._is_last(heard.failure, state), cost_usd=cost, heard=heard)
        is_of_pair, end = self._blamed(heard, ticket, state)
        failure = heard.failure
        reason = without(f"{failure.reason}: {failure.detail}", self._secrets)
        self._gate.ended(ticket, end, reason=reason, retry_after_s=heard.retry_after_s)
        is_last = self._is_last(failure, state) if is_of_pair else False
        return _Ended(failure.reason, is_last, cost_usd=Decimal(0) if heard.is_free else None)

    def _blamed(self, rejection: Rejection, ticket: Ticket, state: _State) -> tuple[bool, End]:
        """Does it count as a failure of the question, and what does it say of the judge?"""
        if rejection.failure.reason in NEVER_AGAIN:
            return True, End.ANSWERED
        if rejection.is_about_judge:
            # At first nobody knows better; when it has answered others since, and fails here again, it is the question.
            before, state.failed_before = state.failed_before, ticket.number
            is_of_pair = before is not None and self.away.last_answered > before
            return is_of_pair and not rejection.is_overload, End.AWAY
        if rejection.failure.reason == "timeout":
            state.timeouts += 1
            answers_others = self.away.last_answered > ticket.number
            is_last_straw = state.timeouts >= PATIENCE * self._attempts
            return answers_others or is_last_straw, End.UNKNOWN if answers_others else End.AWAY
        # Refused as it stands. Where nothing was ever answered it is not the question that is wrong.
        is_proven = self.away.answers > 0
        return is_proven, End.ANSWERED if is_proven else End.AWAY

    def _is_last(self, failure: Failure, state: _State) -> bool:
        state.failed += 1
        return failure.reason in NEVER_AGAIN or state.failed >= self._attempts

    def _asked(self, row: CallRow, asked_at: datetime, bound: Decimal, state: _State) -> CallRow:
        call = self._id(self._around.now())
        attempt = min(state.calls + 1, MAX_ATTEMPT)
        return replace(row, call=call, attempt=attempt, committed_usd=bound, asked_at=asked_at)

    def _bound(self, sent: Sent) -> Decimal:
        bound = self._prices.bound(len(sent.body), self._around.now().utc)
        if bound is None:
            raise Unpriced(f"no price of {self.shown} is known any more")
        return bound

    def _id(self, now: Moment) -> UUID:
        return as_uuid(self._around.new_id(int(now.utc.timestamp() * 1000)))

    def stop(self) -> None:
        """No further calls; those that were sent end as they do."""
        self._gate.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class _Ended:
    """How one call ended."""

    outcome: str
    is_final: bool
    cost_usd: Decimal | None
    """None: nobody knows."""
    heard: Heard | None = None


def _ended(asked: CallRow, ended: _Ended) -> CallRow:
    """The row of a call's end. An unknown cost leaves the bound standing in the day's spend."""
    heard = ended.heard or _NOTHING
    committed = Decimal(0) if ended.cost_usd is None else ended.cost_usd - asked.committed_usd
    return replace(
        asked,
        stage="ended",
        outcome=ended.outcome,
        is_final=ended.is_final,
        verdict=heard.verdict,
        model=heard.model,
        input_tokens=heard.usage.input_tokens,
        output_tokens=heard.usage.output_tokens,
        cost_usd=ended.cost_usd,
        committed_usd=committed,
        rationale=heard.rationale[:MAX_RATIONALE_CHARS],
    )


_NOTHING: Final = Heard("", NO_USAGE)


def interrupted(asked: CallRow) -> CallRow:
    """The end of a call whose process died: nobody knows what became of it, so the most that it can cost stays."""
    return _ended(asked, _Ended("interrupted", is_final=False, cost_usd=None))


def _in_ms(moment: datetime) -> datetime:
    """As the store keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
