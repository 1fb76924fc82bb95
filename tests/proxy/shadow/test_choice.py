"""Which requests go to whom, and as what: match, pause, switchback, paths that name a model, shared hosts."""

import asyncio
import json
from typing import Any

import pytest

from proxy.building import is_same_host
from proxy.shadow.capture.board import ADMITTED, ENDED, RECEIVED
from proxy.shadow.capture.frames import Admitted
from proxy.shadow.switchback import is_off
from record.states import State
from tests.proxy.harness import Bench, answering, bench, chat, ok

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
BIG = b'{"model":"gpt-4o","messages":[{"role":"user","content":"' + b"x" * 3000 + b'"}]}'
OK = answering(ok(b"{}"))


async def ask(b: Bench, *requests: bytes) -> None:
    client = await b.client()
    for request in requests:
        client.send(request)
        await client.response()


@pytest.mark.parametrize(
    ("match", "request_bytes", "state"),
    [
        ({"models": ["gpt-4o*"]}, chat(BODY), ADMITTED),
        ({"models": ["o1"]}, chat(BODY), State.NO_MATCH),
        ({"models": ["!gpt-4o"]}, chat(BODY), State.NO_MATCH),
        ({"models": ["*"]}, chat(b'{"messages":[]}'), State.NO_MATCH),
        ({"models": ["gpt-5"]}, chat(BODY, path=b"/openai/deployments/gpt-5/chat/completions"), ADMITTED),
        ({"models": ["gpt-4o"]}, chat(BODY, path=b"/openai/deployments/gpt-5/chat/completions"), State.NO_MATCH),
        ({"models": ["gemini*"]}, chat(b"{}", path=b"/v1beta/models/gemini-2.5-pro:generateContent"), ADMITTED),
        ({"models": ["o1"]}, chat(BIG), State.BODY_TOO_LARGE),
        ({"models": ["o1"]}, chat(b"no json"), State.UNPARSABLE),
        ({"headers": {"x-tier": "free"}}, chat(BODY, b"X-Tier: free"), ADMITTED),
        ({"headers": {"x-tier": "free"}}, chat(BODY, b"X-Tier: paid"), State.NO_MATCH),
        ({"labels": {"tenant": "!acme"}}, chat(BODY, b"x-tenant: acme"), State.NO_MATCH),
        ({"labels": {"tenant": "!acme"}}, chat(BODY), ADMITTED),
        ({"paths": ["/v1/chat/*"]}, chat(BODY), ADMITTED),
        ({"paths": ["/v2/*"]}, chat(BODY, b"x-shadowbench-sample: never"), State.NO_MATCH),
        ({"paths": ["/v1/*"]}, chat(BODY, b"x-shadowbench-sample: never"), State.OPT_OUT),
    ],
)
async def test_a_candidate_gets_what_its_match_names_and_no_other_request(
    match: dict[str, Any], request_bytes: bytes, state: str
) -> None:
    labels = {"tenant": {"header": "x-tenant"}}
    async with bench(
        OK,
        {"cand": OK},
        candidate_settings={"match": match},
        labels=labels,
        limits={"mirrored_request": "2KiB"},
    ) as b:
        await ask(b, request_bytes)
        counts = await b.counted("cand", ENDED if state == ADMITTED else state)
        assert (counts[RECEIVED], counts[state]) == (1, 1)
        assert (len(b.candidates["cand"].requests) > 0) == (state == ADMITTED)


async def test_gemini_and_azure_are_asked_for_the_candidates_model_in_the_path() -> None:
    async with bench(OK, {"cand": OK}, candidate_settings={"model": "other/model"}) as b:
        await ask(
            b,
            chat(b'{"contents":[]}', path=b"/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=secret"),
            chat(BODY, path=b"/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"),
            chat(BODY),
        )
        await b.recorded(6)
        seen = {r.line: json.loads(r.body) for r in b.candidates["cand"].requests}
        assert seen == {
            b"POST /v1beta/models/other%2Fmodel:streamGenerateContent?alt=sse HTTP/1.1": {"contents": []},
            b"POST /openai/deployments/other%2Fmodel/chat/completions?api-version=2024-10-21 HTTP/1.1": {
                "messages": [{"role": "user", "content": "hi"}]
            },
            b"POST /v1/chat/completions HTTP/1.1": {**json.loads(BODY), "model": "other/model"},
        }
        admitted = [f for f in b.frames() if isinstance(f, Admitted)]
        assert [f.legs[0].changed for f in admitted] == [["path:model"], ["model", "path:model"], ["model"]]
        assert [f.endpoint for f in admitted] == ["streamGenerateContent", "chat/completions", "chat/completions"]
        assert [f.stream for f in admitted] == [True, False, False]
        assert all("secret" not in f.path for f in admitted)


