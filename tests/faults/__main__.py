"""Switches every protection off, one at a time, and looks whether its test notices: `python -m tests.faults`.

Each test runs in a copy of the tree, first as it is, where it must pass, then once per mutation, where it must fail:
by an assertion, or because what it waited for never came. Any other failure means that the mutation broke the code
and proves nothing. Exit 1 when a mutant survives.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.faults.collection import FaultTest, fault_tests
from tests.faults.mutation import ROOT, Mutation
from tests.faults.outcomes import VARIABLE

RUN_TIMEOUT_S = 180
NOTICED = frozenset({"AssertionError", "Failed", "TimeoutError"})
"""What a test raises whose promise is broken."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one run ended."""

    node: str
    what: str
    """The mutation, or `as it is`."""
    good: bool
    ending: str
    seconds: float

    def line(self) -> str:
        """One row of the table."""
        return f"{'ok  ' if self.good else 'BAD '} {self.seconds:6.1f} s  {self.ending:<22} {self.node}  [{self.what}]"


def tree_files() -> list[Path]:
    """What makes the tree: what git keeps or would keep, without anything compiled."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = (Path(name) for name in listed.stdout.split("\0") if name and not name.endswith(".so"))
    return [name for name in names if (ROOT / name).is_file()]


def copy_tree(files: list[Path], place: Path) -> None:
    """Copies the tree to `place`."""
    for name in files:
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())


def run(place: Path, node: str) -> tuple[str, bool, bool]:
    """(how it ended, did it pass?, did it notice?) of one test in a copy."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as outcomes:
        environment = {**os.environ, VARIABLE: outcomes.name, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.faults.outcomes", "-p", "no:cacheprovider", node]
        try:
            ended = subprocess.run(
                command, cwd=place, env=environment, capture_output=True, timeout=RUN_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return "did not end", False, False
        failures = sorted({line.strip() for line in outcomes})
    if ended.returncode == 0:
        skipped = b" skipped" in ended.stdout and b" passed" not in ended.stdout
        return ("skipped" if skipped else "passed"), not skipped, False
    # Fixtures may fail in the wake of a test; they neither notice nor excuse.
    raised = [kind for when, kind in map(str.split, failures) if when == "call"]
    noticed = bool(raised) and NOTICED.issuperset(raised)
    return (", ".join(failures) or f"pytest exit {ended.returncode}"), False, noticed


def judge(test: FaultTest, place: Path) -> Iterator[Verdict]:
    """The test as it is, then under each mutation; `place` is left as it was."""
    began_s = time.monotonic()
    ending, passed, _ = run(place, test.node)
    yield Verdict(test.node, "as it is", passed or ending == "skipped", ending, time.monotonic() - began_s)
    if passed:
        yield from (_mutant(test.node, mutation, place) for mutation in test.mutations)


def _mutant(node: str, mutation: Mutation, place: Path) -> Verdict:
    began_s = time.monotonic()
    path = place / mutation.file
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutation.applied(text), encoding="utf-8")
        ending, passed, noticed = run(place, node)
    except ValueError as error:
        ending, passed, noticed = str(error), False, False
    finally:
        path.write_text(text, encoding="utf-8")
    what = f"{mutation.file}: {mutation.old.strip().splitlines()[0][:60]}"
    return Verdict(node, what, noticed, "SURVIVED" if passed else ending, time.monotonic() - began_s)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="tests whose name or mutated file holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="tests at once (default: cores)")
    chosen = parser.parse_args()
    tests = [
        t for t in fault_tests() if chosen.only in t.node or any(chosen.only in m.file for m in t.mutations)
    ]  # fmt: skip
    if not tests:
        print(f"no fault test matches {chosen.only!r}", file=sys.stderr)
        return 1
    files = tree_files()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(chosen.jobs) as pool:
        places: SimpleQueue[Path] = SimpleQueue()
        for number in range(min(chosen.jobs, len(tests))):
            copy_tree(files, Path(directory, str(number)))
            places.put(Path(directory, str(number)))

        def work(test: FaultTest) -> list[Verdict]:
            place = places.get()
            try:
                return list(judge(test, place))
            finally:
                places.put(place)

        for done in pool.map(work, tests):
            verdicts += done
            for verdict in done:
                print(verdict.line(), flush=True)
    mutants = [v for v in verdicts if v.what != "as it is"]
    bad = [v for v in verdicts if not v.good]
    print(f"{len(tests)} tests, {len(mutants)} mutants; {len(bad)} to look at")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
