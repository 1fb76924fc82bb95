"""The long form: `python -m tests.kills [--kills 100] [--seed 1]`. Exit 1 when a promise is broken."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.kills.run import Report, kill_often


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="draws them (default: %(default)s)")
    parser.add_argument("--dir", type=Path, help="keeps log and store there instead of in a temporary directory")
    chosen = parser.parse_args()
    if chosen.dir is not None:
        chosen.dir.mkdir(parents=True)
        return _told(asyncio.run(_run(chosen.dir.resolve(), chosen.kills, chosen.seed)))
    with tempfile.TemporaryDirectory() as directory:
        return _told(asyncio.run(_run(Path(directory), chosen.kills, chosen.seed)))


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
