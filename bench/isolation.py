"""What a broken shadow side does to the primary: `python -m bench.isolation`.

An upstream with recorded LLM latencies stands behind two complete `shadowbench serve`, one that copies nothing and one
that copies everything to a candidate. The same seeded schedule goes through both, one after the other, while the
second's shadow side is broken in one way. Request number i takes the same recorded time in both runs, so what differs
is the mirroring. Afterwards every request must have its place in the audit.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.bars import write_bars
from bench.isolation_report import figures_of, section_of
from bench.isolation_runs import Outcome, Setting, run_scenario, start_serve
from bench.llm import read_plans
from bench.llm_upstream import LlmUpstream
from bench.machine import BenchError, cores, raise_descriptor_limit, say
from bench.measured import measured_now, save
from bench.recordings import RecordingsMissingError, shared_directory
from bench.results import write_section
from bench.scenarios import SCENARIOS, SkippedError


def run_all(setting: Setting, names: Sequence[str]) -> tuple[list[Outcome], list[str]]:
    """All scenarios; those that this machine does not allow are named with the reason."""
    outcomes, skipped = [], []
    for scenario in SCENARIOS:
        if scenario.name not in names:
            continue
        try:
            outcomes.append(run_scenario(setting, scenario))
        except SkippedError as error:
            skipped.append(f"{scenario.name}: {error}")
            say(f"isolation: skipped: {scenario.name}: {error}")
    return outcomes, skipped


def _setting(options: argparse.Namespace, directory: Path, stack: ExitStack) -> Setting:
    serve_core, load_core = cores()
    plans = read_plans(shared_directory(), time_scale=options.time_scale)
    primary = LlmUpstream("primary", directory, core=load_core, mode="healthy", plans=plans)
    stack.callback(primary.stop)
    (directory / "without").mkdir()
    without = start_serve(directory / "without", serve_core, primary.port, primary.port, sample=0.0)
    stack.callback(without.stop)
    without.wait_until_ready()
    full = options.full
    return Setting(
        directory=directory,
        serve_core=serve_core,
        load_core=load_core,
        plans=plans,
        primary=primary,
        without=without,
        rate_per_s=options.rate,
        seconds=20.0 if full else options.seconds,
        runs=10 if full else options.runs,
        stall_s=30.0 if full else options.stall,
        time_scale=options.time_scale,
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(description="The primary's latencies while the shadow side is broken.")
    parser.add_argument("--runs", type=int, default=1, help="pairs of runs, without and with mirroring, per scenario")
    parser.add_argument("--seconds", type=float, default=3.0, help="of load per run, after the warm-up")
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second")
    parser.add_argument("--stall", type=float, default=8.0, help="how long the disk stalls, in seconds")
    parser.add_argument("--time-scale", type=float, default=0.1, help="recorded latencies are multiplied by this")
    parser.add_argument("--scenarios", default=",".join(names), help="names, separated by commas")
    parser.add_argument("--full", action="store_true", help="10 pairs of runs of 20 s, the disk stalls for 30 s")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    options.names = options.scenarios.split(",")
    if unknown := set(options.names) - set(names):
        parser.error(f"no scenario is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the section `isolation` of `RESULTS.md`."""
    options = _options(arguments)
    raise_descriptor_limit()
    try:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shadowbench-isolation-")))
            setting = _setting(options, directory, stack)
            outcomes, skipped = run_all(setting, options.names)
    except RecordingsMissingError as error:
        say(f"bench.isolation: skipped: {error}")
        return 0
    except BenchError as error:
        say(f"bench.isolation: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "bench.isolation", *said])
    measured = measured_now(command, {}, figures_of(setting, outcomes))
    text = section_of(setting, outcomes, skipped, measured)
    if not options.dry:
        save("isolation", measured)
        write_section("isolation", text)
        write_bars()
    print(text)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
