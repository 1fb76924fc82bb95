"""What the shadow side promises: the client feels nothing, the candidate sees no secret, each request counts once."""

import asyncio
import json
from pathlib import Path

import pytest

from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, Chunk, LegEnd
from record.states import State
from runtime.outlet import STDERR
from tests.proxy.harness import Bench, Received, answering, bench, chat, ok

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"temperature":0.1}'
PRIMARY_ANSWER = b'{"model":"gpt-4o-2024","choices":[{"message":{"content":"from the primary"}}]}'
CANDIDATE_ANSWER = b'{"model":"llama","choices":[{"message":{"content":"from the candidate"}}]}'


async def ask(b: Bench, request: bytes) -> tuple[bytes, bytes]:
    client = await b.client()
    client.send(request)
    return await client.response()


async def hang(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def reset(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def garbage(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff not http\r\n\r\n")


@pytest.mark.parametrize("candidate", [hang, reset, drip, garbage], ids=lambda f: f.__name__)
async def test_a_broken_candidate_changes_nothing_for_the_client(candidate) -> None:  # type: ignore[no-untyped-def]
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": candidate}) as b:
        client = await b.client()
        for _ in range(10):
            client.send(chat(BODY))
            head, body = await asyncio.wait_for(client.response(), 1)
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert body == PRIMARY_ANSWER


async def test_a_candidate_that_is_down_is_a_connect_error_in_the_log() -> None:
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": hang}) as b:
        await b.candidates["cand"].stop()
        assert (await ask(b, chat(BODY)))[1] == PRIMARY_ANSWER
        frames = await b.recorded(2)
        end = next(f for f in frames if isinstance(f, LegEnd) and f.arm == 1)
        assert (end.outcome, end.status, end.t0_ns) == ("connect_error", None, None)
        assert (await b.counted("cand", ENDED))[ADMITTED] == 1


async def test_a_candidate_that_never_answers_is_a_timeout_in_the_log() -> None:
    settings = {"timeout": {"first_byte": "200ms"}}
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": hang}, candidate_settings=settings) as b:
        await ask(b, chat(BODY))
        end = next(f for f in await b.recorded(2) if isinstance(f, LegEnd) and f.arm == 1)
        assert end.outcome == "timeout"
        assert end.t0_ns is not None
        assert 200e6 <= end.end_ns - end.t0_ns < 1e9


async def test_a_drip_is_cut_at_the_total_limit() -> None:
    settings = {"timeout": {"total": "300ms"}}
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": drip}, candidate_settings=settings) as b:
        await ask(b, chat(BODY))
        end = next(f for f in await b.recorded(2) if isinstance(f, LegEnd) and f.arm == 1)
        assert end.outcome == "timeout"
        assert end.status == 200
        assert 0 < end.body_bytes < 1000


async def test_a_flood_is_cut_at_the_largest_answer() -> None:
    async def flood(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            await writer.drain()

    async with bench(
        answering(ok(PRIMARY_ANSWER)), {"cand": flood}, candidate_settings={"max_response": "100KiB"}
    ) as b:
        await ask(b, chat(BODY))
        end = next(f for f in await b.recorded(2) if isinstance(f, LegEnd) and f.arm == 1)
        assert end.outcome == "too_large"
        assert 100 * 2**10 < end.body_bytes < 2**20


SECRETS = (
    b"Authorization: Bearer client-secret",
    b"x-api-key: client-secret",
    b"api-key: client-secret",
    b"Cookie: session=client-secret",
    b"x-goog-api-key: client-secret",
    b"Proxy-Authorization: Basic client-secret",
    b"OpenAI-Organization: client-secret",
    b"X-Anything: client-secret",
)


async def test_no_secret_of_the_client_reaches_a_candidate() -> None:
    settings = {"headers": {"Authorization": "Bearer candidate-key"}}
    async with bench(
        answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}, candidate_settings=settings
    ) as b:
        await ask(
            b, chat(BODY, *SECRETS, path=b"/v1/chat/completions?key=client-secret&api-version=1&code=client-secret")
        )
        await b.recorded(2)
        (seen,) = b.candidates["cand"].requests
        assert b"client-secret" not in seen.head
        assert seen.line == b"POST /v1/chat/completions?api-version=1 HTTP/1.1"
        assert seen.header(b"authorization") == b"Bearer candidate-key"
        assert all(b"client-secret" not in path.read_bytes() for path in b.capture_dir.iterdir())
        primary = b.primary.requests[0].head
        assert primary.count(b"client-secret") == len(SECRETS) - 1 + 2  # all but the hop-by-hop one, and the query's


async def test_the_candidate_is_asked_for_its_own_model_and_the_rest_is_the_clients() -> None:
    settings = {"model": "llama-70b", "params": {"temperature": None, "top_k": 5}}
    body = (
        b'{"model":"gpt-4o", "n": 3, "store": true, "temperature": 0.10, "stop": ["\\u00e9"],'
        b' "messages":[{"role":"user","content":"hi"}]}'
    )
    async with bench(
        answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}, candidate_settings=settings
    ) as b:
        await ask(b, chat(body))
        frames = await b.recorded(2)
        sent = json.loads(b.candidates["cand"].requests[0].body)
        expected = json.loads(body) | {"model": "llama-70b", "n": 1, "store": False, "top_k": 5}
        del expected["temperature"]
        assert sent == expected
        assert b'["\\u00e9"]' in b.candidates["cand"].requests[0].body
        assert b.primary.requests[0].body == body
        admitted = frames[0]
        assert isinstance(admitted, Admitted)
        assert admitted.legs[0].changed == ["model", "n", "store", "temperature", "top_k"]


async def test_a_streamed_copy_asks_for_its_usage_and_the_primary_is_left_alone() -> None:
    body = b'{"model":"m","stream":true,"messages":[]}'
    async with bench(answering(ok(b"{}")), {"cand": answering(ok(b"{}"))}) as b:
        await ask(b, chat(body))
        await b.recorded(2)
        assert json.loads(b.candidates["cand"].requests[0].body)["stream_options"] == {"include_usage": True}
        assert b.primary.requests[0].body == body


async def test_the_control_leg_gets_what_the_primary_got_and_bears_the_marker() -> None:
    async with bench(answering(ok(PRIMARY_ANSWER)), control={"sample": "100%"}) as b:
        await ask(b, chat(BODY, b"Authorization: Bearer client-secret"))
        await b.recorded(2)
        first, second = b.primary.requests
        assert second.body == first.body == BODY
        assert second.header(b"authorization") == b"Bearer client-secret"
        assert second.header(b"x-shadowbench-mirror") == b"1"
        assert first.header(b"x-shadowbench-mirror") is None
        assert b.counts("control")[ENDED] == 1


async def test_the_log_holds_what_was_sent_and_what_came_back() -> None:
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}) as b:
        await ask(b, chat(BODY))
        admitted, *ends = await b.recorded(2)
        assert isinstance(admitted, Admitted)
        assert (admitted.body, admitted.endpoint, admitted.path) == (BODY, "chat/completions", "/v1/chat/completions")
        by_arm = {f.arm: f for f in ends if isinstance(f, LegEnd)}
        assert by_arm[PRIMARY_ARM].data == PRIMARY_ANSWER
        assert by_arm[1].data == CANDIDATE_ANSWER
        for end in by_arm.values():
            assert end.outcome == "ok"
            assert end.t0_ns is not None
            assert admitted.start_ns <= end.t0_ns <= end.times_ns[0] <= end.end_ns
            assert end.ends[-1] == end.body_bytes == len(end.data)


