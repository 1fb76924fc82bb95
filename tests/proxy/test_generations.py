"""A reload: new requests go by the new configuration, those under way by the old; nothing is lost or doubled."""

import asyncio
import contextlib
import shutil
from typing import Any

import pytest

from proxy import generations
from proxy import worker as worker_module
from proxy.figures import figure_names
from proxy.generation import Generation
from proxy.shadow.capture import disk
from proxy.shadow.capture.board import ADMITTED, ENDED, HOURS, RECEIVED, BoardError, read_board
from proxy.shadow.capture.frames import Admitted, LegEnd
from proxy.shadow.capture.live import live_directory
from tests.proxy.harness import Bench, Received, answering, bench, chat, ok

ANSWER = ok(b'{"choices":[]}')
REQUEST = chat(b'{"model":"m","messages":[]}')


def configured(b: Bench, **changes: Any) -> Any:
    assert b.worker is not None
    return b.worker.config.model_copy(update=changes)


def shares(b: Bench, share: float) -> Any:
    assert b.worker is not None
    return tuple(c.model_copy(update={"sample": share}) for c in b.worker.config.candidates)


def newest(b: Bench) -> Generation:
    assert b.worker is not None
    return b.worker.newest


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def total(b: Bench, state: str) -> int:
    """Over all boards of the worker that are on disk; one whose first copy is being written says nothing yet."""
    readings = []
    for path in b.capture_dir.glob("*.board"):
        with contextlib.suppress(BoardError):
            readings.append(read_board(path))
    return sum(n for r in readings for counts in r.hours.values() for (_, s), n in counts.items() if s == state)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "SEEN_S", 0.05)


async def test_the_next_request_of_an_open_connection_goes_by_the_new_configuration() -> None:
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await client.response()
        await until(lambda: len(b.candidates["twin"].requests) == 1)
        assert b.worker.reload(configured(b, candidates=shares(b, 0.0)), 2) is None
        for _ in range(3):
            client.send(REQUEST)
            await client.response()
        assert len(b.candidates["twin"].requests) == 1
        assert b.primary.connections == 1  # warm connections of an upstream that stays the same are kept


async def test_an_exchange_under_way_ends_by_the_configuration_it_began_with() -> None:
    """Its answer is whole, its copy runs to its end, and its frames lie in one log, with the version it began with."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(slow, {"twin": slow}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await begun.wait()
        before = b.worker.newest
        assert b.worker.reload(configured(b, candidates=shares(b, 0.0)), 2) is None
        assert b.worker.newest is not before
        await asyncio.sleep(0.25)
        go_on.set()
        head, body = await client.response()
        assert head.startswith(b"HTTP/1.1 200")
        assert body == b'{"choices":[]}'
        frames = await b.recorded(2)
        assert [f.config_version for f in frames if isinstance(f, Admitted)] == [1]
        assert sum(isinstance(f, LegEnd) for f in frames) == 2
        await until(lambda: before.log.has_ended)
        client.send(REQUEST)
        await client.response()
        await until(lambda: total(b, RECEIVED) == 2)
        assert (total(b, ADMITTED), total(b, ENDED), total(b, "unsampled")) == (1, 1, 1)


async def test_a_request_whose_head_straddles_the_reload_goes_by_the_new_configuration() -> None:
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST[:20])
        await asyncio.sleep(0.05)
        before = b.worker.newest
        assert b.worker.reload(configured(b, candidates=shares(b, 0.0)), 2) is None
        await until(lambda: before.log.has_ended)
        client.send(REQUEST[20:])
        assert (await client.response())[0].startswith(b"HTTP/1.1 200")
        assert b.candidates["twin"].requests == []


async def test_another_address_is_used_from_the_next_request_on() -> None:
    async with bench(answering(ANSWER), {"twin": answering(ok(b'{"other":1}'))}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        assert (await client.response())[1] == b'{"choices":[]}'
        primary = b.worker.config.primary.model_copy(update={"url": b.candidates["twin"].url})
        assert b.worker.reload(configured(b, primary=primary), 2) is None
        client.send(REQUEST)
        assert (await client.response())[1] == b'{"other":1}'


async def test_candidates_come_and_go() -> None:
    async with bench(answering(ANSWER), {"a": answering(ANSWER), "b": answering(ANSWER)}) as b:
        assert b.worker is not None
        both = b.worker.config.candidates
        client = await b.client()
        for candidates in (both[:1], both[1:], both):
            assert b.worker.reload(configured(b, candidates=candidates), b.worker.newest.config_version + 1) is None
            client.send(REQUEST)
            await client.response()
        await until(lambda: [len(b.candidates[n].requests) for n in "ab"] == [2, 2])


async def test_what_is_open_stays_right_over_a_reload() -> None:
    """Gauges of connections and requests move to the new board; they come down to 0 there."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(slow) as b:
        assert b.worker is not None
        client, idle = await b.client(), await b.client()
        client.send(REQUEST)
        await begun.wait()
        assert b.worker.reload(configured(b, drain=1.0), 2) is None
        figures = b.worker.newest.figures

        def gauge(name: str) -> int:
            return figures.get(figures.index(name))

        assert gauge("shadowbench_client_connections_open") == 2
        assert gauge("shadowbench_primary_requests_open") == 1
        go_on.set()
        await client.response()
        client.close()
        idle.close()
        await until(lambda: gauge("shadowbench_client_connections_open") == 0)
        assert gauge("shadowbench_primary_requests_open") == 0


