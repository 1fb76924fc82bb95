"""One stream: reads on through its segments, forms batches, and knows what is planned and what is done.

The order of steps is what makes rows exact. A batch is a stretch of one segment; its plan is on disk before its rows
are sent, so after a crash the same stretch is read again, gives the same rows, and is sent under the same token.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from proxy.recorder.carry import take_up, write_carry
from proxy.recorder.checkpoint import BatchPlan, Checkpoint, Tallies
from proxy.recorder.exchange import Assembler, Place, Ready
from proxy.recorder.leg import HoleInLog
from proxy.recorder.pairing import Circumstances, instant
from proxy.recorder.rows import experiment_row
from proxy.recorder.segments import Position
from proxy.recorder.shipment import Draft, Insert, Shipment, add_tally
from proxy.recorder.stream_files import StreamFiles
from proxy.recorder.surroundings import Surroundings
from proxy.recorder.walk import BEFORE_ALL, Step, Walk
from proxy.recorder.watermarks import StreamMark
from proxy.shadow.capture.frames import Frame, Watermark, decode
from proxy.shadow.capture.sealing import KeyMissingError
from proxy.shadow.capture.segment import SegmentHeader
from record.states import State
from store.tables import EXPERIMENTS, PAIRS

LINGER_S = 0.8
"""How long the first row of a batch waits for company: an insert costs the store a tenth of a second of CPU, however
few rows it has (the plans of the views), and people look at rows two seconds old."""


class Follower:
    """Reads one stream. Not thread safe; the recorder's loop owns it."""

    def __init__(self, shared: Surroundings, stream: UUID, checkpoint: Checkpoint) -> None:
        self.stream = stream
        self.checkpoint = checkpoint
        self._shared = shared
        self._files = StreamFiles(shared.directory, stream, shared.keys)
        self._done = Position(*(checkpoint.done or BEFORE_ALL))
        at = Position(*(checkpoint.replay or self._done))
        self._walk = Walk(shared, stream, at)
        self._assembler = Assembler(self._files.load, shared.losses, max_held_bytes=shared.max_held_bytes)
        self._circumstances: Circumstances | None = None
        self._boundary = 0
        self._planned = checkpoint.plan
        self._draft = Draft()
        self._is_sealed = False
        self._is_at_rest = False
        self._wants_carry = False
        self._in_flight: Shipment | None = None
        self._experiments: dict[str, Insert] = {}
        self._now_s = 0.0
        self.mark = StreamMark()
        """Up to when it is in the store."""
        self._carry_to_take_up = checkpoint.carry
        self._carry_key: bytes | None = None
        self._tried_keys = -1
        self._take_up()

    # What lies around it

    def see(self, segments: Sequence[int], *, is_dead: bool) -> None:
        """What the directory holds now. Whether the worker lives must have been asked before the directory was read."""
        self._walk.segments, self._walk.is_dead = segments, is_dead
        first_needed = self.checkpoint.needed_from()[0]
        if self._done.sequence - first_needed > 1:
            pinned = self._files.size_of(s for s in segments if first_needed <= s < self._done.sequence)
            self._wants_carry |= pinned > self._shared.max_pinned_bytes

    @property
    def is_near_end(self) -> bool:
        """Is what it reads the newest that there is?"""
        return self._walk.is_in_newest

    @property
    def at(self) -> Position:
        """Everything before this place has been read."""
        return self._walk.at

    @property
    def is_dead(self) -> bool:
        """Its worker will write no more."""
        return self._walk.is_dead

    @property
    def worker(self) -> str:
        """Its worker's name; empty before the first segment was opened."""
        return self._walk.header.worker if self._walk.header is not None else ""

    @property
    def has_begun(self) -> bool:
        """Was anything of it ever read?"""
        return self._walk.at > BEFORE_ALL

    @property
    def missing_key(self) -> bytes | None:
        """Id of the key without which it cannot be read on: it is left alone, with all its files."""
        return self._carry_key or self._walk.missing_key

    @property
    def is_read(self) -> bool:
        """Dead, and everything that it wrote is in the store."""
        if self._carry_to_take_up:
            return False
        is_empty = self._draft.is_empty and self._in_flight is None and not self._is_sealed
        return is_empty and self._walk.is_at_end

    @property
    def open_exchanges(self) -> int:
        """Exchanges that wait for a leg's end."""
        return len(self._assembler)

    def unread_bytes(self) -> int:
        """Bytes on disk behind the place that has been read."""
        return self._walk.unread_bytes()

    @property
    def draft_bytes(self) -> int:
        """Of the rows that are built, and not on their way."""
        return self._draft.size_bytes

    @property
    def has_planned_before(self) -> bool:
        """A batch that was planned before it was read must be formed whole, whatever room there is."""
        return self._planned is not None

    @property
    def has_rows_waiting(self) -> bool:
        """Rows are built, and not on their way."""
        return not self._draft.is_empty

    # Reading

    def read(self, now_s: float) -> bool:
        """Takes a step forward; False when there is nothing to read, or no room for more.

        Raises:
            OSError: the disk refuses.
        """
        self._now_s = now_s
        self._is_at_rest = not self._step()
        return not self._is_at_rest

    def _take_up(self) -> bool:
        """What was open when the last carry was written is known again; False while its key is missing."""
        keys = self._shared.keys
        if self._carry_to_take_up and self._tried_keys != keys.version:
            self._tried_keys = keys.version
            try:
                take_up(self._files, self._carry_to_take_up, self._assembler, self._walk.at, self._shared.on_fault)
            except KeyMissingError as error:
                self._carry_key = error.key_id
            else:
                self._carry_to_take_up, self._carry_key = 0, None
        return not self._carry_to_take_up

    def _step(self) -> bool:
        if not self._take_up():
            return False
        is_paused = self._wants_carry and self._planned is None and self._has_caught_up
        if self._is_sealed or is_paused or self._has_no_room() or self.checkpoint.finished:
            return False
        step = self._walk.step(self._take)
        if step is Step.BEGAN and self._walk.header is not None:
            self._begin(self._walk.header)
        elif step is Step.ENDED:
            self._is_sealed = self._ends_batch()
        self.checkpoint.damaged |= self._walk.is_damaged
        return step is not Step.WAITS

    def _ends_batch(self) -> bool:
        """At the end of a segment, which no batch crosses: is there one? One that was planned may lie further on, where
        reading begins long before it.
        """
        if self._planned is not None:
            return self._walk.at.sequence >= self._planned.sequence
        return not self._draft.is_empty

    @property
    def _has_caught_up(self) -> bool:
        """Has everything been read again whose rows are in the store?"""
        return self._walk.at >= self._done

    def _begin(self, header: SegmentHeader) -> None:
        sequence, done = header.sequence, self._done
        self._circumstances = Circumstances(header.worker, header.setup)
        self._boundary = max(self._walk.at.offset, done.offset if done.sequence == sequence else 0)
        self._note_experiments(header)
        if self._planned is not None and self._planned.sequence < sequence:
            # The stretch that was being sent is gone from the disk; whether it had arrived is not for us to repeat.
            self._planned = self.checkpoint.plan = None

    def _note_experiments(self, header: SegmentHeader) -> None:
        created, setup = instant(header.created_unix_us), header.setup
        for candidate, (experiment, compared) in setup.experiments.items():
            if experiment not in self._shared.known_experiments:
                row = experiment_row(
                    experiment, candidate, compared, created, policy=setup.policy, planned_pairs=setup.planned_pairs
                )
                self._experiments[experiment] = Insert(EXPERIMENTS, [row], f"experiment:{experiment}")

    def _has_no_room(self) -> bool:
        """A batch that was planned before is formed whole, however large."""
        return self._draft.is_full and self._planned is None

    def _take(self, payload: memoryview, place: Place) -> bool:
        """One frame; False at the end of a batch."""
        frame = self._decoded(payload, place)
        if isinstance(frame, Watermark):
            self.mark.read(frame.unix_us)
        is_done = (place.sequence, place.end) <= self._done
        for due in self._assembler.feed(frame, place) if frame is not None else ():
            if is_done:
                due.exchange.note_recorded(due.arm)
            else:
                self._build(due)
        planned = self._planned
        if planned is not None and (place.sequence, place.end) >= (planned.sequence, planned.last):
            self._is_sealed = True
        return not (self._is_sealed or self._has_no_room())

    def _decoded(self, payload: memoryview, place: Place) -> Frame | None:
        try:
            return decode(payload)
        except msgspec.MsgspecError as error:
            self._shared.losses.bad_frames += 1
            self.checkpoint.damaged = True
            name = f"{self.stream.hex}-{place.sequence}-{place.start}"
            try:
                self._shared.quarantine.take_frame(name, bytes(payload), f"a record that cannot be read: {error}")
            except OSError as trouble:
                self._shared.on_fault(f"setting aside {name}", trouble)
            return None

    def _build(self, due: Ready) -> None:
        """One bad exchange is counted and left out; the others go on."""
        exchange = due.exchange
        assert self._circumstances is not None  # noqa: S101 - set with the segment
        try:
            built = self._shared.builder.build(due, self._assembler, self._circumstances)
        except HoleInLog:
            # Its worker counted it as dropped, or it will be missed when the worker's counts are settled.
            self._shared.losses.holes += 1
        except Exception as error:  # noqa: BLE001 - whatever one exchange holds, the next must be recorded
            self._shared.losses.bad_exchanges += 1
            self._shared.on_fault(f"exchange {due.exchange_id.hex()}", error)
            plan = exchange.plans[due.arm - 1]
            if plan.state == State.OPEN:
                self._draft.add_quarantined(plan.candidate, exchange.start_unix_us, self._now_s)
        else:
            self._draft.add(built, exchange.start_unix_us, self._now_s)
            self._shared.on_record(built.record)

    # Sending

    def plan(self, now_s: float, *, flush: bool = False) -> Shipment | None:
        """The next batch, planned on disk, or None while none is due. One is under way at a time.

        Args:
            now_s: monotonic.
            flush: send what there is once nothing more can be read, without lingering.

        Raises:
            OSError: the plan could not be written; nothing has changed.
        """
        if self._in_flight is not None or not self._is_due(now_s, flush=flush):
            return None
        if self._draft.is_empty:
            self._planned = self.checkpoint.plan = None
            self._is_sealed = False
            return None
        plan = self._planned or self._new_plan()
        self.checkpoint.plan = plan
        self.save()
        is_repeat = self._planned is not None
        shipment = self._draft.ship(plan, tuple(self._experiments.values()), is_repeat=is_repeat)
        self._in_flight = shipment
        self.mark.batch_planned()
        self._draft, self._experiments = Draft(), {}
        self._boundary = self._walk.at.offset
        self._planned, self._is_sealed = None, False
        return shipment

    def _is_due(self, now_s: float, *, flush: bool) -> bool:
        if self._planned is not None and not self._is_sealed:
            return False
        begun_s = self._draft.begun_s
        if begun_s is None:
            return self._is_sealed
        if self._is_sealed or self._wants_carry or self._draft.is_full or now_s - begun_s >= LINGER_S:
            return True
        return flush and self._is_at_rest

    def _new_plan(self) -> BatchPlan:
        header, at = self._walk.header, self._walk.at
        assert header is not None  # noqa: S101 - rows come from a segment
        replay = self._assembler.oldest() or at
        return BatchPlan(header.segment.hex, at.sequence, self._boundary, at.offset, (replay.sequence, replay.offset))

    def acknowledge(self, shipment: Shipment, *, set_aside: frozenset[str] = frozenset()) -> None:
        """The store has the batch, without the tables whose rows were set aside.

        Raises:
            OSError: the checkpoint could not be written; the batch may be sent again, under the same token.
        """
        plan = shipment.plan
        assert isinstance(plan, BatchPlan)  # noqa: S101 - counters have their own way
        self._in_flight = None
        self.mark.batch_stored()
        experiments = (insert for insert in shipment.inserts if insert.table is EXPERIMENTS)
        self._shared.known_experiments.update(str(row[0]) for insert in experiments for row in insert.rows)
        self._record(shipment.tallies, are_pairs_lost=PAIRS.name in set_aside)
        self.checkpoint.plan = None
        self._advance(Position(plan.sequence, plan.last), Position(*plan.replay))
        self.save()
        self._remove_old()

    def _record(self, tallies: Tallies, *, are_pairs_lost: bool) -> None:
        for hour, candidates in tallies.items():
            for candidate, states in candidates.items():
                for state, count in states.items():
                    counted_as = State.QUARANTINED.value if are_pairs_lost else state
                    add_tally(self.checkpoint.recorded, hour, candidate, counted_as, count)

    # Moving on

    def settle(self) -> None:
        """Moves the checkpoint over stretches that hold no rows, so that their segments can go.

        Raises:
            OSError: the disk refuses.
        """
        if self._in_flight is not None or not self._draft.is_empty or self._planned is not None:
            return
        if self._carry_to_take_up:
            return
        self.mark.all_stored()
        at = self._walk.at
        if at > self._done:
            before = self.checkpoint.replay
            self._advance(at, self._assembler.oldest() or at)
            self._boundary = at.offset
            if before is None or before[0] != self.checkpoint.needed_from()[0]:
                self.save()
                self._remove_old()
        if self._wants_carry and self._has_caught_up:
            self._carry()

    def _carry(self) -> None:
        """Copies what is open, so that a restart needs nothing before this place."""
        number = self.checkpoint.carry + 1
        write_carry(self._files, number, self._assembler, self._shared.on_fault)
        self._assembler.need_from(self._walk.at)
        self.checkpoint.carry = number
        self._advance(self._walk.at, self._walk.at)
        self.save()
        self._files.remove_carries(but=number)
        self._remove_old()
        self._wants_carry = False

    def _advance(self, done: Position, replay: Position) -> None:
        self._done = done
        self.checkpoint.done = (done.sequence, done.offset)
        self.checkpoint.replay = (replay.sequence, replay.offset)

    def _remove_old(self) -> None:
        """Segments before the place from which a restart would read."""
        first_needed = min(self.checkpoint.needed_from()[0], self._walk.at.sequence)
        self._files.remove_segments(s for s in self._walk.segments if s < first_needed)

    def save(self) -> None:
        """Writes the checkpoint as it stands.

        Raises:
            OSError: the disk refuses.
        """
        self._shared.save(self._files.checkpoint, self.checkpoint)

    def finish(self) -> None:
        """Removes the files of a stream that is read and settled; the checkpoint says so first, and outlives them.

        Raises:
            OSError: the disk refuses.
        """
        self.checkpoint.finished = True
        self.save()
        self._files.remove_all(self._walk.segments)

    def close(self) -> None:
        """Lets go of the open file."""
        self._walk.close()
