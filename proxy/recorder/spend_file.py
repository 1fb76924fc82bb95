"""`spend.json` in the capture directory: what the recorder last read about budgets, for the supervisor beside it.

A file, because recorder and proxies may run under two supervisors that share nothing but the disk.
"""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from proxy.recorder.priced import Priced

NAME = "spend.json"
VERSION = 1


class CandidateSpend(msgspec.Struct, frozen=True):
    """One candidate's day: what the store knows of all machines, and what it does not know yet of this one."""

    pairs: int = 0
    cost_usd: Decimal = Decimal(0)
    largest_usd: Decimal | None = None
    """Of the dearest copy of the present experiment in 24 hours; None: no cost is known."""
    unpriced: int = 0
    """Since the candidate is priced as it is now."""
    unpriced_before: int = 0
    uncosted: int = 0
    admitted: int = 0
    lost: int = 0
    unreported: int = 0
    """Copies of this machine that are counted on its boards and not in the store's `admitted`."""


class SpendReading(msgspec.Struct, frozen=True):
    """All candidates that have a budget or a rate."""

    version: int
    machine: str
    day: date
    """The store's, UTC."""
    begun_before_ns: int
    """CLOCK_MONOTONIC of the machine: copies begun before it are in `admitted` or in `unreported`."""
    machines: int
    """That share the store, this one included."""
    rank: int | None
    """Our place among them, from 0; None: we have no part yet."""
    candidates: dict[str, CandidateSpend]
    priced: dict[str, Priced] = {}
    """Kept here over restarts of the recorder."""


class SpendFileError(Exception):
    """Not there, or not to be read, in one line."""


def write_spend(directory: Path, reading: SpendReading) -> None:
    """Replaces the file as a whole. It is not made safe against power loss: after one it would be too old anyway.

    Raises:
        OSError: the disk refuses.
    """
    fresh = directory / f"{NAME}.fresh"
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(msgspec.json.encode(reading))
    os.replace(fresh, directory / NAME)


def read_spend(directory: Path) -> SpendReading:
    """The newest reading; how old it is, its reader judges.

    Raises:
        SpendFileError: there is none, or none that this shadowbench reads.
    """
    try:
        reading = msgspec.json.decode((directory / NAME).read_bytes(), type=SpendReading)
    except OSError as error:
        raise SpendFileError(f"{NAME}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise SpendFileError(f"{NAME} cannot be read: {error}") from None
    if reading.version != VERSION:
        raise SpendFileError(f"{NAME} has format {reading.version}; this shadowbench reads {VERSION}")
    return reading
