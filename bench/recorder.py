"""Pairs per second from capture log to store, and how soon they are seen: `python -m bench.recorder`.

Logs whose every byte is known are handed to a `serve` that is up already. CPU is what its recorder takes from the first
file to the last acknowledged row, all threads, with the embedded store's beside it; what is in the store is then
counted and compared, sample by sample, with what the log was made of.
"""

import argparse
import http.client
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from clickhouse_connect.driver.client import Client

from bench.bars import write_bars
from bench.capture_log import CANDIDATE, MIXES, MODELS, Expected, Mix, Written, write_log
from bench.machine import BenchError, cores, say
from bench.measured import Figure, Measured, measured_now, save
from bench.recorder_roles import cpu_by_role, hand_over
from bench.results import spread, table, write_section
from bench.rounds import Kind
from bench.served import Served
from bench.upstreams import StaticUpstream, chat_answer
from config.model import Store
from store.locate import close, connect

SECTION = "recorder"
PAIRS = {"json": 30_000, "streams": 6_000, "50_kib": 3_000}
_TIMEOUT_S = 300.0
_POLL_S = 0.1
_LOOK_S = 0.025
_RATE_PER_S = 100


@dataclass(slots=True)
class Cost:
    """Rounds of one mix."""

    mix: Mix
    recorder_us: list[float] = field(default_factory=list)
    """CPU microseconds per pair."""
    store_us: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """From the first file to the last row."""
    pairs: int = 0
    log_bytes: int = 0

    def per_core(self) -> list[float]:
        """Pairs per second and core of the recorder."""
        return [1e6 / us for us in self.recorder_us]


def measure(mix: Mix, pairs: int, rounds: int, core: int, seed: int = 7) -> Cost:
    """Records the same number of pairs in every round, each time from a fresh `serve`.

    Raises:
        BenchError: what was captured is not what was recorded.
    """
    cost = Cost(mix)
    for number in range(rounds):
        say(f"{mix.title}: round {number + 1} of {rounds}, {pairs:,} pairs")
        with tempfile.TemporaryDirectory(prefix="shadowbench-bench-") as name:
            _round(cost, Path(name), pairs, core, seed + number)
    return cost


def _round(cost: Cost, directory: Path, pairs: int, core: int, seed: int) -> None:
    written = write_log(directory / "log", cost.mix, pairs, seed=seed)
    capture, store = directory / "capture", Store(dir=str(directory / "store"))
    served = Served(directory, _values(capture), core=core)
    try:
        served.wait_until_ready()
        before_s = cpu_by_role(served)
        began_s = time.monotonic()
        hand_over(directory / "log", capture)
        _wait_for_rows(served, pairs)
        cost.seconds.append(time.monotonic() - began_s)
        spent_s = {role: after - before_s[role] for role, after in cpu_by_role(served).items()}
        with closing(_Reading(store)) as reading:
            check(reading.client, written)
    finally:
        served.stop()
    cost.recorder_us.append(spent_s["recorder"] / pairs * 1e6)
    cost.store_us.append(spent_s["store"] / pairs * 1e6)
    cost.pairs += pairs
    cost.log_bytes += written.size_bytes


class _Reading:
    """The store as the dashboard reads it."""

    def __init__(self, store: Store) -> None:
        self.client: Client = connect(store, access="reader", start_owner=False)

    def close(self) -> None:
        close(self.client)


def _values(capture: Path) -> dict[str, Any]:
    return {
        "primary": {"url": "http://127.0.0.1:9"},
        "candidates": [{"name": CANDIDATE, "url": "http://127.0.0.1:9", "model": MODELS[1], "sample": 1.0}],
        "capture": {"dir": str(capture)},
    }


def _wait_for_rows(served: Served, pairs: int) -> None:
    """By the recorder's own count, so that the store is not asked while its CPU is measured."""
    deadline = time.monotonic() + _TIMEOUT_S
    found = 0.0
    while time.monotonic() < deadline:
        with suppress(OSError):
            found = sum(
                value
                for name, labels, value in served.metrics()
                if name == "shadowbench_recorder_rows_total" and 'table="pairs"' in labels
            )
        if found >= pairs:
            return
        time.sleep(_POLL_S)
    raise BenchError(f"{found:.0f} of {pairs} captured exchanges were recorded")


