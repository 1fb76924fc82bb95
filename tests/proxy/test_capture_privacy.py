"""What stands in the capture directory: bodies, allow-listed headers, paths without their query."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from proxy.recorder.recorder import Recorder
from proxy.shadow.capture.frames import Admitted, LegEnd
from proxy.shadow.capture.sealing import KeyRing
from proxy.shadow.capture.segment import SUFFIX, SegmentHeader, read_frames
from tests.proxy.harness import TIMEOUT_S, Bench, answering, bench, ok
from tests.proxy.recorder.stage import Lines, Shelf

SECRETS = (
    b"sk-client-secret", b"sid-cookie", b"azure-key", b"goog-key", b"query-key", b"org-secret", b"set-cookie-value",
    b"proxy-secret", b"10.1.2.3", b"unknown-value",
)  # fmt: skip
BODY = b'{"model":"m","messages":[{"role":"user","content":"a text of somebody"}]}'
REQUEST = (
    b"POST /v1/chat/completions?key=query-key HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer sk-client-secret\r\nCookie: sid=sid-cookie\r\nApi-Key: azure-key\r\n"
    b"X-Api-Key: azure-key\r\nX-Goog-Api-Key: goog-key\r\nOpenAI-Organization: org-secret\r\n"
    b"Proxy-Authorization: Basic proxy-secret\r\nX-Forwarded-For: 10.1.2.3\r\nX-Unknown: unknown-value\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
ANSWER = ok(
    b'{"choices":[]}',
    b"Set-Cookie: a=set-cookie-value",
    b"OpenAI-Organization: org-secret",
    b"X-Unknown: unknown-value",
)
KEY = "a-key-of-the-tests-that-is-long-enough-1"
OTHER_KEY = "a-key-of-the-tests-that-is-long-enough-2"


def everything(b: Bench) -> bytes:
    """All bytes in the capture directory and in the memory of the boards."""
    return b"".join(path.read_bytes() for path in b.directory.rglob("*") if path.is_file())


async def captured(b: Bench) -> None:
    client = await b.client()
    client.send(REQUEST)
    assert (await client.response())[0].startswith(b"HTTP/1.1 200")
    await b.counted("twin", "ended")


def modes(directory: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in directory.iterdir()}


async def test_credentials_cookies_and_queries_are_in_no_file() -> None:
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        await captured(b)
        frames = await b.recorded(2)
        kept = everything(b)
    assert b"a text of somebody" in kept  # a log that is not sealed necessarily holds bodies
    assert [secret for secret in SECRETS if secret in kept] == []
    (admitted,) = (f for f in frames if isinstance(f, Admitted))
    assert admitted.path == "/v1/chat/completions"
    names = {name for f in frames if isinstance(f, Admitted | LegEnd) for name, _ in f.headers}
    assert b"content-type" in names
    assert not names & {b"authorization", b"cookie", b"set-cookie", b"api-key", b"x-api-key", b"x-unknown"}


@pytest.mark.parametrize("capture", [{}, {"encrypt": KEY}])
async def test_nobody_else_can_read_them(capture: dict[str, Any]) -> None:
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}, capture=capture) as b:
        await captured(b)
        assert b.capture_dir.stat().st_mode & 0o777 == 0o700
        assert modes(b.capture_dir) == {0o600}


async def test_a_sealed_log_holds_no_text_and_has_it_all_the_same() -> None:
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}, capture={"encrypt": KEY}) as b:
        await captured(b)
        async with asyncio.timeout(TIMEOUT_S):
            while len(payloads := opened(b)) < 3:
                await asyncio.sleep(0.01)
        assert sum(b"a text of somebody" in payload for payload in payloads) == 1
        assert b"a text of somebody" not in everything(b)


async def test_the_recorder_makes_a_pair_of_what_a_worker_has_sealed_through_a_change_of_keys() -> None:
    """A worker and a recorder as they are: plain, then sealed, then under another key, by reloads."""
    async with bench(answering(ANSWER), {"twin": answering(ANSWER)}) as b:
        assert b.worker is not None
        plain = b.worker.config
        shelf = Shelf()
        recorder = Recorder(plain, shelf, Lines())
        for version, keys in enumerate(((), (KEY,), (OTHER_KEY, KEY)), start=1):
            secret = SecretStr("\n".join(keys)) if keys else None
            config = plain.model_copy(update={"capture": plain.capture.model_copy(update={"encrypt": secret})})
            recorder.reload(config)
            assert version == 1 or b.worker.reload(config, version) is None
            client = await b.client()
            client.send(REQUEST)
            await client.response()
            async with asyncio.timeout(TIMEOUT_S):
                while len(shelf.rows["pairs"]) < version:
                    recorder.look_now()
                    await recorder.turn(is_draining=False)
                    await recorder.wait(0.005)
        await recorder.close()
    assert recorder.figures()["shadowbench_recorder_quarantined_total"] == 0
    assert len({row["batch"].partition(":")[0] for row in shelf.rows["pairs"]}) == 3  # segments


def opened(b: Bench) -> list[bytes]:
    found = []
    for path in b.capture_dir.glob(f"*{SUFFIX}"):
        data = path.read_bytes()
        unpacked = SegmentHeader.unpack(data)
        assert unpacked is not None
        header, at = unpacked
        key = KeyRing([KEY]).opening(header.segment, header.key_id)
        for end, sealed in read_frames(memoryview(data), at):
            found.append(key.open(at, sealed))
            at = end
    return found
