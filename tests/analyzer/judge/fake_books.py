"""A store in memory, for tests of judging: it keeps what the real one would, and fails when the test says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from analyzer.judge.books import Key, Known
from store.errors import StoreError, StoreRefused
from store.judging.calls import Spend
from store.judging.due import Due, Listed, Position, Spread
from store.judging.pair import Pair
from store.judging.progress import Leader
from store.judging.rows import CallRow, JudgementRow, Row, ScoreRow
from store.judging.standing import Waiting
from store.watermark import Watermark


def listed_of(pair: Pair) -> Listed:
    return Listed(
        pair.request_id,
        pair.ts,
        pair.candidate,
        pair.experiment,
        pair.block,
        pair.bucket,
        pair.labels,
        pair.endpoint,
        pair.is_whole,
        None,
        pair.primary.model,
        pair.answer.model,
        pair.primary.valid_json,
        pair.answer.valid_json,
    )


def _place(listed: Listed) -> tuple[datetime, UUID, str]:
    return listed.ts, listed.request_id, listed.candidate


@dataclass
class FakeBooks:
    """`Books`, told what it holds and how it fails."""

    pairs: list[Pair] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    tokens: dict[tuple[type[Row], str], list[Row]] = field(default_factory=dict)
    """Rows by kind and token: a token that comes again stores nothing."""
    errors: list[StoreError] = field(default_factory=list)
    """Each is raised by one of the next calls that write or ask for the spend."""
    read_errors: list[StoreError] = field(default_factory=list)
    """The same for calls that ask for pairs."""
    refused: set[UUID] = field(default_factory=set)
    """Requests whose rows are not taken."""
    without_texts: set[UUID] = field(default_factory=set)
    others_usd: Decimal = Decimal(0)
    """What other processes have spent and reserved today."""
    others_last_minute: int = 0
    day: date | None = None
    """The store's; None: as it is."""
    mark: datetime | None = None
    progress: dict[str, datetime] = field(default_factory=dict)
    current: Leader | None = None
    beats: list[str] = field(default_factory=list)
    writes: int = 0
    spent_readings: int = 0
    texts_held: list[int] = field(default_factory=list)

    def of(self, kind: type[Row]) -> list[Row]:
        return [row for row in self.rows if type(row) is kind]

    @property
    def calls(self) -> list[CallRow]:
        return [row for row in self.rows if isinstance(row, CallRow)]

    @property
    def judgements(self) -> list[JudgementRow]:
        return [row for row in self.rows if isinstance(row, JudgementRow)]

    @property
    def scores(self) -> list[ScoreRow]:
        return [row for row in self.rows if isinstance(row, ScoreRow)]

    def ended(self, outcome: str | None = None) -> list[CallRow]:
        return [row for row in self.calls if row.stage == "ended" and outcome in {None, row.outcome}]

    async def listed(
        self, since: datetime, until: datetime, after: Position | None, limit: int, candidates: Sequence[str] | None
    ) -> list[Listed]:
        _raise_next(self.read_errors)
        found = sorted((listed_of(pair) for pair in self.pairs if since <= pair.ts < until), key=_place)
        if after is not None:
            found = [one for one in found if _place(one) > (after.ts, after.request_id, after.candidate)]
        return [one for one in found if candidates is None or one.candidate in candidates][:limit]

    async def known(self, pairs: Sequence[Listed], rubric: str) -> Known:
        _raise_next(self.read_errors)
        keys = {pair.key for pair in pairs}
        calls: dict[Key, list[CallRow]] = {}
        for row in self.ended():
            if (key := (row.request_id, row.candidate)) in keys and row.rubric in {"", rubric}:
                calls.setdefault(key, []).append(row)
        judged = frozenset(
            (row.request_id, row.candidate, row.judge) for row in self.judgements if row.rubric in {"", rubric}
        )
        drawn: dict[Key, list[JudgementRow]] = {}
        for made in self.judgements:
            if made.judge and made.rubric == rubric and made.inclusion_probability < 1:
                drawn.setdefault((made.request_id, made.candidate), []).append(made)
        return Known(judged, calls, drawn)

    async def scored(self, pairs: Sequence[Listed]) -> set[tuple[UUID, str, str]]:
        return {(row.request_id, row.candidate, row.metric) for row in self.scores}

    async def texts(self, pairs: Sequence[Listed]) -> dict[Key, Pair]:
        _raise_next(self.read_errors)
        asked = {pair.key for pair in pairs}
        self.texts_held.append(len(asked))
        return {
            (pair.request_id, pair.candidate): pair
            for pair in self.pairs
            if (pair.request_id, pair.candidate) in asked and pair.request_id not in self.without_texts
        }

    async def watermark(self, now: datetime) -> Watermark:
        return Watermark(self.mark, 1, ())

    async def waiting(self, since: datetime, until: datetime) -> Waiting:
        found = [pair.ts for pair in self.pairs if since <= pair.ts < until]
        return Waiting(len(found), min(found, default=None))

    async def spreads(self, since: datetime) -> dict[int, Spread]:
        return {}

    async def due(self, since: datetime, until: datetime, candidates: Sequence[str], rubric: str) -> dict[str, Due]:
        return {}

    async def candidates(self, since: datetime, until: datetime) -> list[str]:
        return sorted({pair.candidate for pair in self.pairs if since <= pair.ts < until} - {"control"})

    async def output_tokens(self, since: datetime) -> dict[str, float]:
        return {}

    async def open_calls(self, before: datetime) -> list[CallRow]:
        ended = {row.call for row in self.ended()}
        return [r for r in self.calls if r.stage == "asked" and r.call not in ended and r.asked_at < before]

    async def taken_until(self, plan: str) -> datetime | None:
        return self.progress.get(plan)

    async def advance(self, plan: str, until: datetime, now: datetime) -> None:
        _raise_next(self.errors)
        self.progress[plan] = until

    async def beat(self, judge: str) -> Leader | None:
        _raise_next(self.errors)
        self.beats.append(judge)
        return self.current or Leader(judge, 0.0, 1.0, is_us=True)

    async def resign(self, judge: str) -> None:
        self.beats.append(f"{judge} resigned")

    async def write(self, some: Sequence[Row], token: str) -> None:
        _raise_next(self.errors)
        if any(row.request_id in self.refused for row in some):
            raise StoreRefused("a value does not fit its column")
        self.writes += 1
        kind = type(some[0])
        assert all(type(row) is kind for row in some)
        before = self.tokens.setdefault((kind, token), list(some))
        assert before == list(some), "one token for different rows"
        if all(row is not kept for row in some for kept in self.rows):
            self.rows += some

    async def spent(self) -> Spend:
        _raise_next(self.errors)
        self.spent_readings += 1
        calls = self.calls
        own = sum((row.committed_usd for row in calls), Decimal(0))
        known = sum((row.cost_usd or Decimal(0) for row in calls), Decimal(0))
        ended = self.ended()
        asked = len(calls) - len(ended)
        unpriced = sum(row.cost_usd is None for row in ended)
        day = self.day or datetime.now(UTC).date()
        return Spend(day, own + self.others_usd, known, asked, len(ended), unpriced, asked + self.others_last_minute)

    async def close(self) -> None:
        return


def _raise_next(errors: list[StoreError]) -> None:
    if errors:
        raise errors.pop(0)
