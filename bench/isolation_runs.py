"""Pairs of runs of one scenario: without mirroring, then with it, or the other way round."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from bench.frozen_disk import NotPermittedError, StallingDisk
from bench.generated import Generating, Run
from bench.llm import Plan
from bench.llm_upstream import LlmUpstream
from bench.machine import free_port, say
from bench.scenarios import Scenario, Scene, SkippedError
from bench.schedule import Instants, instants
from bench.served import Served, states_of
from cli.role import MODULES

WORKERS = 2
WARM_UP_S = 1.0
CANDIDATE = "candidate"
_CONNECTIONS = 64
_MOST_CONNECTIONS = 2_048
_LEG_LIMITS = {"connect": "500ms", "first_byte": "3s", "idle": "3s", "total": "4s"}
"""Of the candidate, scaled down as the latencies are."""
_OUR_OWN = "no_match"
"""Only our own questions (is it up, are new connections answered) are no inference calls."""
_GRACE_S = 10.0
_SETTLE_S = 30.0
_POLL_S = 0.5


@dataclass(slots=True)
class Setting:
    """What all scenarios share."""

    directory: Path
    serve_core: int
    load_core: int
    plans: Sequence[Plan]
    primary: LlmUpstream
    without: Served
    """Copies nothing; the same for all scenarios."""
    rate_per_s: float
    seconds: float
    runs: int
    stall_s: float
    time_scale: float

    def schedule(self, scenario: Scenario, number: int) -> Instants:
        """The schedule of a pair of runs."""
        return instants("poisson", self.rate_per_s, self.load_s(scenario), seed=number)

    def load_s(self, scenario: Scenario) -> float:
        """How long load lasts; a stall lies wholly inside."""
        return WARM_UP_S + self.seconds + (self.stall_s if scenario.stalls else 0.0)


@dataclass(slots=True)
class Outcome:
    """What all runs of a scenario gave."""

    scenario: Scenario
    pairs: list[tuple[Run, Run]] = field(default_factory=list)
    """(without mirroring, with mirroring), warm-up included."""
    states: Counter[str] = field(default_factory=Counter)
    """What became of the copies, by the audit, and pairs by the candidate's outcome."""
    unaccounted: int = 0
    """Requests that were sent and have no place in the audit."""
    failed_own: int = 0
    """Failures on connections that had to die with their worker."""
    slowest_new_s: float | None = None
    start_s: float = 0.0
    """From `serve` to its first answer."""
    faults: list[str] = field(default_factory=list)
    """What must not be."""

    def failed(self) -> int:
        """Primary requests that failed with mirroring and should not have."""
        return sum(sum(having.failures().values()) for _, having in self.pairs) - self.failed_own

    def failed_without(self) -> int:
        """Primary requests that failed without mirroring: then the stand is at fault."""
        return sum(sum(without.failures().values()) for without, _ in self.pairs)


def run_scenario(setting: Setting, scenario: Scenario) -> Outcome:
    """All pairs of runs, then the audit.

    Raises:
        SkippedError: this machine or this shadowbench does not have it.
        BenchError: something beside what is measured failed.
    """
    if scenario.role is not None and scenario.role not in MODULES:
        raise SkippedError(f"this shadowbench has no {scenario.role}")
    outcome = Outcome(scenario)
    directory = Path(mkdtemp(dir=setting.directory, prefix=f"{scenario.name.replace(' ', '-')}-"))
    with ExitStack() as stack:
        disk = _disk(scenario, directory, stack)
        candidate = _candidate(setting, scenario, directory, stack)
        port = candidate.port if candidate is not None else free_port()
        having = start_serve(directory, setting.serve_core, setting.primary.port, port, sample=1.0, disk=disk)
        stack.callback(having.stop)
        outcome.start_s = having.first_answer_s("/v1/models")
        having.wait_until_ready()
        if scenario.role is not None and not having.role_pids(scenario.role):
            raise SkippedError(f"no {scenario.role} runs here")
        for number in range(setting.runs):
            _run_pair(setting, outcome, (setting.without, having), disk, number)
        _check(setting, outcome, having, candidate)
    return outcome


def _disk(scenario: Scenario, directory: Path, stack: ExitStack) -> StallingDisk | None:
    if not scenario.stalls:
        return None
    try:
        return stack.enter_context(StallingDisk(directory))
    except NotPermittedError as error:
        raise SkippedError(str(error)) from None


def _candidate(setting: Setting, scenario: Scenario, directory: Path, stack: ExitStack) -> LlmUpstream | None:
    if scenario.candidate == "refuses":
        return None
    # Niced: a flood must not take the core from the primary upstream and the generator, which share it.
    made = LlmUpstream(
        CANDIDATE, directory, core=setting.load_core, mode=scenario.candidate, plans=setting.plans, nice=19
    )
    stack.callback(made.stop)
    return made


