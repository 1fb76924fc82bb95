"""The long form: `python -m tests.calibration`, or `make calibrate`."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import scipy

from tests.calibration import corrected, coverage, false_alarms, gates, missing, power, stored, watches
from tests.calibration.replicated import replicated
from tests.calibration.tables import Section
from tests.calibration.validity import Made, page, unmet

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validity.md"
THEMES = {
    "false_alarms": false_alarms,
    "coverage": coverage,
    "gates": gates,
    "power": power,
    "watches": watches,
    "missing": missing,
    "corrected": corrected,
}


def main() -> int:
    """Runs, writes the page when all themes were run, and names what is missed."""
    asked = _arguments()
    begun = time.monotonic()
    chosen = asked.only or [*THEMES, "stored"]
    sections: list[Section] = []
    for name, theme in THEMES.items():
        if name in chosen:
            results = replicated(theme.RUNS, asked=asked.replications, seed=asked.seed, processes=asked.processes)
            sections.append(theme.section(results))
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    if "stored" in chosen:
        sections.append(stored.section(stored.experiments(asked.stored, seed=asked.seed)))
    made = Made(
        command=_command(asked),
        seed=asked.seed,
        replications=asked.replications,
        seconds=time.monotonic() - begun,
        processes=asked.processes,
        versions=f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}",
    )
    text = page(made, sections)
    out = asked.out or (PAGE if set(chosen) >= {*THEMES, "stored"} else None)
    if out is None:
        print(text)
    else:
        out.write_text(text, encoding="utf-8")
    for line in unmet(sections):
        print(f"missed: {line}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--replications", type=int, default=2000, help="of each line (default 2000)")
    parser.add_argument("--stored", type=int, default=100, help="replications through the store, of each traffic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=_cores(), help="default: all cores")
    parser.add_argument("--only", action="append", choices=[*THEMES, "stored"], help="one theme; may be repeated")
    parser.add_argument(
        "--out", type=Path, help="where the page goes (default docs/validity.md; of some themes: shown)"
    )
    return parser.parse_args()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _command(asked: argparse.Namespace) -> str:
    given = f"--replications {asked.replications} --stored {asked.stored} --seed {asked.seed}"
    return f'make calibrate ARGS="{given}"'


if __name__ == "__main__":
    sys.exit(main())
