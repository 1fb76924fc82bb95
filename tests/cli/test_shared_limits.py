"""Budgets and rates as a user meets them: `shadowbench serve` with two workers, real roles, a real store."""

import json
import sys
import time
from decimal import Decimal
from http.server import ThreadingHTTPServer
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cli.test_serve import ANSWER, ask, asked_of, get, ports, upstream
from tests.fakes.running import Running

__all__ = ["upstream"]

COST = Decimal("0.001")
"""9 tokens at 100 dollars and 2 at 50, per million."""
BUDGET = Decimal("0.0305")
PER_MINUTE = 30
PATIENCE_S = 60.0


def configuration(directory: Path, url: str) -> Path:
    path = directory / "shadowbench.yaml"
    path.write_text(
        json.dumps(
            {
                "listen": {"host": "127.0.0.1", "port": 0, "workers": 2},
                "admin": {"host": "127.0.0.1", "port": 0},
                "dashboard": {"port": 0},
                "primary": {"url": url},
                "candidates": [
                    {
                        "name": "priced",
                        "url": url,
                        "model": "priced",
                        "sample": 1.0,
                        "price": {"input_per_mtok": 100, "output_per_mtok": 50},
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


def metrics(port: int) -> dict[tuple[str, str, str], float]:
    """(name, candidate, state) -> sum over workers."""
    text = get(port, "/metrics")[1].decode()
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
    with Running([sys.executable, "-m", "cli.main", "serve", "-c", str(config)], cwd=tmp_path) as program:
        clients, admin = ports(program)
        program.line(r"^proxy-\d +ready")
        program.line(r"^proxy-\d +ready")
        deadline = time.monotonic() + PATIENCE_S
        found = metrics(admin)
        while found.get(("shadowbench_budget_spent_usd", "priced", ""), 0.0) < float(BUDGET - COST):
            assert time.monotonic() < deadline, found
            for _ in range(10):
                assert ask(clients) == (200, ANSWER)
            found = metrics(admin)
        for _ in range(20):
            assert ask(clients) == (200, ANSWER)
        time.sleep(1.0)
        found = metrics(admin)
    asked = asked_of(upstream)
    times = {model: [at_s for at_s, name in asked if name == model] for model in ("asked-model", "priced", "rated")}
    clients_asked = len(times["asked-model"])
    copies = len(times["priced"])
    assert copies * COST <= BUDGET
    assert copies >= 28
    assert found["shadowbench_requests_total", "priced", "admitted"] == copies
    # What is more than the copies was counted, and nothing else kept any back.
    assert found["shadowbench_requests_total", "priced", "budget"] == clients_asked - copies
    rated = times["rated"]
    assert found["shadowbench_requests_total", "rated", "rate_limit"] == clients_asked - len(rated)
    assert len(rated) >= 2
    assert max(sum(at <= other < at + 60.0 for other in rated) for at in rated) <= PER_MINUTE
    # Evenly: one at a time, and two seconds for each.
    assert len(rated) <= 2 + (rated[-1] - rated[0]) * PER_MINUTE / 60
    assert found["shadowbench_budget_usd", "priced", ""] == float(BUDGET)
    assert found["shadowbench_lease_machines", "", ""] == 1
