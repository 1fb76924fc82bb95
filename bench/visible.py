"""How soon a pair is seen on the live page, and what the page weighs: `python -m bench.visible`.

A whole `serve`, a client that asks one request after another at random moments, and a viewer that listens to what the
page listens to (`/live/events`). A pair is seen when an event names its request. The page's own time to the first
contentful paint is Chromium's, where it is installed.
"""

import argparse
import asyncio
import json
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

import aiohttp

from bench.bars import write_bars
from bench.machine import BenchError, cores, free_port, say
from bench.measured import Figure, Measured, measured_now, save
from bench.results import table, write_section
from bench.served import Served
from bench.upstreams import StaticUpstream, chat_answer

SECTION = "visible"
PAIRS = 40
PAINTS = 5
CANDIDATE = "candidate"
_ID_HEADER = "x-shadowbench-request-id"
_PAIR = re.compile(r'data-pair="([0-9a-f-]{36})"')
_STATIC = re.compile(r'(?:href|src)="(/static/[^"]+)"')
_GAPS_S = (0.2, 1.6)
"""Between two requests: longer and shorter than the page's own beat."""
_PATIENCE_S = 20.0
_REQUEST = {"model": "gpt-4o", "messages": [{"role": "user", "content": "What is seen, and how soon?"}]}
_PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0] ?? null"


@dataclass(slots=True)
class Found:
    """What one run saw."""

    visible_s: list[float] = field(default_factory=list)
    """From the end of the later leg to the event that names the pair."""
    bytes: dict[str, int] = field(default_factory=dict)
    """As they went over the connection, by address; the page first."""
    encodings: set[str] = field(default_factory=set)
    paint_ms: list[float] = field(default_factory=list)
    """Empty: there is no Chromium."""
    browser: str = "absent"


class Viewer:
    """Listens as the page does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seen: dict[str, float] = {}
        """Request id -> wall clock of the first event that names it."""
        self.is_listening = asyncio.Event()

    async def listen(self, session: aiohttp.ClientSession) -> None:
        """Until it is cancelled."""
        limits = aiohttp.ClientTimeout(total=None, sock_read=60.0)
        async with session.get(self._url, timeout=limits) as answer:
            data = b""
            async for chunk in answer.content.iter_any():
                self.is_listening.set()
                now_s = time.time()
                *events, data = (data + chunk).split(b"\n\n")
                for event in events:
                    for request_id in _PAIR.findall(_html(event)):
                        self.seen.setdefault(request_id, now_s)


def _html(event: bytes) -> str:
    text = next((line[6:] for line in event.split(b"\n") if line.startswith(b"data: ")), b"{}")
    return str(json.loads(text).get("html", ""))


async def ask(session: aiohttp.ClientSession, url: str, pairs: int, seed: int) -> list[str]:
    """Sends requests one by one at random moments.

    Returns:
        Their ids.
    """
    chance, found = Random(seed), []
    for _ in range(pairs):
        await asyncio.sleep(chance.uniform(*_GAPS_S))
        async with session.post(f"{url}/v1/chat/completions", json=_REQUEST) as answer:
            await answer.read()
            found.append(answer.headers[_ID_HEADER])
    return found


async def watch(served: Served, dashboard: str, pairs: int, seed: int, found: Found) -> None:
    """Fills `visible_s`.

    Raises:
        BenchError: a pair was never seen.
    """
    viewer = Viewer(f"{dashboard}/live/events")
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        listening = group.create_task(viewer.listen(session))
        await asyncio.wait_for(viewer.is_listening.wait(), _PATIENCE_S)
        asked = await ask(session, f"http://127.0.0.1:{served.port}", pairs, seed)
        deadline_s = time.monotonic() + _PATIENCE_S
        while set(asked) - viewer.seen.keys() and time.monotonic() < deadline_s:
            await asyncio.sleep(0.05)
        listening.cancel()
    if missing := set(asked) - viewer.seen.keys():
        raise BenchError(f"{len(missing)} of {pairs} pairs were never seen")
    sql = (
        "SELECT toString(request_id) AS id, toUnixTimestamp64Micro(ts) AS began_us, "
        "greatest(primary_total_ms, start_skew_ms + candidate_total_ms) AS took_ms FROM pairs"
    )
    ends = {row["id"]: int(row["began_us"]) / 1e6 + row["took_ms"] / 1e3 for row in served.rows(sql)}
    found.visible_s += [viewer.seen[request_id] - ends[request_id] for request_id in asked]


async def weigh(dashboard: str, found: Found) -> None:
    """Fills `bytes`: the page and everything that it names, as a browser asks for them."""
    headers = {"Accept": "text/html", "Accept-Encoding": "gzip, br, zstd"}
    async with aiohttp.ClientSession(auto_decompress=False, headers=headers) as session:

        async def get(path: str) -> bytes:
            async with session.get(f"{dashboard}{path}") as answer:
                body = await answer.read()
                found.encodings.add(answer.headers.get("Content-Encoding", "as they are"))
                found.bytes[path] = len(body)
                return body

        page = await get("/")
        async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as plain, plain.get(dashboard) as answer:
            page = await answer.read()
        for path in dict.fromkeys(_STATIC.findall(page.decode())):
            await get(path)


def paint(dashboard: str, found: Found) -> None:
    """Fills `paint_ms`, each time in a browser window that has kept nothing."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        found.browser = browser.version
        for _ in range(PAINTS):
            context = browser.new_context(viewport={"width": 1280, "height": 860})
            page = context.new_page()
            page.goto(dashboard)
            page.wait_for_timeout(300)
            if (at_ms := page.evaluate(_PAINT)) is not None:
                found.paint_ms.append(float(at_ms))
            context.close()
        browser.close()


