"""`python -m bench` runs every comparison in its short form, one after the other; `python -m bench NAME ...` one."""

import sys
from collections.abc import Callable, Mapping, Sequence

from bench import bars, isolation, judge, latency, mirror, recorder, report, rollups, store_size, streams, visible

BENCHMARKS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "mirror": mirror.main,
    "latency": latency.main,
    "isolation": isolation.main,
    "streams": streams.main,
    "recorder": recorder.main,
    "rollups": rollups.main,
    "report": report.main,
    "store_size": store_size.main,
    "judge": judge.main,
    "visible": visible.main,
    "bars": bars.main,
}


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmark that the first argument names, else all of them with all arguments."""
    if arguments and arguments[0] in BENCHMARKS:
        return BENCHMARKS[arguments[0]](arguments[1:])
    return max(run(arguments) for name, run in BENCHMARKS.items() if name != "bars")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
