"""How soon pairs are seen: what a viewer takes from events, and the figures made of it."""

import asyncio
import json

import aiohttp
from aiohttp import web

from bench.measured import measured_now
from bench.visible import Found, Viewer, figures_of, report

IDS = ("6ba7b812-9dad-11d1-80b4-00c04fd430c8", "6ba7b812-9dad-11d1-80b4-00c04fd430c9")


async def test_a_viewer_notes_the_first_event_that_names_a_pair_however_it_is_cut() -> None:
    html = "".join(f'<tr data-pair="{request_id}">' for request_id in IDS)
    told = (f"retry: 2000\n\nevent: recent\ndata: {json.dumps({'html': html})}\n\n" * 2).encode()

    async def events(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for at in range(0, len(told), 7):
            await answer.write(told[at : at + 7])
        return answer

    app = web.Application()
    app.router.add_get("/live/events", events)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    viewer = Viewer(f"http://127.0.0.1:{runner.addresses[0][1]}/live/events")
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        await viewer.listen(session)
    await runner.cleanup()
    assert set(viewer.seen) == set(IDS)
    assert viewer.is_listening.is_set()


def test_the_worst_pair_is_what_the_bar_is_held_against() -> None:
    found = Found([0.5, 1.5, 1.0], {"/": 1000, "/static/live.0123456789ab.css": 500}, {"as they are"})
    figures = figures_of(found)
    assert figures["page_visible_worst_s"].value == 1.5
    assert (figures["page_visible_s"].value, figures["page_visible_s"].low) == (1.0, 0.5)
    assert figures["static_bytes"].value == 500
    assert "first_paint_ms" not in figures
    text = report(found, measured_now("x", {}, figures))
    assert "| seconds | 0.50 | 1.00 | 1.50 | 1.50 |" in text
    assert "`/static/live.*.css`" in text
    assert "There is no Chromium here" in text