async def test_a_long_stream_is_spilled_and_its_middle_left_out_and_counted() -> None:
    event = b"data: " + b"x" * 1000 + b"\n\n"

    async def stream(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    capture = {"response_head": "20KiB", "response_tail": "10KiB", "flush": "5ms"}
    async with bench(stream, {"cand": answering(ok(b"{}"))}, capture=capture) as b:
        _, body = await ask(b, chat(BODY))
        frames = await b.recorded(2)
        spilled = b"".join(f.data for f in frames if isinstance(f, Chunk) and f.arm == PRIMARY_ARM)
        end = next(f for f in frames if isinstance(f, LegEnd) and f.arm == PRIMARY_ARM)
        assert body == event * 100
        assert end.body_bytes == len(body)
        assert len(spilled) + end.gap_bytes + len(end.data) == len(body)
        assert end.gap_bytes > 60_000
        assert body.startswith(spilled)
        assert body.endswith(end.data)
        assert end.ends[-1] == len(body)


@pytest.mark.parametrize(
    ("request_bytes", "state"),
    [
        (b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", State.NO_MATCH),
        (b"GET /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n", State.NO_MATCH),
        (chat(BODY, path=b"/v1/files"), State.NO_MATCH),
        (chat(BODY, b"x-shadowbench-sample: never"), State.OPT_OUT),
        (chat(BODY, b"X-Shadowbench-Mirror: 1"), State.LOOP),
        (chat(b'{"model": "m", "previous_response_id": "r1", "messages": []}'), State.STATEFUL),
        (chat(b'{"model": "m", "tools": [{"type": "web_search"}], "messages": []}'), State.SIDE_EFFECTS),
        (chat(b'{"model": "m", "web_search_options": {}, "messages": []}'), State.SIDE_EFFECTS),
        (chat(b'{"model": "m", "messages": ['), State.UNPARSABLE),
        (chat(b"\xff\xfe"), State.UNPARSABLE),
        (chat(b'["not an object"]'), State.UNPARSABLE),
        (chat(BODY, b"Content-Encoding: gzip"), State.UNPARSABLE),
        (chat(b'{"x":"' + b"a" * 3000 + b'"}'), State.BODY_TOO_LARGE),
    ],
)
async def test_what_is_not_copied_is_counted_by_its_reason_and_served_all_the_same(
    request_bytes: bytes, state: State
) -> None:
    async with bench(
        answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}, limits={"mirrored_request": "2KiB"}
    ) as b:
        assert (await ask(b, request_bytes))[1] == PRIMARY_ANSWER
        assert await b.counted("cand", RECEIVED) == {RECEIVED: 1, state.value: 1}
        assert b.candidates["cand"].requests == []


async def test_tools_that_the_client_runs_do_not_keep_a_request_from_being_copied() -> None:
    body = b'{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f"}}]}'
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}) as b:
        await ask(b, chat(body))
        assert (await b.counted("cand", ENDED))[ADMITTED] == 1


