"""Shipments -> store, again and again until it takes them. While it does not, the log waits on disk."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from proxy.recorder.absence import Absence
from proxy.recorder.destination import Destination
from proxy.recorder.lines import Lines
from proxy.recorder.quarantine import Quarantine
from proxy.recorder.shipment import Insert, Shipment
from runtime.offload import Offload
from store.errors import StoreError, StoreRefused

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
REFUSALS_BEFORE_ASIDE = 8
"""A batch that is refused so often while the store works is set aside, so that others get through."""
ASIDE_IN_A_ROW = 2
"""If the next batches of a table are refused as well it is not their rows: then they wait."""


class Sender:
    """Delivers one shipment at a time."""

    def __init__(
        self,
        destination: Destination,
        offload: Offload,
        quarantine: Quarantine,
        lines: Lines,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._destination = destination
        self._offload = offload
        self._quarantine = quarantine
        self._lines = lines
        self._is_prepared = False
        self._absence = Absence(lines, now_s)
        self._aside_in_a_row: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        """Rows in the store, by table."""
        self.batches = 0
        self.retries = 0
        self.set_aside = 0
        """Inserts that the store refused for good."""

    def away_s(self) -> float:
        """For how long the store has taken no rows though some were sent; 0 while it takes them."""
        return self._absence.lasted_s()

    async def deliver(self, shipment: Shipment, *, after_s: float = 0.0) -> frozenset[str]:
        """Returns when the store has it; waits for as long as it takes.

        Args:
            shipment: what is due.
            after_s: a pause before the first attempt.

        Returns:
            Names of the tables whose rows it refused for good; those were set aside.
        """
        if after_s:
            await asyncio.sleep(after_s)
        if shipment.is_repeat:
            await self._offload.call(lambda: self._doubt(shipment))
        aside = [insert.table.name for insert in shipment.inserts if not await self._deliver(insert)]
        self.batches += 1
        return frozenset(aside)

    @property
    def mended(self) -> int:
        """Batches that the store acknowledged and lost, and has now."""
        return self._destination.mended

    def _doubt(self, shipment: Shipment) -> None:
        for insert in shipment.inserts:
            self._destination.doubt(insert.table.name, insert.token)

    async def _deliver(self, insert: Insert) -> bool:
        pause_s, refusals = FIRST_PAUSE_S, 0
        while True:
            try:
                await self._attempt(insert)
            except StoreRefused as error:
                refusals += self._is_prepared  # before that it is not about these rows
                if refusals >= REFUSALS_BEFORE_ASIDE and self._aside_in_a_row[insert.table.name] < ASIDE_IN_A_ROW:
                    self._put_aside(insert, str(error))
                    return False
                self._absence.lasts(str(error))
            except StoreError as error:
                self._is_prepared = False
                self._absence.lasts(str(error))
            else:
                self._well(insert)
                return True
            self.retries += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _attempt(self, insert: Insert) -> None:
        if not self._is_prepared:
            await self._offload.call(self._destination.prepare)
            self._is_prepared = True
        before = self._destination.mended
        await self._offload.call(lambda: self._destination.insert(insert.table.name, insert.rows, insert.token))
        if self._destination.mended != before:
            self._lines.warning(
                "the store had acknowledged rows and lost them in a crash; they are there now, the sums of their "
                "time block may count them twice",
                table=insert.table.name,
                batch=insert.token,
            )

    def _well(self, insert: Insert) -> None:
        self.rows[insert.table.name] += len(insert.rows)
        self._aside_in_a_row[insert.table.name] = 0
        self._absence.ends()

    def _put_aside(self, insert: Insert, reason: str) -> None:
        self.set_aside += 1
        self._aside_in_a_row[insert.table.name] += 1
        self._absence.forget()
        name = "refused-" + insert.token.replace(":", "-") + f"-{insert.table.name}"
        data = msgspec.json.encode(insert.rows, enc_hook=str)
        self._quarantine.take_bytes(name, data, f"the store refused it: {reason}")
        self._lines.warning("rows that the store refused were set aside", file=name, reason=reason)
