"""One run: load, kills, recovery, a stop in peace, and the account."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.tasks import Tasks
from tests.kills.account import end_owner, read_account
from tests.kills.client import Client
from tests.kills.oracle import Findings, Lists, judge
from tests.kills.plan import EVERYTHING, plan
from tests.kills.program import PATIENCE_S, Program, port_of, write_configuration
from tests.kills.upstreams import Upstreams

_FIRST_LOAD_S = 1.0
_LAST_LOAD_S = 1.0
_STARTS_AT_MOST = 3
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    kills: Counter[str]
    requests: Counter[str]
    cut: int
    """Requests whose answer broke off."""
    findings: Findings
    compared: tuple[str, ...]
    """Tables of sums that were compared with the rows."""
    audit_exit: int
    audit_text: str
    seconds: float

    def lines(self) -> list[str]:
        """The table of counts."""
        found = self.findings
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.requests.items())
        return [
            f"{self.kills.total()} kills in {self.seconds:.0f} s: "
            + ", ".join(f"{kind} {n}" for kind, n in self.kills.most_common()),
            f"{self.requests.total()} requests ({kinds}), {self.cut} cut off by a kill",
            f"answers that had to be there {found.due} (a request times a candidate), missing {found.missing}",
            f"close to their worker's death, or cut: {found.in_grace_found} found, {found.in_grace_lost} not",
            f"doubled {found.doubled}",
            f"texts compared {found.texts}",
            "counted as worker_lost: " + ", ".join(f"{arm} {n}" for arm, n in found.counted_lost.items()),
            "skips: " + ", ".join(f"{reason} {n}" for reason, n in found.skips.most_common()),
            f"sums that equal the rows: {', '.join(self.compared)}",
            f"audit ends with {self.audit_exit}",
        ]


async def kill_often(directory: Path, *, kills: int, seed: int, say: Say = lambda _: None) -> Report:
    """Runs in an empty directory.

    Raises:
        TimeoutError: something did not come up again.
        AssertionError: `serve` ended by itself, or did not end in peace.
    """
    began_s = time.monotonic()
    async with Upstreams(seed) as upstreams:
        config = write_configuration(directory, upstreams)
        client, program = Client(port_of(config), seed), Program(config)
        tasks = Tasks(lambda operation, error: client.faults.append(f"{operation}: {error!r}"))
        try:
            blows = await _under_load(program, client, tasks, upstreams, kills=kills, seed=seed, say=say)
            await _recorded(program, directory / "capture")
        finally:
            await tasks.close()
            program.end()
    account = await asyncio.to_thread(read_account, directory / "store")
    code, text = await _audit(config)
    end_owner(directory / "store")
    findings = judge(Lists(client.asked, upstreams.served, program.deaths), account)
    findings.faults += [*client.faults, *_left(directory)]
    findings.faults += [f"{o.name}: answered with {o.status}" for o in client.asked if o.status not in {None, 200}]
    return Report(
        kills=blows,
        requests=Counter(one.kind.value for one in client.asked),
        cut=sum(one.ended_s is None for one in client.asked),
        findings=findings,
        compared=tuple(account.sums),
        audit_exit=code,
        audit_text=text,
        seconds=time.monotonic() - began_s,
    )


async def _under_load(
    program: Program, client: Client, tasks: Tasks, upstreams: Upstreams, *, kills: int, seed: int, say: Say
) -> Counter[str]:
    program.start()
    await program.until_up()
    client.workers = program.workers()
    client.start(tasks)
    tasks.start("waits", program.waits.watch())
    await asyncio.sleep(_FIRST_LOAD_S)
    blows: Counter[str] = Counter()
    for number, blow in enumerate(plan(kills, seed), 1):
        await asyncio.sleep(blow.after_s)
        killed = program.kill(blow)
        blows[blow.kind] += 1
        struck_s = time.monotonic()
        if EVERYTHING in blow.victims:
            program.start()
        await program.until_up(but=killed)
        client.workers = program.workers()
        say(f"{number:4} {blow.kind:<30} up again after {time.monotonic() - struck_s:5.1f} s, "
            f"{client.finished} answers so far")  # fmt: skip
    await asyncio.sleep(_LAST_LOAD_S)
    client.end()
    async with asyncio.timeout(PATIENCE_S):
        while upstreams.under_way() or any(task.get_name().startswith("client") for task in asyncio.all_tasks()):
            await asyncio.sleep(0.05)
    return blows


async def _recorded(program: Program, capture: Path) -> None:
    """A stop in peace leaves nothing in the log; where a busy store was given up on, the next start records it."""
    for _ in range(_STARTS_AT_MOST):
        assert await program.stop() == 0, program.log.read_text()[-4000:]
        if not _segments(capture):
            return
        program.start()
        await program.until_up()
    raise AssertionError(f"not recorded: {_segments(capture)}")


def _segments(capture: Path) -> list[str]:
    return sorted(path.name for path in capture.iterdir() if path.name != "quarantine")


def _left(directory: Path) -> list[str]:
    aside = directory / "capture" / "quarantine"
    return [f"set aside: {path.name}" for path in sorted(aside.iterdir())] if aside.exists() else []


async def _audit(config: Path) -> tuple[int, str]:
    """Exit code and what it says, with a fault for every line that does not add up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "audit", "-c", str(config), "--json",
        cwd=config.parent, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": _root()},
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    code = process.returncode
    assert code is not None
    return code, json.dumps(json.loads(output)) + errors.decode() if output else errors.decode()


def _root() -> str:
    return str(Path(__file__).resolve().parents[2])