async def test_a_paused_candidate_gets_nothing_more_and_the_others_go_on() -> None:
    async with bench(OK, {"a": OK, "b": OK}) as b:
        assert b.worker is not None
        shadow = b.worker.newest.shadow
        shadow.pause(("a",))
        await ask(b, chat(BODY))
        assert await b.counted("a", State.PAUSED.value) == {RECEIVED: 1, State.PAUSED.value: 1}
        assert (await b.counted("b", ENDED))[ADMITTED] == 1
        shadow.pause(())
        await ask(b, chat(BODY))
        assert (await b.counted("a", ENDED))[ADMITTED] == 1


async def test_when_all_are_paused_the_primary_leg_keeps_no_tape_and_nothing_is_parsed() -> None:
    async with bench(OK, {"a": OK, "b": OK}, control={"sample": "100%"}) as b:
        assert b.worker is not None
        shadow = b.worker.newest.shadow
        shadow.pause(("*",))
        assert not shadow.is_on
        await ask(b, chat(BODY), chat(b"no json"), chat(BODY, b"x-shadowbench-sample: never"))
        for name in ("a", "b", "control"):
            assert await b.counted(name, RECEIVED, 3) == {RECEIVED: 3, State.PAUSED.value: 2, State.OPT_OUT.value: 1}
        assert b.frames() == []
        shadow.pause(("b",))
        assert shadow.is_on


async def test_a_request_that_began_while_all_were_paused_counts_as_paused() -> None:
    """Nothing was kept of it, so it cannot be copied; that is not the request's fault."""
    async with bench(OK, {"a": OK}) as b:
        assert b.worker is not None
        shadow = b.worker.newest.shadow
        shadow.pause(("a",))
        client = await b.client()
        half = len(BODY) // 2
        client.send(chat(BODY)[:-half])
        while not b.worker.newest.figures.get(b.worker.newest.figures.index("shadowbench_primary_requests_open")):
            await asyncio.sleep(0.005)
        shadow.pause(())
        client.send(BODY[-half:])
        await client.response()
        assert await b.counted("a", State.PAUSED.value) == {RECEIVED: 1, State.PAUSED.value: 1}


async def test_in_a_period_without_copies_the_primary_is_recorded_all_the_same() -> None:
    async with bench(OK, {"cand": OK}, switchback={"period": "1h", "off_share": 1.0}) as b:
        await ask(b, chat(BODY))
        assert await b.counted("cand", State.SWITCHBACK_OFF.value) == {RECEIVED: 1, State.SWITCHBACK_OFF.value: 1}
        (admitted, _end) = await b.recorded(1)
        assert isinstance(admitted, Admitted)
        assert admitted.legs[0].state == State.SWITCHBACK_OFF
        assert admitted.body == BODY


async def test_the_period_is_that_of_the_requests_start_and_of_the_configured_seed() -> None:
    seed = next(s for s in range(1000) if not is_off(0, 0.5, s))
    async with bench(
        OK, {"cand": OK}, switchback={"period": "36500d", "off_share": "50%"}, sampling={"seed": seed}
    ) as b:
        await ask(b, chat(BODY))
        assert (await b.counted("cand", ENDED))[ADMITTED] == 1


@pytest.mark.parametrize(("shares", "yields"), [("auto", False), (True, True), (False, False)])
async def test_who_shares_the_primary_is_told_by_the_host_or_by_the_configuration(shares: object, yields: bool) -> None:
    async with bench(
        answering(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"),
        {"cand": OK},
        candidate_settings={"shares_primary": shares},
        control={"sample": "100%"},
    ) as b:
        await ask(b, chat(BODY), chat(BODY))
        control = await b.counted("control", State.PRIMARY_PRESSURE.value)
        assert control[RECEIVED] == 2
        counts = await b.counted("cand", RECEIVED, 2)
        assert (State.PRIMARY_PRESSURE.value in counts) == yields


@pytest.mark.parametrize(
    ("url", "primary_url", "shares"),
    [
        ("http://gateway:4000/other", "http://gateway:4000", True),
        ("https://API.example.com", "https://api.example.com:443/v1", True),
        ("http://gateway:4001", "http://gateway:4000", False),
        ("http://other:4000", "http://gateway:4000", False),
    ],
)
def test_a_shared_host_is_the_same_name_and_port(url: str, primary_url: str, shares: bool) -> None:
    assert is_same_host(url, primary_url) is shares
