"""Budgets and rates as a user meets them: `shadowbench serve` with two workers, real roles, a real store."""

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.running import Running

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
COST = Decimal("0.001")
"""10 tokens at 50 dollars and 5 at 100, per million."""
BUDGET = Decimal("0.0305")
PER_MINUTE = 30
PATIENCE_S = 60.0


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[tuple[float, str]]
    """(monotonic time, model)"""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((time.monotonic(), json.loads(body)["model"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def upstream() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Upstream,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def configuration(directory: Path, url: str) -> Path:
    path = directory / "shadowbench.yaml"
    path.write_text(
        json.dumps(
            {
                "listen": {"host": "127.0.0.1", "port": 0, "workers": 2},
                "admin": {"host": "127.0.0.1", "port": 0},
                "primary": {"url": url},
                "candidates": [
                    {
                        "name": "priced",
                        "url": url,
                        "model": "priced",
                        "sample": 1.0,
                        "price": {"input_per_mtok": 50, "output_per_mtok": 100},
                        "budget": {"usd_per_day": str(BUDGET)},
                    },
                    {
                        "name": "rated",
                        "url": url,
                        "model": "rated",
                        "sample": 1.0,
                        "budget": {"requests_per_minute": PER_MINUTE},
                    },
                ],
            }
        )
    )
    return path


def ask(port: int) -> None:
    """On a connection of its own, so that both workers get some."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        body = json.dumps({"model": "asked", "messages": [{"role": "user", "content": "Hi"}]})
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, ANSWER)
    finally:
        connection.close()


def metrics(port: int) -> dict[tuple[str, str, str], float]:
    """(name, candidate, state) -> sum over workers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found: dict[tuple[str, str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, sample.labels.get("candidate", ""), sample.labels.get("state", ""))
            found[key] = found.get(key, 0.0) + sample.value
    return found


def test_a_budget_and_a_rate_hold_over_two_workers(tmp_path: Path, upstream: ThreadingHTTPServer) -> None:
    """Clients are served all the while. Each copy costs a tenth of a cent, so the bound is the budget itself."""
    url = f"http://127.0.0.1:{upstream.server_address[1]}"
    config = configuration(tmp_path, url)
    asked: list[tuple[float, str]] = upstream.RequestHandlerClass.asked  # type: ignore[attr-defined]
    with Running([sys.executable, "-m", "cli.main", "serve", "-c", str(config)], cwd=tmp_path) as program:
        clients = int(program.line(r"listening 127\.0\.0\.1:(\d+) for clients")[1])
        admin = int(program.line(r"listening 127\.0\.0\.1:(\d+) for probes")[1])
        program.line(r"^proxy-\d +ready")
        program.line(r"^proxy-\d +ready")
        deadline = time.monotonic() + PATIENCE_S
        found = metrics(admin)
        while found.get(("shadowbench_budget_spent_usd", "priced", ""), 0.0) < float(BUDGET - COST):
            assert time.monotonic() < deadline, found
            for _ in range(10):
                ask(clients)
            found = metrics(admin)
        for _ in range(20):
            ask(clients)
        time.sleep(1.0)
        found = metrics(admin)
    times = {model: [at_s for at_s, name in asked if name == model] for model in ("asked", "priced", "rated")}
    copies = len(times["priced"])
    assert copies * COST <= BUDGET
    assert copies >= 28
    assert found["shadowbench_requests_total", "priced", "admitted"] == copies
    # What is more than the copies was counted, and nothing else kept any back.
    assert found["shadowbench_requests_total", "priced", "budget"] == len(times["asked"]) - copies
    rated = times["rated"]
    assert found["shadowbench_requests_total", "rated", "rate_limit"] == len(times["asked"]) - len(rated)
    assert len(rated) >= 2
    assert max(sum(at <= other < at + 60.0 for other in rated) for at in rated) <= PER_MINUTE
    # Evenly: one at a time, and two seconds for each.
    assert len(rated) <= 2 + (rated[-1] - rated[0]) * PER_MINUTE / 60
    assert found["shadowbench_budget_usd", "priced", ""] == float(BUDGET)
    assert found["shadowbench_lease_machines", "", ""] == 1
