"""What is tested is what is installed: compiled modules must not be older than their sources."""

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as of_hypothesis

from config.model import Capture
from proxy.shadow.capture.live import live_directory

ROOT = Path(__file__).resolve().parents[1]

# No test depends on a time: a busy machine is no fault of the code.
of_hypothesis.register_profile("shadowbench", deadline=None)
of_hypothesis.load_profile("shadowbench")


def stale() -> list[str]:
    """Sources that changed after they were compiled."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    sources = [ROOT / name for name in settings["tool"]["shadowbench"]["compiled"]]
    return [
        str(source.relative_to(ROOT))
        for source in sources
        for binary in source.parent.glob(f"{source.stem}.*.so")
        if binary.stat().st_mtime < source.stat().st_mtime
    ]


def pytest_sessionstart(session: pytest.Session) -> None:
    changed = stale()
    if changed:
        pytest.exit(f"{changed[0]} changed after it was compiled: make setup, or make interpreted", returncode=2)


def pytest_report_header() -> str:
    compiled = any((ROOT / "proxy" / "upstream").glob("leg.*.so"))
    return f"data plane: {'compiled' if compiled else 'interpreted'}"


@pytest.fixture(scope="session", autouse=True)
def _memory_of_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers that were killed leave their counts in memory for the next ones; here there are none."""
    yield
    for capture in tmp_path_factory.getbasetemp().rglob("capture"):
        shutil.rmtree(live_directory(capture, Path(Capture().memory)), ignore_errors=True)
