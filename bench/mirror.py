"""CPU and throughput of one pinned worker beside other mirrors, in one run: `python -m bench.mirror`.

Every contender runs on a core of its own; load generator and upstreams share the other. Rounds are interleaved, so that
a change of the machine's speed meets all contenders. The others record nothing; shadowbench rewrites the copy's model
and writes both sides to its capture log, and after every round the log is read back and compared with what was sent.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.bars import write_bars
from bench.contenders import Contender, envoy_version, nginx_version
from bench.machine import BenchError, raise_descriptor_limit, say
from bench.measured import Figure, Measured, measured_now, save
from bench.peers import AiohttpMirror, LiteLLM, Portkey, aiohttp_version, litellm_version, portkey_version
from bench.recorder_cost import RecorderCost, measure_recorder
from bench.results import spread, table, write_section
from bench.rounds import EVENTS, WARM_UP_S, Kind, Row, Stand, measure, measure_direct, measure_worker

_PACKAGES = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}
DIRECT, NGINX, ENVOY, SHADOWBENCH = "direct, no proxy", "nginx mirror", "Envoy mirror", "shadowbench, captured"
AIOHTTP, LITELLM, PORTKEY = "aiohttp mirror", "LiteLLM silent_model", "Portkey gateway, no mirror"


KINDS = (
    Kind("saturated", "1.2 kB JSON, 16 connections (saturated)", 1200, 16, slow_peers=True),
    Kind("single", "1.2 kB JSON, 1 connection (one request at a time)", 1200, 1),
    Kind("50_kib", "50 KiB requests, 1.2 kB answers, 16 connections", 50 * 1024, 16),
    Kind("streams", f"event streams of {EVENTS} events, 5 ms apart, 64 connections", 1200, 64, streams=True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of all contenders under one kind of load."""

    kind: Kind
    rows: dict[str, Row]
    recorder: RecorderCost


def run_kind(kind: Kind, *, rounds: int, seconds: float) -> Result:
    """All rounds of all contenders that are installed, then the recorder."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shadowbench-bench-")))
        stand = Stand(kind, directory, stack)
        turns: dict[str, Callable[[Row], None]] = {DIRECT: lambda row: measure_direct(stand, row, seconds)}
        for name, contender in _standing(stand):
            stack.callback(contender.stop)
            stand.check_answer(contender)
            turns[name] = _turn(stand, seconds, contender)
        turns[SHADOWBENCH] = lambda row: measure_worker(stand, row, seconds)
        rows = {name: Row() for name in turns}
        for number in range(rounds):
            for name, turn in turns.items():
                say(f"{kind.title}: round {number + 1} of {rounds}, {name}")
                turn(rows[name])
        say(f"{kind.title}: recorder")
        return Result(kind, rows, measure_recorder(stand, seconds))


def _standing(stand: Stand) -> Iterator[tuple[str, Contender]]:
    """The contenders that are installed, started; slow ones only where the load says so."""
    ports = {"primary": stand.primary.port, "candidate": stand.candidate.port}
    if nginx_version() is not None:
        yield NGINX, stand.nginx()
    if envoy_version() is not None:
        yield ENVOY, stand.envoy()
    if not stand.kind.slow_peers:
        return
    yield AIOHTTP, AiohttpMirror(stand.directory, core=stand.proxy_core, **ports)
    for name, version, make in ((LITELLM, litellm_version(), LiteLLM), (PORTKEY, portkey_version(), Portkey)):
        if version is not None:
            yield name, make(stand.directory, core=stand.proxy_core, **ports)
        else:
            say(f"{name} is left out: not installed; python -m bench.peers install")


def _turn(stand: Stand, seconds: float, contender: Contender) -> Callable[[Row], None]:
    def turn(row: Row) -> None:
        measure(stand, row, seconds, contender)

    return turn


def section_of(result: Result) -> str:
    """The table of one kind of load."""
    rows = result.rows
    head = ("", "CPU µs per request", "requests/s", "p50 µs", "p99 µs", "CPU / nginx", "CPU / Envoy", "requests")
    own = [(name, row, median(row.cpu_us) if row.cpu_us else None) for name, row in rows.items()]
    against = {name: cpu for name, _, cpu in own}
    lines = [
        (
            name,
            spread(row.cpu_us, 1),
            spread(row.requests_per_s),
            spread(row.p50_us),
            spread(row.p99_us),
            _ratio(cpu, against.get(NGINX)),
            _ratio(cpu, against.get(ENVOY)),
            f"{row.requests:,}",
        )
        for name, row, cpu in own
    ]
    checked = rows[SHADOWBENCH].captured
    note = f"{checked:,} exchanges were read back from the capture log (warm-up included) and hold the bytes sent."
    cost = result.recorder
    beside = (
        f"Beside the worker: recorder {cost.recorder_us:.0f} µs of CPU per pair ({1e6 / cost.recorder_us:,.0f} pairs/s "
        f"and core), embedded store {cost.store_us:.0f} µs, over {cost.pairs:,} pairs recorded afterwards."
    )
    return f"### {result.kind.title}\n\n{table(head, lines)}\n\n{note}\n{beside}\n"


def _ratio(cpu_us: float | None, other_us: float | None) -> str:
    return "-" if cpu_us is None or other_us is None else f"{cpu_us / other_us:.2f}"


def report(results: Sequence[Result], measured: Measured, rounds: int, seconds: float) -> str:
    """The section of `RESULTS.md`."""
    text = f"""## One worker beside other mirrors

