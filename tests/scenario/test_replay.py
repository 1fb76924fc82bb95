"""Recorded answers of real models through the whole pipeline: every pair in the store equals its recording."""

from pathlib import Path

import pytest

from bench.recordings import RecordingsMissingError, shared_directory
from bench.replay import CANDIDATES, replay
from record.pair import CONTROL

REQUESTS = 120
SECONDS = 4.0


@pytest.fixture
def shared() -> Path:
    try:
        return shared_directory()
    except RecordingsMissingError as error:
        pytest.skip(str(error))


async def test_every_pair_equals_what_was_recorded_and_served(shared: Path, tmp_path: Path) -> None:
    """Text, tokens as served and model of both arms, none missing, none doubled; clients got the primary's recording.

    Asked by the official client and by plain httpx, streamed and not, with and without usage, at the times of a real
    trace. `audit` would have failed if the counted states did not add up.
    """
    counts, faults, audit = await replay(shared, tmp_path, requests=REQUESTS, seconds=SECONDS)
    assert faults == []
    assert counts.sent == REQUESTS
    assert counts.pairs == dict.fromkeys((*CANDIDATES, CONTROL), REQUESTS)
    assert counts.compared_texts == 2 * REQUESTS * (len(CANDIDATES) + 1)
    assert counts.reported_usage >= REQUESTS * (len(CANDIDATES) + 1), "at least three in four requests ask for usage"
    assert all(name in audit for name in (*CANDIDATES, CONTROL))
