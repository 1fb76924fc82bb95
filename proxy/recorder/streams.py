"""All streams of a capture directory: which of them are ours to follow, and which workers are dead."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from proxy.recorder.checkpoint import CheckpointError, checkpoint_path, load_checkpoint
from proxy.recorder.claim import Claim
from proxy.recorder.follower import Follower
from proxy.recorder.reporter import Reporter
from proxy.recorder.segments import StreamFiles, list_streams, segment_path
from proxy.recorder.stream_files import StreamFiles as StreamPaths
from proxy.recorder.surroundings import Surroundings
from proxy.recorder.swap import put_in_place
from proxy.shadow.capture.board import board_path, is_alive

NO_BOARD_MEANS_DEAD_AFTER_S = 3600.0
"""A stream without a board cannot be asked whether its worker lives; silence for so long is taken for death."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A stream, who looks after it, and the lock that keeps other recorders away."""

    follower: Follower
    reporter: Reporter
    claim: Claim


class Streams:
    """Finds streams as they come, and lets go of those that are done."""

    def __init__(
        self, shared: Surroundings, on_unreadable: Callable[[str], None], on_taken: Callable[[UUID], None]
    ) -> None:
        self._shared = shared
        self._on_unreadable = on_unreadable
        self._on_taken = on_taken
        self._unreadable: set[UUID] = set()
        self.followed: dict[UUID, Followed] = {}
        self.taken: set[UUID] = set()
        """Streams that other recorders follow."""

    def look(self) -> None:
        """Reads the directory and tells the followers.

        Raises:
            OSError: the directory cannot be read.
        """
        directory = self._shared.directory
        # Life is asked before the directory is read: a worker that was dead then has written nothing since.
        dead = {stream for stream, followed in self.followed.items() if self._is_dead(stream, followed)}
        found = list_streams(directory)
        if self._claim_new(found):
            # What was seen before the claim, its former holder may have removed since.
            found = list_streams(directory)
        for stream, files in found.items():
            followed = self.followed.get(stream)
            if followed is not None:
                is_dead = stream in dead or (not files.has_board and self._is_silent(stream, files))
                followed.follower.see(tuple(files.segments), is_dead=is_dead)
        for stream in self.followed.keys() - found.keys():
            # Somebody has emptied the directory; what is open is read to its end.
            self.followed[stream].follower.see((), is_dead=True)

    def _claim_new(self, found: Collection[UUID]) -> bool:
        """Follows what nobody follows; was there anything?"""
        self.taken &= set(found)
        is_any = False
        for stream in found:
            if stream in self.followed or stream in self._unreadable:
                continue
            claim = Claim.take(self._shared.directory, stream)
            if claim is not None:
                self.taken.discard(stream)
                self._follow(stream, claim)
                is_any = True
            elif stream not in self.taken:
                self.taken.add(stream)
                self._on_taken(stream)
        return is_any

    def _follow(self, stream: UUID, claim: Claim) -> None:
        try:
            checkpoint = load_checkpoint(checkpoint_path(self._shared.directory, stream))
            put_in_place(StreamPaths(self._shared.directory, stream), checkpoint)
            follower = Follower(self._shared, stream, checkpoint)
        except CheckpointError as error:
            claim.release()
            self._unreadable.add(stream)
            self._on_unreadable(str(error))
        except BaseException:
            claim.release()
            raise
        else:
            self.followed[stream] = Followed(follower, Reporter(self._shared.directory, follower), claim)

    def _is_dead(self, stream: UUID, followed: Followed) -> bool:
        """A board is locked before anything is written on it: one that can be read and is free has lost its worker."""
        if not followed.reporter.has_read and not followed.reporter.look():
            return False
        try:
            return not is_alive(board_path(self._shared.directory, stream))
        except FileNotFoundError:
            return False

    def _is_silent(self, stream: UUID, files: StreamFiles) -> bool:
        if not files.segments:
            return True
        newest = segment_path(self._shared.directory, stream, files.segments[-1])
        try:
            return time.time() - newest.stat().st_mtime > NO_BOARD_MEANS_DEAD_AFTER_S
        except FileNotFoundError:
            return False

    def renew(self, stream: UUID) -> None:
        """Reads a stream anew from its checkpoint, which has changed without its follower."""
        old = self.followed[stream]
        old.follower.close()
        follower = Follower(self._shared, stream, old.follower.checkpoint)
        follower.mark = old.follower.mark.as_stored()
        files = list_streams(self._shared.directory).get(stream, StreamFiles())
        follower.see(tuple(files.segments), is_dead=old.follower.is_dead)
        self.followed[stream] = Followed(follower, Reporter(self._shared.directory, follower), old.claim)

    def leave(self, stream: UUID) -> None:
        """Lets go of a stream."""
        followed = self.followed.pop(stream)
        followed.follower.close()
        followed.claim.release()
