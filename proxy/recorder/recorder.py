"""The recorder's turn: look, read, plan, send, acknowledge; one shipment is under way at a time."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from config.model import Config
from proxy.recorder.builder import Builder
from proxy.recorder.checkpoint import CounterPlan
from proxy.recorder.destination import Destination
from proxy.recorder.lines import Lines
from proxy.recorder.losses import Losses
from proxy.recorder.offload import Offload
from proxy.recorder.pricing import PriceList
from proxy.recorder.quarantine import Quarantine
from proxy.recorder.sender import Sender
from proxy.recorder.shipment import Shipment
from proxy.recorder.streams import Followed, Streams
from proxy.recorder.surroundings import Surroundings
from runtime.tasks import Tasks

LOOK_EVERY_S = 0.25
IDLE_S = 0.05
_SAY_AGAIN_S = 60.0
_MAX_HELD_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class _UnderWay:
    stream: UUID
    shipment: Shipment
    delivery: "asyncio.Task[frozenset[str]]"


class Recorder:
    """Follows every stream of one capture directory that no other recorder follows."""

    def __init__(self, config: Config, destination: Destination, lines: Lines) -> None:
        self._lines = lines
        self._tasks = Tasks(self._fault)
        self._offload = Offload("store")
        directory = Path(config.capture.dir)
        self._quarantine = Quarantine(directory)
        self._prices = PriceList(config, self._unknown_price)
        self._builder = Builder(config, self._prices)
        self._shared = Surroundings(
            directory=directory,
            builder=self._builder,
            quarantine=self._quarantine,
            losses=Losses(),
            known_experiments=set(),
            on_fault=self._fault,
            max_held_bytes=_MAX_HELD_BYTES,
            max_pinned_bytes=config.capture.max_disk // 8,
        )
        self._streams = Streams(self._shared, self._unreadable, self._taken)
        self._destination = destination
        self.sender = Sender(destination, self._offload, self._quarantine, lines)
        self._under_way: _UnderWay | None = None
        self._next_look_s = 0.0
        self._caught_up_s = time.monotonic()
        self._disk_trouble: str | None = None
        self._disk_trouble_said_s = 0.0
        self.faults = 0
        """Surprises: each is a line in the log."""

    def reload(self, config: Config) -> None:
        """Prices, privacy and candidates as they are from now on; called between two turns."""
        self._prices = PriceList(config, self._unknown_price, self._prices.unpriced)
        self._builder.reload(config, self._prices)

    async def turn(self, *, is_draining: bool) -> bool:
        """One step for every stream; False when nothing moved."""
        now_s = time.monotonic()
        try:
            moved = self._step(now_s, is_draining=is_draining)
        except OSError as error:
            self._disk_failed(error, now_s)
            moved = False
        await asyncio.sleep(0)
        return moved

    def _step(self, now_s: float, *, is_draining: bool) -> bool:
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            self._streams.look()
        moved = self._finish_delivery()
        for stream, followed in list(self._streams.followed.items()):
            moved |= self._step_stream(stream, followed, now_s)
        return self._begin_delivery(now_s, is_draining=is_draining) or moved

    def _step_stream(self, stream: UUID, followed: Followed, now_s: float) -> bool:
        follower = followed.follower
        if follower.checkpoint.finished:
            follower.finish()
            self._streams.leave(stream)
            return True
        moved = follower.read(now_s)
        follower.settle()
        return moved

    # Sending

    def _begin_delivery(self, now_s: float, *, is_draining: bool) -> bool:
        if self._under_way is not None:
            return False
        for stream, followed in list(self._streams.followed.items()):
            shipment = self._next_shipment(stream, followed, now_s, is_draining=is_draining)
            if shipment is not None:
                # To the end of the line, so that a busy stream does not starve the others.
                self._streams.followed[stream] = self._streams.followed.pop(stream)
                self._deliver(stream, shipment)
                return True
        return False

    def _deliver(self, stream: UUID, shipment: Shipment) -> None:
        delivery = self._tasks.start(f"deliver {stream}", self.sender.deliver(shipment))
        self._under_way = _UnderWay(stream, shipment, delivery)

    def _next_shipment(self, stream: UUID, followed: Followed, now_s: float, *, is_draining: bool) -> Shipment | None:
        follower, reporter = followed.follower, followed.reporter
        shipment = follower.plan(now_s, flush=is_draining or follower.is_dead)
        if shipment is not None:
            return shipment
        is_final = follower.is_read
        shipment = reporter.plan(now_s, time.time(), flush=is_draining or is_final, is_final=is_final)
        if shipment is None and is_final and not reporter.is_busy and follower.checkpoint.counter_plan is None:
            follower.finish()
            self._streams.leave(stream)
        return shipment

    def _finish_delivery(self) -> bool:
        under_way = self._under_way
        if under_way is None or not under_way.delivery.done():
            return False
        self._under_way = None
        if isinstance(under_way.delivery.exception(), Exception):
            # A surprise, and already told: the plan stands, so the same rows go out again.
            self._deliver(under_way.stream, under_way.shipment)
            return False
        set_aside = under_way.delivery.result()
        followed = self._streams.followed[under_way.stream]
        if isinstance(under_way.shipment.plan, CounterPlan):
            followed.reporter.acknowledge(under_way.shipment.plan)
        else:
            followed.follower.acknowledge(under_way.shipment, set_aside=set_aside)
        return True

    async def wait(self, at_most_s: float) -> None:
        """Until the delivery under way ends, or some time has passed."""
        if self._under_way is None:
            await asyncio.sleep(at_most_s)
        else:
            await asyncio.wait([self._under_way.delivery], timeout=at_most_s)

    def look_now(self) -> None:
        """The next turn reads the directory."""
        self._next_look_s = 0.0

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, and nothing of our streams that is on disk waits to be sent."""
        return self._under_way is None and all(
            f.follower.unread_bytes() == 0 and not f.follower.has_rows_waiting for f in self._streams.followed.values()
        )

    async def close(self) -> None:
        """Lets go of everything; what is not in the store is in the log."""
        await self._tasks.close()
        for stream in list(self._streams.followed):
            self._streams.leave(stream)
        self._offload.close()

    # What is said about it

    def figures(self) -> dict[str, float]:
        """For `/metrics`."""
        followers = [f.follower for f in self._streams.followed.values()]
        losses = self._shared.losses
        unread = sum(f.unread_bytes() for f in followers)
        if unread == 0 and self._under_way is None:
            self._caught_up_s = time.monotonic()
        tables = {
            f'shadowbench_recorder_rows_total{{table="{table}"}}': float(count)
            for table, count in self.sender.rows.items()
        }
        return {
            **tables,
            "shadowbench_recorder_batches_total": self.sender.batches,
            "shadowbench_recorder_retries_total": self.sender.retries,
            "shadowbench_recorder_refused_inserts_total": self.sender.set_aside,
            "shadowbench_recorder_backlog_bytes": unread,
            "shadowbench_recorder_lag_seconds": time.monotonic() - self._caught_up_s,
            "shadowbench_recorder_open_exchanges": sum(f.open_exchanges for f in followers),
            "shadowbench_recorder_streams": len(followers),
            "shadowbench_recorder_streams_elsewhere": len(self._streams.taken),
            "shadowbench_recorder_evicted_exchanges_total": losses.evictions,
            "shadowbench_recorder_orphan_frames_total": losses.orphans,
            "shadowbench_recorder_torn_tails_total": losses.torn_tails,
            "shadowbench_recorder_holes_total": losses.holes,
            "shadowbench_recorder_bad_exchanges_total": losses.bad_exchanges,
            "shadowbench_recorder_bad_frames_total": losses.bad_frames,
            "shadowbench_recorder_vanished_segments_total": losses.vanished,
            "shadowbench_recorder_quarantined_total": self._quarantine.items,
            "shadowbench_recorder_odd_usage_total": self._builder.odd_usages,
            "shadowbench_recorder_unpriced_legs_total": self._prices.unpriced,
            "shadowbench_recorder_internal_errors_total": self.faults,
        }

    def _fault(self, operation: str, error: BaseException) -> None:
        self.faults += 1
        self._lines.warning("internal error", operation=operation, error=f"{type(error).__name__}: {error}")

    def _disk_failed(self, error: OSError, now_s: float) -> None:
        """Said again once a minute: between two looks at the directory most turns succeed and mean nothing."""
        reason = str(error)
        if reason != self._disk_trouble or now_s - self._disk_trouble_said_s >= _SAY_AGAIN_S:
            self._lines.warning("the capture directory cannot be used; trying again", reason=reason)
            self._disk_trouble, self._disk_trouble_said_s = reason, now_s

    def _unknown_price(self, model: str) -> None:
        self._lines.warning("no price is known; set `price` of the primary or candidate to get costs", model=model)

    def _unreadable(self, reason: str) -> None:
        self._lines.warning("a stream is left alone, its checkpoint cannot be used", reason=reason)

    def _taken(self, stream: UUID) -> None:
        self._lines.info("another recorder follows a stream; it is taken over when that one ends", stream=stream.hex)