def start_serve(
    directory: Path, core: int, primary: int, candidate: int, *, sample: float, disk: StallingDisk | None = None
) -> Served:
    """A whole shadowbench on one core; with `disk`, its capture log and its store lie there."""
    values: dict[str, Any] = {
        "primary": {"url": f"http://127.0.0.1:{primary}"},
        "candidates": [
            {
                "name": CANDIDATE,
                "url": f"http://127.0.0.1:{candidate}",
                "model": "another-model",
                "sample": sample,
                "max_in_flight": 256,
                "max_response": "8MiB",
                "timeout": _LEG_LIMITS,
                # It is to go on failing: a breaker that opens would end what is measured.
                "breaker": {"failures": 0},
                "shares_primary": False,
            }
        ],
        "drain": "5s",
    }
    if disk is not None:
        values |= {"capture": {"dir": str(disk.path / "capture")}, "store": {"dir": str(disk.path / "store")}}
    return Served(directory, values, core=core, workers=WORKERS)


def _run_pair(
    setting: Setting, outcome: Outcome, served: tuple[Served, Served], disk: StallingDisk | None, number: int
) -> None:
    scenario = outcome.scenario
    runs: dict[int, Run] = {}
    # The order alternates, so that neither side always comes second.
    for side in (0, 1) if number % 2 == 0 else (1, 0):
        say(f"isolation: {scenario.name}: run {number + 1} of {setting.runs}, {('without', 'with')[side]} mirroring")
        runs[side] = _run(setting, outcome, served[side], disk, number, breaks=side == 1)
    outcome.pairs.append((runs[0], runs[1]))


def _run(
    setting: Setting, outcome: Outcome, served: Served, disk: StallingDisk | None, number: int, *, breaks: bool
) -> Run:
    scenario = outcome.scenario
    generating = Generating(
        setting.directory,
        setting.schedule(scenario, number),
        core=setting.load_core,
        port=served.port,
        connections=_CONNECTIONS,
        most_connections=_MOST_CONNECTIONS,
        grace_s=_GRACE_S,
        headers={"authorization": "Bearer client-key"},
    )
    scene = Scene(served, generating.start_ns, setting.load_s(scenario), setting.stall_s, disk)
    try:
        if breaks and scenario.fault is not None:
            scenario.fault(scene)
        run = generating.finish()
    finally:
        generating.stop()
    if disk is not None:
        disk.wait()
    if breaks:
        failed = run.records[~run.ok()]
        outcome.failed_own += int(np.isin(failed["local_port"], sorted(scene.own_ports)).sum())
        if scene.slowest_new_s is not None:
            outcome.slowest_new_s = max(outcome.slowest_new_s or 0.0, scene.slowest_new_s)
        _wait_for_copies(served)
    return run


def _wait_for_copies(served: Served) -> None:
    """Copies outlast their requests; the next run is not to meet them."""
    deadline = time.monotonic() + _GRACE_S
    while served.open_copies() > 0 and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _check(setting: Setting, outcome: Outcome, having: Served, candidate: LlmUpstream | None) -> None:
    sent = sum(len(run.records) for _, run in outcome.pairs)
    deadline = time.monotonic() + _SETTLE_S
    while True:
        lines = having.audit()
        outcome.states = states_of(lines, CANDIDATE)
        del outcome.states[_OUR_OWN]
        outcome.unaccounted = abs(sent - (outcome.states.total() - outcome.states["under way"]))
        settled = outcome.states["under way"] == 0 and all(line["adds_up"] for line in lines)
        if (settled and outcome.unaccounted <= outcome.failed_own) or time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    if outcome.scenario.kills_worker:
        # What had not been read when its worker died was never received.
        outcome.unaccounted = max(0, outcome.unaccounted - outcome.failed_own)
    outcome.faults += [f"audit: {line['fault']}" for line in lines if not line["adds_up"]]
    if outcome.unaccounted:
        outcome.faults.append(f"{outcome.unaccounted} of {sent} requests have no place in the audit: {outcome.states}")
    if outcome.failed():
        outcome.faults.append(f"{outcome.failed()} primary requests failed with mirroring")
    if outcome.failed_without():
        outcome.faults.append(f"{outcome.failed_without()} primary requests failed without mirroring")
    pairs = having.rows("SELECT candidate_outcome AS outcome, count() AS n FROM pairs GROUP BY outcome")
    outcome.states.update({f"pairs {row['outcome']}": int(row["n"]) for row in pairs})
    outcome.states = +outcome.states