async def test_copies_beyond_max_in_flight_are_left_out_and_the_primary_recorded() -> None:
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": hang}, candidate_settings={"max_in_flight": 2}) as b:
        for _ in range(5):
            await ask(b, chat(BODY))
        counts = await b.counted("cand", State.MAX_IN_FLIGHT.value, 3)
        assert counts == {RECEIVED: 5, ADMITTED: 2, State.MAX_IN_FLIGHT.value: 3}
        frames = await b.recorded(5)
        skipped = [f for f in frames if isinstance(f, Admitted) and f.legs[0].state == State.MAX_IN_FLIGHT.value]
        assert len(skipped) == 3


async def test_a_full_capture_queue_turns_copies_away_and_not_clients() -> None:
    """The disk stands still: the queue fills to its bound and stays there."""
    async with bench(
        answering(ok(PRIMARY_ANSWER)),
        {"cand": answering(ok(CANDIDATE_ANSWER))},
        limits={"shadow_memory": "64KiB"},
    ) as b:
        assert b.worker is not None
        log = b.worker.newest.log
        log._writer.give_up.set()
        log._writer.join(5)
        client = await b.client()
        for _ in range(100):
            client.send(chat(b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 1000 + b'"}]}'))
            assert (await client.response())[1] == PRIMARY_ANSWER
        counts = await b.counted("cand", RECEIVED, 100)
        refused = counts[State.CAPTURE_FULL.value]
        assert refused > 50
        assert counts[RECEIVED] == 100 == counts[ADMITTED] + refused
        assert log.queued_bytes <= 32 * 2**10


