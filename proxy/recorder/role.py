"""The `recorder` role: runs until the supervisor asks for a drain, then empties the log into the store."""

import asyncio
import gc
import time
from pathlib import Path

from proxy.recorder.destination import Destination, StoreDestination
from proxy.recorder.ledger import Ledger
from proxy.recorder.lines import Lines
from proxy.recorder.recorder import IDLE_S, Recorder
from proxy.recorder.segments import waiting_bytes
from runtime.link import Link, Order, Reload, Start
from runtime.log import Log
from runtime.tasks import Tasks

AWAY_S = 5.0
"""A store that has answered nothing for so long is known to be away: a drain does not wait for it."""
DRAIN_S = 20.0
"""A store that does not answer is waited for so long; the log stays on disk and is read at the next start."""
_REPORT_S = 1.0
_GC_THRESHOLDS = (50_000, 20, 100)
"""Almost nothing here is cyclic; looking for cycles every 700 objects, as Python does, costs a tenth of a pair."""


async def run(start: Start, link: Link) -> None:
    """Records what the workers of this machine capture."""
    destination, lines = StoreDestination(start.config), Log(start.name)
    recorder, ledger = Recorder(start.config, destination, lines), Ledger(start.config, lines)
    tasks = Tasks(ledger.fault)
    link.obey(lambda order: _obey(order, recorder, ledger, link, lines))
    link.ready(f"recording from {start.config.capture.dir}")
    tasks.start("ledger", ledger.keep())
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        await _record(recorder, ledger, link)
        await tasks.close()
        await _drain(recorder, destination, link, lines, Path(start.config.capture.dir))
    finally:
        await tasks.close()
        await recorder.close()


def _obey(order: Order, recorder: Recorder, ledger: Ledger, link: Link, lines: Log) -> None:
    if not isinstance(order, Reload):
        return
    try:
        config = order.configuration()
        recorder.reload(config)
        ledger.configure(config)
    except Exception as error:  # noqa: BLE001 - it was checked, so this is a surprise; recording goes on as before
        lines.error("reload failed", error=f"{type(error).__name__}: {error}")
        link.reloaded(order.config_version, "its reload failed; the fault is logged")
    else:
        link.reloaded(order.config_version)


async def _record(recorder: Recorder, ledger: Ledger, link: Link) -> None:
    next_report_s = 0.0
    while not link.stop.is_set():
        if not await recorder.turn(is_draining=False):
            await recorder.wait(IDLE_S)
        if (now_s := time.monotonic()) >= next_report_s:
            next_report_s = now_s + _REPORT_S
            link.report({**recorder.figures(), **ledger.figures()})


async def _drain(recorder: Recorder, destination: Destination, link: Link, lines: Lines, directory: Path) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            is_empty = await _empty(recorder, destination, link)
    except TimeoutError:
        is_empty = False
    if not is_empty:
        lines.info(
            "the store is away; what it does not have yet stays in the capture log until the next start",
            bytes=waiting_bytes(directory),
        )
    link.report(recorder.figures())


async def _empty(recorder: Recorder, destination: Destination, link: Link) -> bool:
    """Until all is in the store; False once it is known that nobody will take the rest.

    The log keeps whatever is not acknowledged, so it may end at any moment. While a supervisor stops the roles in order
    it keeps the store up, or starts it again; without one, an embedded store that is gone stays away.
    """
    quiet = 0
    recorder.look_now()
    # Twice in a row: the first turn may have found the last segment, the second its end.
    while quiet < 2:
        moved = await recorder.turn(is_draining=True)
        if recorder.sender.away_s() >= AWAY_S or (link.is_lost and destination.is_gone()):
            return recorder.is_idle
        if moved or not recorder.is_idle:
            quiet = 0
            await recorder.wait(IDLE_S / 5)
        else:
            quiet += 1
    return True
