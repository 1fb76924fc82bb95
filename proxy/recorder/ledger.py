"""Reads what budgets and rates of the whole fleet need, every two seconds, and leaves it beside the capture log.

The order of one reading is what makes it safe to lease from. First what the checkpoints say is in the store, then what
the boards have counted, then the store itself: a copy that moves on meanwhile is counted twice, never not at all.
"""

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.experiment import experiments
from config.model import Config
from proxy.recorder.checkpoint import Checkpoint, CheckpointError, checkpoint_path, load_checkpoint
from proxy.recorder.lines import Lines
from proxy.recorder.priced import Priced, priced_now, terms_of
from proxy.recorder.spend_file import (
    VERSION,
    CandidateSpend,
    SpendFileError,
    SpendReading,
    read_spend,
    write_spend,
)
from proxy.shadow.capture.board import ADMITTED, SUFFIX, BoardError, BoardReading, is_alive, read_board
from runtime.offload import Offload
from store.errors import StoreError
from store.locate import StoreConnection, may_answer
from store.migrate import migrate
from store.spending import BEAT_S, Asked, Fleet, Spending, Spent

EVERY_S = 2.0
SOON_S = 0.5
"""Between readings until the first that can be leased from: a start should not cost more copies than it must."""
START_S = 10.0
"""So long the embedded store may take to come up, before it is called away."""
BOARD_LAG_S = 3.0
"""A board that only its copy on disk tells about, or that was made just now, may be missing what is newer than this."""
JOIN_AFTER_S = 6.0
"""A machine has no part before all others must have seen it: they lease from nothing that is older."""


@dataclass(frozen=True, slots=True)
class _Limited:
    """A candidate that has a budget or a rate."""

    experiment: str
    terms: str
    has_price: bool


