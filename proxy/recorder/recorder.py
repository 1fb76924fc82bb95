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
from proxy.recorder.dropping import Dropping
from proxy.recorder.lines import Lines
from proxy.recorder.locked import Locked
from proxy.recorder.losses import Losses
from proxy.recorder.pricing import PriceList
from proxy.recorder.quarantine import Quarantine
from proxy.recorder.sender import Sender
from proxy.recorder.shipment import MarkPlan, Shipment
from proxy.recorder.streams import Followed, Streams
from proxy.recorder.surroundings import Surroundings
from proxy.recorder.telemetry import Telemetry
from proxy.recorder.watermarks import Watermarks
from proxy.shadow.capture.sealing import KeyRing
from runtime.offload import Offload
from runtime.tasks import Tasks

LOOK_EVERY_S = 0.25
IDLE_S = 0.05
EXPIRE_EVERY_S = 3600.0
"""How often what is too old in quarantine is looked for."""
MAX_DRAFT_BYTES = 128 * 2**20
"""Of the rows of all streams that are built and wait; above that, one reading of each stream."""
_AFTER_SURPRISE_S = 1.0
_SAY_AGAIN_S = 60.0
_MAX_HELD_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class _UnderWay:
    stream: UUID | None
    """None: it concerns several."""
    shipment: Shipment
    delivery: "asyncio.Task[frozenset[str]]"


