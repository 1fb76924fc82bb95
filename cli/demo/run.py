"""The order of events: providers, proxy, traffic, verdict; and everything that was started is ended."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.demo.place import CONFIGURATION, claimed
from cli.demo.processes import (
    DemoError,
    free_ports,
    run_command,
    start_providers,
    start_serve,
    wait_until_ready,
)
from cli.demo.recorded import wait_until_judged, wait_until_recorded
from cli.demo.schedule import calls
from cli.demo.screen import Screen
from cli.demo.setting import LEGS, configuration, write_configuration
from cli.demo.traffic import Tally, Traffic
from runtime.tasks import Tasks

RATE_PER_S = 50.0
CALM_RATE_PER_S = 5.0
"""After the verdict, while the demonstration keeps running."""
_RECORD_TIMEOUT_S = 20.0
_JUDGE_TIMEOUT_S = 40.0
_BAR_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    seconds: float
    exit_after: bool
    seed: int
    directory: Path
    """Where configuration and data go."""


@dataclass(frozen=True, slots=True)
class _Running:
    """What was started."""

    configuration: Path
    base_url: str
    admin_url: str
    pages_url: str


async def demonstrate(options: Options, screen: Screen) -> None:
    """Runs the demonstration to its end; Ctrl-C and SIGTERM end it early and in order.

    Raises:
        DemoError: it could not be shown; one line.
        asyncio.CancelledError: it was ended early.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are inside one
    # asyncio.run does the same for Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with claimed(options.directory) as data:
        async with _pipeline(options, data, screen) as running:
            await _show(options, running, screen)


@asynccontextmanager
async def _pipeline(options: Options, data: Path, screen: Screen) -> AsyncIterator[_Running]:
    """Simulated providers with `shadowbench serve` in front of them."""
    providers, ports = await start_providers(seed=options.seed, log=data / "providers.log")
    try:
        listed = ", ".join(f"{name} on port {port}" for name, port in ports.items())
        screen.say(f"simulated providers: {listed} (no real model is called)")
        listen, admin, dashboard = free_ports(3)
        path = options.directory / CONFIGURATION
        relative = data.relative_to(options.directory)
        values = configuration(
            ports, listen_port=listen, admin_port=admin, dashboard_port=dashboard, data=str(relative)
        )
        write_configuration(path, values)
        log = data / "serve.log"
        serve = await start_serve(path, log=log)
        try:
            await wait_until_ready(serve, admin_port=admin, log=log)
            running = _Running(path, *(f"http://127.0.0.1:{port}" for port in (listen, admin, dashboard)))
            screen.say(f"shadowbench serve -c {path}: {running.base_url}, metrics at {running.admin_url}/metrics")
            screen.say(f"pages: {running.pages_url}/")
            yield running
        finally:
            await serve.stop()
    finally:
        await providers.stop()


async def _show(options: Options, running: _Running, screen: Screen) -> None:
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {type(error).__name__}: {error}"))
    try:
        tally = await _send(options, running, tasks, screen)
        await _verdict(running, tally, datetime.now(UTC), screen)
        if failures:
            raise DemoError(f"the simulated traffic failed: {failures[0]}")
        if not options.exit_after:
            screen.say("still running with light traffic; Ctrl-C ends it. In another terminal:")
            screen.say(f"  shadowbench report -c {running.configuration}")
            screen.say(f"  shadowbench gate -c {running.configuration}")
            screen.say(f"Which answer is better? The judge can be compared with you: {running.pages_url}/label")
            schedule = calls(seed=options.seed + 1, rate_per_s=CALM_RATE_PER_S)
            await Traffic(running.base_url, tasks).run(schedule, seconds=None)
    finally:
        await tasks.close()


async def _send(options: Options, running: _Running, tasks: Tasks, screen: Screen) -> Tally:
    """Sends the traffic and shows how far it is."""
    traffic = Traffic(running.base_url, tasks)
    schedule = calls(seed=options.seed, rate_per_s=RATE_PER_S)
    loop = asyncio.get_running_loop()
    started = loop.time()
    with screen.bar("simulated traffic", options.seconds) as bar:
        work = tasks.start("traffic", traffic.run(schedule, seconds=options.seconds))
        while not work.done():
            await asyncio.wait({work}, timeout=_BAR_STEP_S)
            bar.update(min(loop.time() - started, options.seconds), _text(traffic.tally))
    await work
    if not traffic.tally.answered:
        raise DemoError("no request was answered; see serve.log beside the data")
    return traffic.tally


def _text(tally: Tally) -> str:
    parts = [f"{tally.sent:,} sent", f"{tally.answered:,} answered", f"{tally.refused:,} simulated errors"]
    if tally.failed or tally.shed:
        parts.append(f"{tally.failed:,} failed, {tally.shed:,} not sent")
    return ", ".join(parts)


async def _verdict(running: _Running, tally: Tally, sent_until: datetime, screen: Screen) -> None:
    """Waits for the record and for the judge, then prints what `report` and `audit` say."""
    legs = tally.sent * LEGS
    held = await wait_until_recorded(running.configuration, legs=legs, timeout_s=_RECORD_TIMEOUT_S)
    screen.say(f"recorded: {held:,} of {legs:,} copies ({tally.sent:,} requests, {LEGS} copies each)")
    await _judged(running, sent_until, screen)
    for command in ("report", "audit"):
        screen.say("")
        code = await run_command(command, "-c", str(running.configuration))
        if code != 0:
            raise DemoError(f"shadowbench {command} failed with exit code {code}")
    if held < legs:
        raise DemoError(f"{legs - held:,} copies were not recorded within {_RECORD_TIMEOUT_S:g} s")


async def _judged(running: _Running, until: datetime, screen: Screen) -> None:
    """Waits for the simulated judge; what it has not done by then is no fault, and is said."""
    judged = await wait_until_judged(running.configuration, until=until, timeout_s=_JUDGE_TIMEOUT_S)
    if judged is None:
        screen.say("judged: nothing yet")
        return
    late = "" if judged.until >= until else "; it is still at work"
    screen.say(f"judged: {judged.pairs:,} pairs in {judged.calls:,} calls, ${judged.usd:.2f} (simulated){late}")