class Ledger:
    """Keeps `spend.json` while some candidate has a budget or a rate."""

    def __init__(
        self,
        config: Config,
        lines: Lines,
        spending: Spending | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`spending`: asked instead of the configured store."""
        self._lines = lines
        self._now_ns = now_ns
        self._offload: Offload | None = None
        self._store = config.store
        self._connection = StoreConnection(config.store, access="writer")
        self._spending = spending or Spending(self._connection)
        self._is_prepared = spending is not None
        self._began_ns = now_ns()
        self._machine: str | None = None
        self._priced: dict[str, Priced] | None = None
        self._has_part = False
        """Could a reading be leased from?"""
        self._next_beat_ns = 0
        self._trouble: str | None = None
        self.failures = 0
        """Readings that could not be made."""
        self._directory = Path(config.capture.dir)
        self._limited: dict[str, _Limited] = {}
        self.configure(config)

    def configure(self, config: Config) -> None:
        """From now on this configuration; its store and directory are those of the start."""
        compared = experiments(config)
        self._limited = {
            c.name: _Limited(compared[c.name].id, terms_of(c, compared[c.name]), c.price is not None)
            for c in config.candidates
            if c.budget.usd_per_day is not None or c.budget.requests_per_minute is not None
        }

    async def keep(self) -> None:
        """Reads until it is cancelled; run it as a task."""
        try:
            while True:
                if self._limited:
                    await self._read_once()
                await asyncio.sleep(SOON_S if self._is_starting() and not self._has_part else EVERY_S)
        finally:
            if self._offload is not None:
                self._offload.close()

    def _is_starting(self) -> bool:
        return self._now_ns() - self._began_ns < START_S * 1e9

    def _read_when_up(self) -> None:
        """The embedded store starts together with us: that it is not there yet is no trouble."""
        if not self._is_starting() or may_answer(self._store):
            self._has_part = self.read().rank is not None

    async def _read_once(self) -> None:
        if self._offload is None:
            self._offload = Offload("ledger")
        try:
            await self._offload.call(self._read_when_up)
        except (StoreError, OSError, BoardError) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - a reading that fails is no grant; the next one may succeed
            self._failed(f"{type(error).__name__}: {error}")
        else:
            if self._trouble is not None:
                self._lines.info("budgets can be read again")
            self._trouble = None

    def _failed(self, reason: str) -> None:
        self.failures += 1
        reason = " ".join(reason.split())
        if reason != self._trouble:
            self._trouble = reason
            self._lines.warning("budgets cannot be read; candidates that have one get no copies", reason=reason)

    def fault(self, operation: str, error: BaseException) -> None:
        """The task that keeps it has ended; nothing is granted from now on."""
        self._failed(f"{operation}: {type(error).__name__}: {error}")

    def read(self) -> SpendReading:
        """One reading, also written to the file. Blocks on disk and store.

        Raises:
            StoreError: the store does not answer.
            OSError: the disk does not.
            BoardError: a worker's counts cannot be read.
        """
        limited = dict(self._limited)
        begun_before_ns = self._now_ns() - int(BOARD_LAG_S * 1e9)
        unreported = unreported_copies(self._directory)
        self._prepare()
        fleet = self._say_we_work()
        priced, now = self._priced_as(limited), datetime.now(UTC)
        spent = self._spending.spent(
            {name: Asked(one.experiment, priced[name].counts_from(now)) for name, one in limited.items()}
        )
        reading = SpendReading(
            version=VERSION,
            machine=self._name(),
            day=self._spending.today(),
            begun_before_ns=begun_before_ns,
            machines=fleet.machines,
            # Alone, there is nobody who must have seen us; who comes next sees us, and waits.
            rank=fleet.rank if fleet.machines == 1 or fleet.at_work_s >= JOIN_AFTER_S else None,
            candidates={name: _of(spent.get(name), unreported[name]) for name in limited},
            priced=priced,
        )
        write_spend(self._directory, reading)
        self._priced = priced
        return reading

    def _prepare(self) -> None:
        if not self._is_prepared:
            client = self._connection.client()
            migrate(client, client.database or "", self._store.cluster)
            self._is_prepared = True

    def _say_we_work(self) -> Fleet:
        machine = self._name()
        if self._now_ns() >= self._next_beat_ns:
            self._spending.beat(machine)
            self._next_beat_ns = self._now_ns() + int(BEAT_S * 1e9)
        return self._spending.fleet(machine)

    def _name(self) -> str:
        """Drawn once per capture directory; kept in the file itself."""
        self._remember()
        if self._machine is None:
            self._machine = uuid.uuid4().hex
        return self._machine

    def _priced_as(self, limited: Mapping[str, _Limited]) -> dict[str, Priced]:
        """As of now; candidates that have no limit any more are remembered, so that to and fro lifts nothing."""
        self._remember()
        priced, now = dict(self._priced or {}), datetime.now(UTC)
        for name, one in limited.items():
            priced[name] = priced_now(priced.get(name), one.terms, has_price=one.has_price, now=now)
        return priced

    def _remember(self) -> None:
        """What the last reading before our start has of ours."""
        if self._priced is None:
            self._priced = {}
            with contextlib.suppress(SpendFileError):
                reading = read_spend(self._directory)
                self._machine, self._priced = reading.machine, reading.priced

    def figures(self) -> dict[str, float]:
        """For `/metrics`."""
        return {"shadowbench_recorder_budget_reading_failures_total": self.failures} if self._limited else {}


def _of(spent: Spent | None, unreported: int) -> CandidateSpend:
    if spent is None:
        return CandidateSpend(unreported=unreported)
    return CandidateSpend(
        pairs=spent.pairs,
        cost_usd=spent.cost_usd,
        largest_usd=spent.largest_usd,
        unpriced=spent.unpriced,
        unpriced_before=spent.unpriced_before,
        uncosted=spent.uncosted,
        admitted=spent.admitted,
        lost=spent.lost,
        unreported=unreported,
    )


def unreported_copies(directory: Path) -> Counter[str]:
    """Copies of this machine that its boards count and the store does not, by candidate.

    Raises:
        OSError: the disk does not answer.
        BoardError: a living worker's board cannot be read.
    """
    total: Counter[str] = Counter()
    for path in directory.glob(f"*{SUFFIX}"):
        try:
            reported = _checkpoint(directory, path)
            reading = read_board(path)
        except FileNotFoundError:  # put away since the listing: all of it is in the store
            continue
        except BoardError:
            if is_alive(path):
                raise
            continue  # damaged, and nobody adds to it any more: the recorder says so elsewhere
        total.update(_unreported(reading, reported))
    return total


def _checkpoint(directory: Path, board: Path) -> Checkpoint:
    try:
        return load_checkpoint(checkpoint_path(directory, uuid.UUID(hex=board.stem)))
    except (CheckpointError, ValueError):
        return Checkpoint()  # nothing is known to be in the store


def _unreported(reading: BoardReading, checkpoint: Checkpoint) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for page, (hour, states) in enumerate(reading.hours.items()):
        if checkpoint.is_closed(hour, page):
            continue
        reported = checkpoint.reported.get(hour, {})
        for (candidate, state), count in states.items():
            if state == ADMITTED:
                counts[candidate] += max(0, count - reported.get(candidate, {}).get(ADMITTED, 0))
    return counts