class Recorder:
    """Follows every stream of one capture directory that no other recorder follows."""

    def __init__(self, config: Config, destination: Destination, lines: Lines) -> None:
        self._lines = lines
        self._tasks = Tasks(self._fault)
        self._offload = Offload("store")
        directory = Path(config.capture.dir)
        self._keys = KeyRing(config.capture.secrets())
        self._quarantine = Quarantine(directory, self._keys)
        self._quarantine.keeps_texts = config.privacy.bodies != "none"
        self._retention_s = config.privacy.retention
        self._next_expiry_s = 0.0
        self._prices = PriceList(config, self._unknown_price)
        self._builder = Builder(config, self._prices)
        self._telemetry = Telemetry(config, lines, self._fault)
        self._shared = Surroundings(
            directory=directory,
            builder=self._builder,
            quarantine=self._quarantine,
            losses=Losses(),
            known_experiments=set(),
            on_fault=self._fault,
            keys=self._keys,
            max_held_bytes=_MAX_HELD_BYTES,
            max_pinned_bytes=config.capture.max_disk // 8,
            on_record=self._telemetry.offer,
        )
        self._streams = Streams(self._shared, self._unreadable, self._taken)
        self._dropping = Dropping(self._shared, self._streams, lines, config.capture.max_disk)
        self._watermarks = Watermarks()
        self._locked = Locked(lines)
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
        """Prices, privacy, candidates and keys as they are from now on; called between two turns."""
        self._keys.renew(config.capture.secrets())
        self._quarantine.keeps_texts = config.privacy.bodies != "none"
        self._prices = PriceList(config, self._unknown_price, self._prices.unpriced)
        self._builder.reload(config, self._prices)
        self._dropping.max_disk_bytes = config.capture.max_disk
        self._telemetry.configure(config)

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
            self._locked.look((f.follower.missing_key for f in self._streams.followed.values()), now_s)
        if now_s >= self._next_expiry_s:
            self._next_expiry_s = now_s + EXPIRE_EVERY_S
            self._quarantine.expire(self._retention_s)
        moved = self._dropping.step(self.sender.away_s(), now_s)
        moved |= self._finish_delivery()
        has_room = self._has_room()
        for stream, followed in list(self._streams.followed.items()):
            moved |= self._step_stream(stream, followed, now_s, has_room=has_room)
        return self._begin_delivery(now_s, is_draining=is_draining) or moved

    def _has_room(self) -> bool:
        """May rows be built of more of the log? While the store is away those of all streams wait in memory."""
        return sum(f.follower.draft_bytes for f in self._streams.followed.values()) < MAX_DRAFT_BYTES

    def _step_stream(self, stream: UUID, followed: Followed, now_s: float, *, has_room: bool) -> bool:
        follower = followed.follower
        if follower.checkpoint.finished:
            self._finish(stream, followed)
            return True
        moved = (has_room or follower.has_planned_before) and follower.read(now_s)
        follower.settle()
        return moved

    # Sending

    def _begin_delivery(self, now_s: float, *, is_draining: bool) -> bool:
        if self._under_way is not None:
            return False
        followers = [f.follower for f in self._streams.followed.values()]
        marks = self._watermarks.plan(followers, now_s, time.time(), flush=is_draining)
        if marks is not None:
            self._deliver(None, marks)
            return True
        for stream, followed in list(self._streams.followed.items()):
            shipment = self._next_shipment(stream, followed, now_s, is_draining=is_draining)
            if shipment is not None:
                # To the end of the line, so that a busy stream does not starve the others.
                self._streams.followed[stream] = self._streams.followed.pop(stream)
                self._deliver(stream, shipment)
                return True
        return False

    def _deliver(self, stream: UUID | None, shipment: Shipment, *, after_s: float = 0.0) -> None:
        work = self.sender.deliver(shipment, after_s=after_s)
        delivery = self._tasks.start(f"deliver {stream or 'watermarks'}", work)
        self._under_way = _UnderWay(stream, shipment, delivery)

    def _next_shipment(self, stream: UUID, followed: Followed, now_s: float, *, is_draining: bool) -> Shipment | None:
        follower, reporter = followed.follower, followed.reporter
        shipment = follower.plan(now_s, flush=is_draining or follower.is_dead)
        if shipment is not None or follower.missing_key is not None:
            return shipment
        is_final = follower.is_read
        shipment = reporter.plan(now_s, time.time(), flush=is_draining or is_final, is_final=is_final)
        is_settled = is_final and not reporter.is_busy and follower.checkpoint.counter_plan is None
        if shipment is None and is_settled and self._watermarks.is_closed(follower):
            self._finish(stream, followed)
        return shipment

    def _finish(self, stream: UUID, followed: Followed) -> None:
        followed.follower.finish()
        self._streams.leave(stream)
        self._watermarks.forget(stream)

    def _finish_delivery(self) -> bool:
        under_way = self._under_way
        if under_way is None or not under_way.delivery.done():
            return False
        self._under_way = None
        if isinstance(under_way.delivery.exception(), Exception):
            # A surprise, and already told: the plan stands, so the same rows go out again.
            self._deliver(under_way.stream, under_way.shipment, after_s=_AFTER_SURPRISE_S)
            return False
        set_aside = under_way.delivery.result()
        plan = under_way.shipment.plan
        if under_way.stream is None or isinstance(plan, MarkPlan):
            assert isinstance(plan, MarkPlan)  # noqa: S101 - all else is of one stream
            self._watermarks.acknowledge(plan)
            return True
        followed = self._streams.followed[under_way.stream]
        if isinstance(plan, CounterPlan):
            followed.reporter.acknowledge(plan)
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
        """Nothing is under way, and nothing of our streams that is on disk, and can be read, waits to be sent."""
        followers = (f.follower for f in self._streams.followed.values())
        return self._under_way is None and all(
            (f.unread_bytes() == 0 or f.missing_key is not None) and not f.has_rows_waiting for f in followers
        )

    async def close(self) -> None:
        """Lets go of everything; what is not in the store is in the log."""
        await self._tasks.close()
        for stream in list(self._streams.followed):
            self._streams.leave(stream)
        self._offload.close()
        self._telemetry.close()

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
            "shadowbench_recorder_mended_batches_total": self.sender.mended,
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
            **self._dropping.figures(),
            **self._telemetry.figures(),
            "shadowbench_recorder_quarantined_total": self._quarantine.items,
            "shadowbench_recorder_quarantine_expired_total": self._quarantine.expired,
            "shadowbench_recorder_locked_streams": sum(f.missing_key is not None for f in followers),
            "shadowbench_recorder_odd_usage_total": self._builder.odd_usages,
            "shadowbench_recorder_raw_usage_dropped_total": self._builder.dropped_raw_usages,
            "shadowbench_recorder_unchecked_json_total": self._builder.unchecked_json,
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