async def test_a_client_that_leaves_is_marked_and_the_copy_runs_to_its_end() -> None:
    release = asyncio.Event()

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(ok(CANDIDATE_ANSWER))

    async with bench(hang, {"cand": slow}) as b:
        client = await b.client()
        client.send(chat(BODY))
        while not b.candidates["cand"].requests:
            await asyncio.sleep(0.005)
        client.close()
        await b.recorded(1)
        release.set()
        ends = {f.arm: f for f in await b.recorded(2) if isinstance(f, LegEnd)}
        assert ends[PRIMARY_ARM].outcome == "client_abort"
        assert (ends[1].outcome, ends[1].data) == ("ok", CANDIDATE_ANSWER)


async def test_half_a_sample_falls_the_same_way_for_all_candidates_and_turns() -> None:
    async with bench(
        answering(ok(PRIMARY_ANSWER)),
        {"a": answering(ok(CANDIDATE_ANSWER)), "b": answering(ok(CANDIDATE_ANSWER))},
        candidate_settings={"sample": "50%"},
    ) as b:
        client = await b.client()
        for number in range(40):
            for _turn in range(2):
                client.send(chat(BODY, b"x-conversation-id: c%d" % number))
                await client.response()
        counts = await b.counted("a", RECEIVED, 80)
        assert counts == b.counts("b")
        assert 0 < counts[ADMITTED] < 80
        assert counts[ADMITTED] % 2 == 0
        assert counts[ADMITTED] + counts["unsampled"] == 80
        frames = await b.recorded(3 * counts[ADMITTED])
        conversations = [f.conversation for f in frames if isinstance(f, Admitted)]
        assert all(conversations.count(c) == 2 for c in conversations)


async def test_labels_come_from_headers_and_the_path() -> None:
    labels = {"tenant": {"header": "X-Tenant"}, "route": {"path": True}, "tier": {"header": "x-tier"}}
    async with bench(answering(ok(b"{}")), {"cand": answering(ok(b"{}"))}, labels=labels) as b:
        await ask(b, chat(BODY, b"x-tenant: acme", path=b"/openai/v1/chat/completions?x=1"))
        admitted = (await b.recorded(2))[0]
        assert isinstance(admitted, Admitted)
        assert admitted.labels == {"tenant": "acme", "route": "/openai/v1/chat/completions"}


async def test_a_fault_of_the_shadow_side_is_counted_and_the_client_served(capfd: pytest.CaptureFixture[str]) -> None:
    """As a state of its own, too: what was received ends in one state, whatever happens."""
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}) as b:
        assert b.worker is not None
        b.worker.newest.context.shadow._key._places = [(b"x", lambda headers, body: 1 / 0)]  # type: ignore[list-item, return-value]
        assert (await ask(b, chat(BODY)))[1] == PRIMARY_ANSWER
        assert (await ask(b, chat(BODY)))[1] == PRIMARY_ANSWER
        assert b.worker._internal_errors == 2
        counts = b.counts("cand")
        assert (counts[RECEIVED], counts[State.INTERNAL_ERROR]) == (2, 2)
    assert STDERR.flush()
    assert "internal_error" in capfd.readouterr().err


async def test_a_capture_directory_that_cannot_be_used_keeps_no_worker_from_serving(tmp_path: Path) -> None:
    """And when it can be used again, what was counted and queued meanwhile is there."""
    place = tmp_path / "data" / "capture"
    place.parent.mkdir()
    place.write_text("a file where a directory should be")
    capture = {"dir": str(place), "flush": "5ms"}
    async with bench(answering(ok(PRIMARY_ANSWER)), {"cand": answering(ok(CANDIDATE_ANSWER))}, capture=capture) as b:
        assert (await ask(b, chat(BODY)))[1] == PRIMARY_ANSWER
        place.unlink()
        assert len(await b.recorded(2)) == 3
        assert (await b.counted("cand", ENDED))[RECEIVED] == 1