def check(client: Client, written: Written) -> None:
    """Is what was captured what was recorded?

    Raises:
        BenchError: it is not.
    """
    counted = client.query(
        "SELECT count(), uniqExact(request_id), countIf(primary_outcome = 'ok' AND candidate_outcome = 'ok'),"
        " countIf(primary_cost_usd IS NOT NULL), (SELECT count() FROM payloads) FROM pairs"
    ).result_rows[0]
    n = written.exchanges
    if tuple(counted) != (n, n, n, n, 2 * n):
        raise BenchError(f"pairs, distinct, ok, priced, texts: {counted}; {n} exchanges were captured")
    for one in written.samples:
        _check_sample(client, one)


def _check_sample(client: Client, one: Expected) -> None:
    bound = {"id": str(one.request_id)}
    figures = client.query(
        "SELECT primary_total_ms, candidate_total_ms, primary_output_tokens, candidate_output_tokens, primary_model"
        " FROM pairs WHERE request_id = {id:UUID}",
        bound,
    ).result_rows
    texts = client.query(
        "SELECT side, request, response FROM payloads WHERE request_id = {id:UUID} ORDER BY side = 'primary' DESC",
        bound,
    ).result_rows
    expected = [("primary", one.request, one.responses[0]), (CANDIDATE, "", one.responses[1])]
    if figures != [(*one.total_ms, *one.tokens, MODELS[0])] or [tuple(row) for row in texts] != expected:
        raise BenchError(f"exchange {one.request_id}: recorded {figures}, {texts}; captured {one}")


def measure_visible(seconds: float, core: int, other: int) -> list[float]:
    """Seconds from the later leg's end to the first look that sees the row, of every request of a moderate load.

    The end of a leg is `ts` and its total; a look is a query of the pairs list's kind, every 25 ms.
    """
    say(f"how soon pairs are seen: {_RATE_PER_S} requests/s for {seconds:g} s")
    kind = Kind("visible", "", 1200, 1)
    with tempfile.TemporaryDirectory(prefix="shadowbench-bench-") as name:
        directory = Path(name)
        upstream = StaticUpstream("upstream", directory, core=other, answer=chat_answer(1200))
        values = {
            "primary": {"url": f"http://127.0.0.1:{upstream.port}"},
            "candidates": [
                {
                    "name": CANDIDATE,
                    "url": f"http://127.0.0.1:{upstream.port}",
                    "model": MODELS[1],
                    "sample": 1.0,
                    "shares_primary": False,
                }
            ],
            # Everything is on one core here, and every request is to become a pair.
            "limits": {"loop_lag": "1h"},
        }
        served = Served(directory, values, core=core)
        try:
            served.wait_until_ready()
            with closing(_Client(served.port, kind.load().body)) as client:
                client.ask()
                _wait_for_rows(served, 1)
                with closing(_Reading(Store(dir=str(directory / "store")))) as reading:
                    return _watch(client, reading.client, round(seconds * _RATE_PER_S))
        finally:
            served.stop()
            upstream.stop()


