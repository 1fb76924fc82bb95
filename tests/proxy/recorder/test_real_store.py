"""The recorder and the embedded engine: what is written is what is read, once."""

import importlib.util
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from config.model import Config
from proxy.recorder.destination import StoreDestination
from proxy.recorder.recorder import Recorder
from store.endpoint.place import read_endpoint
from store.locate import close, connect_to
from store.tables import COUNTERS, EXPERIMENTS, PAIRS, PAYLOADS, SKIPS
from tests.proxy.recorder.stage import (
    Lines,
    LogWriter,
    admitted,
    config,
    drain,
    json_answer,
    leg_end,
    open_leg,
    whole_exchange,
)
from tests.store.owners import transient


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Config]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    found = config(tmp_path / "capture", retention="3650d")  # the requests of the tests are from long ago
    with transient(Path(found.store.dir)):
        yield found


async def record_into_store(settings: Config) -> None:
    lines = Lines()
    recorder = Recorder(settings, StoreDestination(settings), lines)
    try:
        await drain(recorder, at_most_s=60)
    finally:
        await recorder.close()
    assert lines.warnings == []


def ask(settings: Config, question: str) -> list[tuple[object, ...]]:
    endpoint = read_endpoint(Path(settings.store.dir))
    assert endpoint is not None
    client = connect_to(endpoint, "writer")
    try:
        return [tuple(row) for row in client.query(question).result_rows]
    finally:
        close(client)


async def test_every_kind_of_row_arrives_in_the_embedded_store(settings: Config) -> None:
    """A pair, a pair of which nothing is known, a skip, texts, counters, experiments: read back by name."""
    worker = LogWriter(Path(settings.capture.dir))
    frames = whole_exchange(1)
    frames += [
        admitted(2, [open_leg(changed=["model"])], stream=None),
        leg_end(2, 0, b"", outcome="timeout", status=None, t0_ns=None, overhead_ns=None),
        leg_end(2, 1, b"", outcome="connect_error", status=None, t0_ns=None, overhead_ns=None),
    ]
    frames += [admitted(3, [open_leg().__class__("qwen", "budget", 0.1, [])]), leg_end(3, 0, json_answer("three"))]
    worker.write(*frames)
    worker.count(frames)
    worker.die()
    await record_into_store(settings)

    pair = ask(
        settings,
        "SELECT candidate, experiment, primary_outcome, primary_total_ms, primary_cost_usd, candidate_cost_usd,"
        " candidate_chars, labels['tenant'], exact_match, stream FROM pairs WHERE primary_outcome = 'ok'",
    )
    # 10 tokens in and 5 out: 10 * 2.5 + 5 * 10 = 75 and 10 * 1 + 5 * 2 = 20 dollars per million
    assert pair == [
        ("llama", "e-llama", "ok", 100.0, Decimal("0.000075"), Decimal("0.00002"), len("llama 1"), "acme", False, False)
    ]
    unknown = ask(
        settings,
        "SELECT primary_total_ms, primary_chars, primary_cost_usd, candidate_status, stream, changed, exact_match"
        " FROM pairs WHERE primary_outcome = 'timeout'",
    )
    assert unknown == [(None, None, None, None, None, ["model"], None)]
    assert ask(settings, "SELECT candidate, reason, primary_chars FROM skips") == [("qwen", "budget", 5)]
    assert ask(settings, "SELECT side, response FROM payloads WHERE response != '' ORDER BY side") == [
        ("llama", "llama 1"),
        ("primary", "primary 1"),
    ]
    counted = ask(settings, "SELECT candidate, state, sum(count) FROM counters GROUP BY ALL ORDER BY ALL")
    assert ("llama", "admitted", 2) in counted
    assert ("qwen", "budget", 1) in counted
    assert ask(settings, "SELECT id FROM experiments ORDER BY id") == [("e-llama",), ("e-qwen",)]
    for table in (PAIRS, SKIPS, COUNTERS, PAYLOADS, EXPERIMENTS):
        assert ask(settings, f"SELECT count() > 0 FROM {table.name}") == [(True,)]


async def test_a_batch_sent_twice_is_in_the_embedded_store_once(settings: Config) -> None:
    """The recorder died after the store took the rows and before it wrote that down."""
    directory = Path(settings.capture.dir)
    worker = LogWriter(directory)
    worker.write(*(frame for n in range(1, 51) for frame in whole_exchange(n)))
    recorder = Recorder(settings, StoreDestination(settings), Lines())
    checkpoints: list[bytes] = []
    try:
        while recorder.sender.batches == 0:
            recorder.look_now()
            await recorder.turn(is_draining=True)
            checkpoints += [path.read_bytes() for path in directory.glob("*.checkpoint")]
    finally:
        await recorder.close()
    planned = next(c for c in checkpoints if b'"plan":{' in c)
    (directory / f"{worker.stream.hex}.checkpoint").write_bytes(planned)
    await record_into_store(settings)
    assert ask(settings, "SELECT count(), uniqExact(request_id) FROM pairs") == [(50, 50)]
    assert ask(settings, "SELECT count() FROM payloads") == [(100,)]
    worker.die()
