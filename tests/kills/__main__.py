"""The long form: `python -m tests.kills [--kills 100] [--seed 1]`, with `--judge` that of judging instead of recording.

Exit 1 when a promise is broken.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.kills import judge_run
from tests.kills.judge_run import JudgeReport
from tests.kills.run import Report, kill_often

_PAIRS_PER_KILL = 40
"""Requests to be judged, so that there is work until the last kill."""


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="draws them (default: %(default)s)")
    parser.add_argument("--judge", action="store_true", help="kills the judge and its store, and nobody else")
    parser.add_argument("--dir", type=Path, help="keeps log and store there instead of in a temporary directory")
    chosen = parser.parse_args()
    if chosen.dir is not None:
        chosen.dir.mkdir(parents=True)
        return _main(chosen.dir.resolve(), chosen)
    with tempfile.TemporaryDirectory() as directory:
        return _main(Path(directory), chosen)


def _main(directory: Path, chosen: argparse.Namespace) -> int:
    if chosen.judge:
        return _told_of_judge(asyncio.run(_run_judge(directory, chosen.kills, chosen.seed)))
    return _told(asyncio.run(_run(directory, chosen.kills, chosen.seed)))


async def _run_judge(directory: Path, kills: int, seed: int) -> JudgeReport:
    pairs = _PAIRS_PER_KILL * kills
    return await judge_run.kill_often(
        directory, kills=kills, pairs=pairs, seed=seed, say=lambda line: print(line, flush=True)
    )


def _told_of_judge(report: JudgeReport) -> int:
    print("\n".join(report.lines()))
    for fault in report.findings.shown():
        print(f"FAULT {fault}")
    return 1 if report.findings.faults else 0


async def _run(directory: Path, kills: int, seed: int) -> Report:
    return await kill_often(directory, kills=kills, seed=seed, say=lambda line: print(line, flush=True))


def _told(report: Report) -> int:
    print("\n".join(report.lines()))
    for fault in report.findings.shown():
        print(f"FAULT {fault}")
    if report.audit_exit:
        print(report.audit_text)
    return 1 if report.findings.faults or report.audit_exit else 0


if __name__ == "__main__":
    sys.exit(main())
