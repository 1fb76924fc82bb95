"""A reduced segment takes the place of the whole one, so that a crash at any moment leaves one of the two states.

First the reduced one is whole on disk under another name, then the checkpoint says that it counts, with the places and
counts that hold from then on, then it is renamed. Whoever dies behind the checkpoint leaves the renaming to the next.
"""

import contextlib
import os

import msgspec

from proxy.recorder.checkpoint import Checkpoint, Swap, Tallies
from proxy.recorder.reduction import Reduced, header_of
from proxy.recorder.shipment import add_tally
from proxy.recorder.stream_files import StreamFiles
from proxy.recorder.surroundings import Surroundings

_CHANGED = ("done", "replay", "recorded", "damaged", "swap")


def announce(shared: Surroundings, files: StreamFiles, checkpoint: Checkpoint, reduced: Reduced) -> None:
    """From now on the reduced one counts: on disk first, then in the checkpoint that others have in hand.

    Raises:
        OSError: the disk refuses; nothing has changed.
    """
    recorded: Tallies = {h: {c: dict(s) for c, s in of.items()} for h, of in checkpoint.recorded.items()}
    for hour, candidates in reduced.tallies.items():
        for candidate, states in candidates.items():
            for state, count in states.items():
                add_tally(recorded, hour, candidate, state, count)
    after = msgspec.structs.replace(
        checkpoint,
        done=reduced.done,
        replay=reduced.replay,
        recorded=recorded,
        damaged=checkpoint.damaged or reduced.is_damaged,
        swap=Swap(reduced.sequence, reduced.segment.hex),
    )
    shared.save(files.checkpoint, after)
    for field in _CHANGED:
        setattr(checkpoint, field, getattr(after, field))


def put_in_place(files: StreamFiles, checkpoint: Checkpoint) -> None:
    """What the checkpoint announced is done, what it did not announce is removed; done before a stream is read.

    Raises:
        OSError: the disk refuses.
    """
    with contextlib.suppress(FileNotFoundError):
        found, swap = header_of(files.reduced), checkpoint.swap
        if found is not None and swap is not None and found.segment.hex == swap.segment:
            os.replace(files.reduced, files.segment(swap.sequence))
        else:
            files.remove_reduced()
