"""A folder for commands that run as processes of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.commands import end_processes_below


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the commands of a test stand; afterwards none of them is left."""
    if not Path("/proc").is_dir():
        pytest.skip("looks for processes in /proc")
    yield tmp_path
    end_processes_below(tmp_path)