{measured.place}

One proxy on one core; wrk and both upstreams on the other. Each cell: median of {rounds} interleaved rounds of
{seconds:g} s after {WARM_UP_S:g} s of warm-up, in brackets the smallest and largest. CPU is user and system time of the
proxy's processes until the last copy is made, divided by the requests that reached the primary. Every request is copied
to a second upstream (not by Portkey's gateway). Only shadowbench records: it replaces the copy's model and writes both
sides to its capture log (the log writer's thread is counted).
"""
    return "\n".join([text, *(section_of(result) for result in results)])


def versions_of_peers() -> dict[str, str]:
    """Of all that took part or could have."""
    return {
        "nginx": nginx_version() or "absent",
        "Envoy": envoy_version() or "absent",
        "aiohttp": aiohttp_version(),
        "LiteLLM": litellm_version() or "absent",
        "Portkey gateway": portkey_version() or "absent",
    }


def figures_of(results: Sequence[Result]) -> dict[str, Figure]:
    """What the bars are held against: CPU of a request, round by round, as a share of the others'."""
    figures: dict[str, Figure] = {}
    for result in results:
        own = result.rows[SHADOWBENCH].cpu_us
        figures[f"cpu_us_{result.kind.key}"] = Figure.over(own)
        for name, key in ((NGINX, "nginx"), (ENVOY, "envoy")):
            if name in result.rows:
                ratios = [mine / theirs for mine, theirs in zip(own, result.rows[name].cpu_us, strict=True)]
                figures[f"cpu_vs_{key}_{result.kind.key}"] = Figure.over(ratios)
    return figures


def install_missing() -> None:
    """Brings load generator and nginx onto a Debian machine where we may.

    Raises:
        BenchError: they are missing, and we may not.
    """
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BenchError(f"install {' '.join(missing)} first (Debian: apt-get install {' '.join(missing)})")
    say(f"installing {' '.join(missing)}")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise BenchError(f"apt-get could not install {' '.join(missing)}: {done.stderr.strip()[-200:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison and writes its section of `RESULTS.md`."""
    parser = argparse.ArgumentParser(description="CPU per mirrored and captured exchange beside other mirrors.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="whole seconds of load per round")
    parser.add_argument("--kinds", default="0,1,2,3", help="numbers of the loads to run, 0 to 3")
    parser.add_argument("--full", action="store_true", help="10 rounds of 5 s")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    rounds, seconds = (10, 5.0) if options.full else (options.rounds, options.seconds)
    raise_descriptor_limit()
    try:
        install_missing()
        kinds = [KINDS[int(number)] for number in options.kinds.split(",")]
        results = [run_kind(kind, rounds=rounds, seconds=seconds) for kind in kinds]
    except BenchError as error:
        say(f"bench.mirror: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "bench.mirror", *said])
    measured = measured_now(command, versions_of_peers(), figures_of(results))
    text = report(results, measured, rounds, seconds)
    if not options.dry:
        save("mirror", measured)
        write_section("mirror", text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