def measure(pairs: int, seed: int) -> Found:
    """One `serve` of its own.

    Raises:
        BenchError: it does not work, or a pair is never seen.
    """
    found, (core, other) = Found(), cores()
    with tempfile.TemporaryDirectory(prefix="shadowbench-bench-") as name:
        directory = Path(name)
        upstream = StaticUpstream("upstream", directory, core=other, answer=chat_answer(1200))
        served = Served(directory, _values(upstream.port, port := free_port()), core=core)
        dashboard = f"http://127.0.0.1:{port}"
        try:
            served.wait_until_ready()
            say(f"{pairs} requests, one by one")
            asyncio.run(watch(served, dashboard, pairs, seed, found))
            asyncio.run(weigh(dashboard, found))
            paint(dashboard, found)
        finally:
            served.stop()
            upstream.stop()
    return found


def _values(upstream_port: int, dashboard_port: int) -> Mapping[str, object]:
    url = f"http://127.0.0.1:{upstream_port}"
    return {
        "listen": {"send_request_id": True},
        "dashboard": {"host": "127.0.0.1", "port": dashboard_port},
        "primary": {"url": url},
        "candidates": [{"name": CANDIDATE, "url": url, "model": "other", "sample": 1.0, "shares_primary": False}],
        # Everything is on one core here, and every request is to become a pair.
        "limits": {"loop_lag": "1h"},
    }


def figures_of(found: Found) -> dict[str, Figure]:
    """What the bar is held against: the worst pair."""
    worst_s = max(found.visible_s)
    others = sum(found.bytes.values()) - found.bytes["/"]
    figures = {
        "page_visible_worst_s": Figure(worst_s, worst_s, worst_s),
        "page_visible_s": Figure.over(found.visible_s),
        "page_bytes": Figure.over([float(found.bytes["/"])]),
        "static_bytes": Figure.over([float(others)]),
    }
    if found.paint_ms:
        figures["first_paint_ms"] = Figure.over(found.paint_ms)
    return figures


def report(found: Found, measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    ordered = sorted(found.visible_s)
    p90_s = ordered[round(0.9 * (len(ordered) - 1))]
    times = [f"{value:.2f}" for value in (ordered[0], median(ordered), p90_s, ordered[-1])]
    sizes = [(f"`{re.sub('[0-9a-f]{8,}', '*', path)}`", f"{size:,}") for path, size in found.bytes.items()]
    painted = (
        f"First contentful paint in Chromium, nothing kept from before: median {median(found.paint_ms):.0f} ms of "
        f"{len(found.paint_ms)} ({min(found.paint_ms):.0f} to {max(found.paint_ms):.0f})."
        if found.paint_ms
        else "There is no Chromium here: the time to the first contentful paint was not measured."
    )
    return f"""\
## Live page

{measured.place}

{len(ordered)} requests, one by one at random moments {_GAPS_S[0]:g} to {_GAPS_S[1]:g} s apart, through a whole `serve`
on one core; a viewer listens to `/live/events`. Seconds from the end of a pair's later leg to the event that names it:

{table(["", "smallest", "median", "p90", "worst"], [["seconds", *times]])}

Bytes as they are sent ({", ".join(sorted(found.encodings))}); files are kept by the browser:

{table(["", "bytes"], [*sizes, ("together", f"{sum(found.bytes.values()):,}")])}

{painted}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes its section of `RESULTS.md`."""
    parser = argparse.ArgumentParser(description="How soon a pair is seen on the live page; what the page weighs.")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--full", action="store_true", help="200 pairs")
    parser.add_argument("--dry", action="store_true", help="print instead of writing RESULTS.md")
    options = parser.parse_args(arguments)
    try:
        found = measure(200 if options.full else options.pairs, options.seed)
    except BenchError as error:
        say(f"bench.visible: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "bench.visible", *said])
    measured = measured_now(command, {"Chromium": found.browser}, figures_of(found))
    text = report(found, measured)
    if not options.dry:
        save(SECTION, measured)
        write_section(SECTION, text)
        write_bars()
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