async def test_figures_without_a_candidate_lie_in_the_same_place_on_every_board() -> None:
    """What counts them goes from board to board."""
    fixed = figure_names(())
    assert figure_names(("a", "b"))[: len(fixed)] == fixed


async def test_a_reload_beyond_the_bound_waits_until_an_older_configuration_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generations, "MAX_OLDER", 1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(slow) as b:
        assert b.worker is not None
        taken_up: list[int] = []
        b.worker._generations.on_taken_up = taken_up.append
        client = await b.client()
        client.send(REQUEST)
        await begun.wait()
        assert b.worker.reload(configured(b, drain=1.0), 2) is None
        said = b.worker.reload(configured(b, drain=2.0), 3)
        assert said is not None
        assert "still under way" in said
        assert b.worker.config.drain == 1.0
        go_on.set()
        await client.response()
        await until(lambda: taken_up == [3])
        assert b.worker.config.drain == 2.0


async def test_the_same_version_again_changes_nothing() -> None:
    async with bench(answering(ANSWER)) as b:
        assert b.worker is not None
        before = b.worker.newest
        assert b.worker.reload(b.worker.config, 1) is None
        assert b.worker.newest is before


async def test_a_stop_during_a_reload_finishes_what_is_under_way() -> None:
    """Both generations drain, and both logs are written."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        writer.write(ANSWER)

    async with bench(slow, {"twin": slow}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await begun.wait()
        assert b.worker.reload(configured(b, candidates=shares(b, 0.5)), 2) is None
        closing = asyncio.gather(b.worker.close(5.0))
        await asyncio.sleep(0.05)
        go_on.set()
        head, body = await client.response()
        assert b"\r\nConnection: close\r\n" in head
        assert body == b'{"choices":[]}'
        await closing
        b.worker = None
        assert sum(isinstance(f, LegEnd) for f in b.frames()) == 2


async def test_a_paused_candidate_gets_no_copies_until_it_is_resumed_also_after_a_reload() -> None:
    """It is counted as `paused`; the other candidate goes on."""
    async with bench(answering(ANSWER), {"a": answering(ANSWER), "b": answering(ANSWER)}) as b:
        assert b.worker is not None
        client = await b.client()

        async def asked() -> None:
            client.send(REQUEST)
            await client.response()

        b.worker._generations.pause(("a",))
        await asked()
        assert b.worker.reload(configured(b, drain=1.0), 2) is None
        await asked()
        await until(lambda: len(b.candidates["b"].requests) == 2)
        assert b.candidates["a"].requests == []
        await until(lambda: total(b, "paused") == 2)
        b.worker._generations.pause(())
        await asked()
        await until(lambda: len(b.candidates["a"].requests) == 1)


async def test_a_configuration_that_cannot_be_used_leaves_nothing_behind(tmp_path: Any) -> None:
    """Its authorities are gone since the supervisor looked at them."""
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        candidate = b.worker.config.candidates[0]
        tls = candidate.tls.model_copy(update={"ca": str(tmp_path / "gone.pem")})
        bad = configured(b, candidates=(candidate.model_copy(update={"tls": tls}),))
        live = live_directory(b.capture_dir, b.directory)
        boards = set(live.iterdir())
        for version in range(2, 5):
            assert "gone.pem cannot be read" in (b.worker.reload(bad, version) or "")
        assert set(live.iterdir()) == boards
        client = await b.client()
        client.send(REQUEST)
        assert (await client.response())[0].startswith(b"HTTP/1.1 200 ")
        await until(lambda: len(b.candidates["twin"].requests) == 1)


async def test_a_board_that_is_nearly_full_makes_way_for_another_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that runs for weeks goes on under the right hours; no count is lost or doubled, no client notices."""
    monkeypatch.setattr(worker_module, "_FIGURES_EVERY_S", 0.02)
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await client.response()
        await until(lambda: total(b, ENDED) == 1)
        before = b.worker.newest
        for hour in range(1, HOURS):
            before.board.add(hour, before.board.cell(0, "unsampled"))
        await until(lambda: newest(b) is not before)
        client.send(REQUEST)
        assert (await client.response())[1] == b'{"choices":[]}'
        await until(lambda: total(b, ENDED) == 2)
        assert (total(b, RECEIVED), total(b, ADMITTED), total(b, "unsampled")) == (2, 2, HOURS - 1)
        assert before.config_version == b.worker.newest.config_version


async def test_a_capture_directory_that_is_removed_costs_what_was_in_it_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients are served, and soon a new stream in a new directory holds what comes."""
    monkeypatch.setattr(worker_module, "_FIGURES_EVERY_S", 0.02)
    monkeypatch.setattr(disk, "CHORE_EVERY_S", 0.02)
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        client = await b.client()
        client.send(REQUEST)
        await client.response()
        await b.recorded(2)
        before = b.worker.newest
        shutil.rmtree(b.capture_dir)
        await until(lambda: newest(b) is not before)
        for _ in range(3):
            client.send(REQUEST)
            assert (await client.response())[1] == b'{"choices":[]}'
        frames = await b.recorded(6)
        assert sum(isinstance(f, Admitted) for f in frames) == 3
        await until(lambda: total(b, ENDED) == 3)
        assert total(b, RECEIVED) == 3
