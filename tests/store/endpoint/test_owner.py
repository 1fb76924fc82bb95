"""Who owns a directory: takers, losers, the dead, and what survives them."""

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from store.endpoint.owner import take
from store.endpoint.place import read_endpoint
from store.errors import EngineFailed, StoreUnavailable
from store.locate import StoreConnection, close, connect, connect_to
from store.writer import Writer
from tests.store.owners import Permanent, Transient, eventually, permanent, store_at, transient

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("shared_dir")  # skipped with it where there is no engine


def test_a_permanent_owner_takes_over_from_a_transient_one(tmp_path: Path) -> None:
    """What the first stored is there; the first ends by itself with 0."""
    with transient(tmp_path) as first:
        client = connect_to(first.endpoint(), "writer")
        client.command("CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a")
        client.insert("kept", [[7]], column_names=["a"])
        close(client)
        with permanent(tmp_path) as second:
            assert first.process.wait(30) == 0
            client = connect(store_at(tmp_path), access="reader", start_owner=False)
            assert client.query("SELECT a FROM kept").result_rows == [(7,)]
            close(client)
            assert second.stop() == 0
    assert read_endpoint(tmp_path) is None


def test_a_take_over_lets_a_running_query_finish(tmp_path: Path) -> None:
    with transient(tmp_path) as first:
        client = connect_to(first.endpoint(), "writer")
        found: list[object] = []
        slow = "SELECT sleepEachRow(0.5) FROM numbers(4) SETTINGS max_block_size = 1"
        thread = threading.Thread(target=lambda: found.append(len(client.query(slow).result_rows)))
        thread.start()
        time.sleep(0.3)
        with permanent(tmp_path):
            thread.join(30)
        close(client)
    assert found == [4]


def test_a_second_permanent_owner_says_who_has_the_directory(tmp_path: Path) -> None:
    with permanent(tmp_path) as first:
        second = Permanent(tmp_path)
        reason = str(second.message("failed")["reason"])
        assert second.stop() == 70
        assert str(first.process.pid) in reason
        assert str(tmp_path) in reason
        assert "\n" not in reason
        client = connect(store_at(tmp_path), access="reader", start_owner=False)
        assert client.command("SELECT 1") == 1
        close(client)


def test_a_transient_owner_never_takes_over(tmp_path: Path) -> None:
    with permanent(tmp_path) as first:
        second = Transient(tmp_path)
        report = second.report()
        assert report["is_beaten"]
        assert str(first.process.pid) in str(report["error"])
        assert second.process.wait(30) == 3
        second.stop()


def test_the_engines_directory_held_by_a_foreign_process_is_one_clear_line(tmp_path: Path) -> None:
    """Somebody opened it with chDB by hand, past our own lock."""
    held = (
        f"import chdb, sys; c = chdb.connect({str(tmp_path / 'engine')!r}); print('open', flush=True); sys.stdin.read()"
    )
    foreign = subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert foreign.stdin is not None
    assert foreign.stdout is not None
    try:
        assert foreign.stdout.readline() == b"open\n"
        owner = Permanent(tmp_path)
        reason = str(owner.message("failed")["reason"])
        assert owner.stop() == 70
        assert str(foreign.pid) in reason
        assert str(tmp_path) in reason
        assert "\n" not in reason
    finally:
        foreign.stdin.close()
        foreign.wait(30)
        foreign.stdout.close()


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"Not a directory|File exists"):
        connect(store_at(tmp_path / "file" / "store"), access="reader", start_owner=True)


async def test_the_role_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineFailed, match=r"^the store directory \S+ cannot be used \(.*\): .* store\.dir$"):
        await take(tmp_path / "file" / "store")


