"""The judge role with a quicker heart, so that a test need not wait until a process is heard of, or given up."""

import sys
from unittest import mock

from analyzer.judge import leading
from cli.role import main
from store.judging import progress

BEAT_S = 0.3
FRESH_S = 2.0
ACTIVE_S = 4.0
"""The proportions stay: several beats within freshness, and freshness well within activity."""


def hurried() -> int:
    """Runs the role."""
    with (
        mock.patch.multiple(leading, BEAT_S=BEAT_S, FRESH_S=FRESH_S),
        mock.patch.object(progress, "ACTIVE_S", ACTIVE_S),
    ):
        return main()


if __name__ == "__main__":
    sys.exit(hurried())
