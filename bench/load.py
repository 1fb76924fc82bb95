"""The load generator: wrk with keep-alive connections, closed loop, and what it counted."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.machine import BenchError

_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer client-key"
local file = io.open(%(body)s, "rb")
%(headers)s
wrk.body = file:read("*a")
file:close()
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %%d, "seconds": %%f, "bad_status": %%d, "socket_errors": %%d, "p50_us": %%f, "p99_us": %%f}\\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request."""

    path: str
    body: bytes
    connections: int

    def write_script(self, directory: Path, headers: Mapping[str, str]) -> Path:
        """The script that makes wrk send it, with more headers."""
        body = directory / "body.json"
        body.write_bytes(self.body)
        script = directory / "load.lua"
        more = "\n".join(f"wrk.headers[{json.dumps(n)}] = {json.dumps(v)}" for n, v in headers.items())
        script.write_text(_SCRIPT % {"body": json.dumps(str(body)), "headers": more})
        return script


@dataclass(frozen=True, slots=True)
class Counted:
    """What wrk says of one run."""

    requests: int
    """Answers received; up to `connections` more requests were under way at the end."""
    seconds: float
    p50_us: float
    p99_us: float

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.seconds


def run_load(
    load: Load, *, port: int, seconds: float, core: int, directory: Path, headers: Mapping[str, str]
) -> Counted:
    """Runs wrk on one core.

    Raises:
        BenchError: wrk failed, or an answer was not a 2xx.
    """
    script = load.write_script(directory, headers)
    url = f"http://127.0.0.1:{port}{load.path}"
    options = ["-t1", f"-c{load.connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(script), url]
    finished = subprocess.run(
        ["taskset", "-c", str(core), "wrk", *options], capture_output=True, text=True, timeout=seconds + 30, check=False
    )
    if finished.returncode != 0:
        raise BenchError(f"wrk: {finished.stderr.strip() or finished.stdout.strip()}")
    counted = json.loads(finished.stdout.strip().splitlines()[-1])
    if counted["bad_status"] or counted["socket_errors"]:
        raise BenchError(f"{url}: {counted['bad_status']} bad answers, {counted['socket_errors']} socket errors")
    return Counted(counted["requests"], counted["seconds"], counted["p50_us"], counted["p99_us"])