def test_several_commands_at_once_start_one_owner(tmp_path: Path) -> None:
    ports: list[object] = []

    def ask() -> None:
        client = connect(store_at(tmp_path), access="reader", start_owner=True)
        ports.append(client.command("SELECT 1") and client.url)  # type: ignore[attr-defined]
        close(client)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    endpoint = read_endpoint(tmp_path)
    assert endpoint is not None
    os.kill(endpoint.pid, 15)
    assert ports == [f"http://127.0.0.1:{endpoint.port}"] * 4
    eventually(lambda: True if read_endpoint(tmp_path) is None else None, "the owner's end")


def test_a_transient_owner_quits_when_idle_and_not_before(tmp_path: Path) -> None:
    with transient(tmp_path, idle_s=1.5) as owner:
        client = connect_to(owner.endpoint(), "reader")
        for _ in range(10):
            time.sleep(0.25)
            assert client.command("SELECT 1") == 1
        close(client)
        assert owner.process.wait(30) == 0


@pytest.mark.parametrize(
    "content", [None, "", "{damaged", '{"pid":1,"port":1,"writer":"","reader":"","version":"","transient":true}']
)
def test_a_missing_damaged_or_stale_endpoint_file_is_replaced(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "endpoint.json").write_text(content)
    client = connect(store_at(tmp_path), access="reader", start_owner=True)
    endpoint = read_endpoint(tmp_path)
    assert endpoint is not None
    assert client.command("SELECT 1") == 1
    close(client)
    os.kill(endpoint.pid, 15)
    eventually(lambda: True if read_endpoint(tmp_path) is None else None, "the owner's end")


def test_a_stopped_owner_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    with transient(tmp_path) as owner:
        pid = owner.process.pid
        assert owner.stop() == 0
    assert read_endpoint(tmp_path) is None
    assert not Path(f"/proc/{pid}").exists()


def test_the_role_reports_what_it_does_and_where_it_listens(tmp_path: Path) -> None:
    owner = Permanent(tmp_path)
    ready = str(owner.message("ready")["detail"])
    endpoint = read_endpoint(tmp_path)
    assert endpoint is not None
    assert ready == f"embedded store on 127.0.0.1:{endpoint.port}, directory {tmp_path}"
    assert not endpoint.transient
    client = connect_to(endpoint, "reader")
    client.command("SELECT 1")
    close(client)

    def counted() -> bool | None:
        figures = owner.message("figures")["figures"]
        assert isinstance(figures, dict)
        return True if figures["shadowbench_store_statements_total"] >= 1 else None

    eventually(counted, "a report of the statement")
    assert owner.stop() == 0


def _more_than(before: int, done: list[int]) -> bool | None:
    return True if sum(done) > before else None


def test_kill_9_under_retried_inserts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Three writers resend each batch with its token until it is acknowledged, while owners are killed under them."""
    rounds, batches = 5, 60
    all_killed = threading.Event()
    draw = random.Random(20260301)
    directory = tmp_path / "store"
    done = [0, 0, 0]

    def write(number: int) -> None:
        writer = Writer(StoreConnection(store_at(directory), access="writer"))
        for batch in itertools.count():
            if batch >= batches and all_killed.is_set():
                break
            token = f"{number}-{batch}"
            rows = [[f"{token}-{row}", "c", "{}", MOMENT, "", None] for row in range(10)]
            while True:
                try:
                    writer.insert("experiments", rows, token)
                    break
                except StoreUnavailable:
                    time.sleep(0.02)
            done[number] += 1
        writer.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    kills = 0
    found: object = None
    while any(thread.is_alive() for thread in threads):
        owner = Transient(directory)
        assert owner.report().get("error") is None
        if kills < rounds:
            before = sum(done)
            eventually(partial(_more_than, before, done), "an acknowledged batch")
            time.sleep(draw.random() * 0.3)
            owner.kill()
            kills += 1
            if kills == rounds:
                all_killed.set()
        else:
            for thread in threads:
                thread.join(60)
            client = connect_to(owner.endpoint(), "writer")
            found = client.query("SELECT count(), uniqExact(id) FROM experiments").result_rows
            close(client)
            owner.stop()
    assert kills == rounds
    assert found == [(10 * sum(done), 10 * sum(done))]