class _Client:
    """One keep-alive connection; a request leaves in one piece, as the upstream answers before it has read a body."""

    def __init__(self, port: int, body: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        self._request = head.encode() + b"content-type: application/json\r\n\r\n" + body

    def ask(self) -> None:
        """One request and its answer."""
        self._socket.sendall(self._request)
        response = http.client.HTTPResponse(self._socket, method="POST")
        response.begin()
        response.read()
        if response.status != 200 or response.will_close:
            raise BenchError(f"the proxy answered {response.status} and may close the connection")

    def close(self) -> None:
        self._socket.close()


def _watch(client: _Client, store: Client, count: int) -> list[float]:
    seen: dict[str, float] = {}
    began_s = time.monotonic()
    deadline_s = began_s + count / _RATE_PER_S + 20.0
    asked, next_look_s = 0, began_s
    while len(seen) < count + 1 and (now_s := time.monotonic()) < deadline_s:
        if asked < count and now_s >= began_s + asked / _RATE_PER_S:
            client.ask()
            asked += 1
        elif now_s >= next_look_s:
            next_look_s = now_s + _LOOK_S
            _look(store, seen)
        else:
            time.sleep(0.001)
    if len(seen) != count + 1:
        raise BenchError(f"{len(seen) - 1} of {count} pairs came to be seen")
    return list(seen.values())[1:]


def _look(client: Client, seen: dict[str, float]) -> None:
    rows = client.query(
        "SELECT toString(request_id), ts, greatest(primary_total_ms, candidate_total_ms) FROM pairs"
        " ORDER BY ts DESC LIMIT 1000"
    ).result_rows
    now_s = time.time()
    for identifier, ts, total_ms in reversed(rows):
        if identifier not in seen:
            seen[identifier] = now_s - ts.timestamp() - total_ms / 1e3


def figures_of(costs: Sequence[Cost], visible_s: Sequence[float]) -> dict[str, Figure]:
    """What the bars are held against."""
    figures = {}
    for cost in costs:
        figures[f"pairs_per_s_{cost.mix.key}"] = Figure.over(cost.per_core())
        figures[f"recorder_us_{cost.mix.key}"] = Figure.over(cost.recorder_us)
        figures[f"store_us_{cost.mix.key}"] = Figure.over(cost.store_us)
    if visible_s:
        p50, p99, most = (float(v) for v in np.percentile(visible_s, (50, 99, 100)))
        figures["visible_p99_s"] = Figure(p99, p50, most)
    return figures


def report(costs: Sequence[Cost], visible_s: Sequence[float], measured: Measured) -> str:
    """The section of `RESULTS.md`."""
    head = (
        "",
        "pairs/s and core",
        "recorder µs/pair",
        "store µs/pair",
        "both on one core, pairs/s",
        "log MB/s",
        "pairs",
    )
    lines = [
        (
            cost.mix.title,
            spread(cost.per_core()),
            spread(cost.recorder_us),
            spread(cost.store_us),
            f"{cost.pairs / sum(cost.seconds):,.0f}",
            f"{cost.log_bytes / sum(cost.seconds) / 1e6:,.0f}",
            f"{cost.pairs:,}",
        )
        for cost in costs
    ]
    text = f"""## The recorder, from capture log to store

{measured.place}

A log whose every byte is known is handed to a `serve` with all its roles, all on one core. CPU is the recorder's, all
threads, from the first file to the last acknowledged row; the embedded store's (merges and views of that time included)
stands beside it. Each cell: median of the rounds, in brackets the smallest and largest. After every round the rows were
counted and some hundred of them compared with the log: times, tokens, models, texts.

{table(head, lines)}
"""
    if not visible_s:
        return text
    p50, p90, p99, most = np.percentile(visible_s, (50, 90, 99, 100))
    return f"""{text}
Seen after the end of the later leg, at {_RATE_PER_S} requests/s, looked for every {_LOOK_S * 1e3:.0f} ms:
p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s, the slowest of {len(visible_s):,} {most:.2f} s.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it and writes the section, unless `--dry`."""
    parser = argparse.ArgumentParser(prog="python -m bench.recorder", description=__doc__)
    parser.add_argument("--full", action="store_true", help="five rounds instead of three")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of pairs")
    parser.add_argument("--mix", action="append", choices=[mix.key for mix in MIXES])
    parser.add_argument("--seconds", type=float, default=20.0, help="of the load whose pairs are looked for; 0: none")
    options = parser.parse_args(arguments)
    core, other = cores()
    rounds = options.rounds or (5 if options.full else 3)
    try:
        costs = [
            measure(mix, round(PAIRS[mix.key] * options.scale), rounds, core)
            for mix in MIXES
            if options.mix is None or mix.key in options.mix
        ]
        visible_s = measure_visible(options.seconds, core, other) if options.seconds else []
    except BenchError as error:
        say(f"bench: {error}")
        return 1
    command = shlex.join(["python", "-m", "bench.recorder", *(sys.argv[1:] if arguments is None else arguments)])
    measured = measured_now(command, {}, figures_of(costs, visible_s))
    text = report(costs, visible_s, measured)
    print(text)
    if not options.dry:
        save("recorder", measured)
        write_section(SECTION, text)
        write_bars()
    slowest = {cost.mix.key: median(cost.per_core()) for cost in costs}
    say(", ".join(f"{key}: {value:,.0f} pairs/s and core" for key, value in slowest.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
