"""Cheap upstreams: nginx that answers JSON from memory, and a small server of our own for event streams; both count."""

import json
import os
import pwd
import re
import resource
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bench.machine import Pinned, free_port, wait_for_port

_NGINX = """\
user {user};
worker_processes 1;
daemon off;
pid {directory}/{name}.pid;
error_log {directory}/{name}.log warn;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
  access_log off;
  client_body_temp_path {directory}/{name}-body;
  proxy_temp_path {directory}/{name}-proxy;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_buffer_size 256k;
  client_max_body_size 64m;
{rest}
}}
"""
_ANSWER = """\
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    default_type application/json;
    location = /count {{ stub_status; }}
    location / {{ return 200 '{answer}'; }}
  }}"""
_REQUESTS = re.compile(r"^ *\d+ +\d+ +(\d+) *$", re.MULTILINE)


class Upstream(Protocol):
    """An upstream of the benchmark."""

    port: int

    def answered(self) -> int:
        """Requests that came in so far."""

    def stop(self) -> None:
        """Ends it."""


def nginx_configuration(name: str, directory: Path, rest: str) -> Path:
    """Writes a configuration of one worker process with `rest` inside its `http` block."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    path = directory / f"{name}.conf"
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    path.write_text(_NGINX.format(user=user, directory=directory, name=name, descriptors=descriptors, rest=rest))
    return path


def start_nginx(name: str, directory: Path, rest: str, *, core: int, port: int) -> Pinned:
    """Starts nginx and waits until it listens on `port`."""
    configuration = nginx_configuration(name, directory, rest)
    process = Pinned(
        ["nginx", "-p", str(directory), "-c", str(configuration)], core=core, log=directory / f"{name}.out"
    )
    wait_for_port(port, alive=process.is_alive)
    return process


def chat_answer(size_bytes: int) -> bytes:
    """A chat completion of exactly `size_bytes` bytes, in the words of the API."""
    values = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "benchmark-model",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 230, "completion_tokens": 200, "total_tokens": 430},
    }
    empty = json.dumps(values)
    filler = ("word " * size_bytes)[: size_bytes - len(empty)]
    return empty.replace('"content": ""', f'"content": "{filler}"').encode()


class StaticUpstream:
    """nginx that answers every request with the same JSON."""

    def __init__(self, name: str, directory: Path, *, core: int, answer: bytes) -> None:
        self.port = free_port()
        self._own_requests = 0
        rest = _ANSWER.format(port=self.port, answer=answer.decode())
        self._process = start_nginx(name, directory, rest, core=core, port=self.port)

    def answered(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count", timeout=5) as response:
            found = _REQUESTS.search(response.read().decode())
        assert found is not None
        self._own_requests += 1
        return int(found[1]) - self._own_requests

    def stop(self) -> None:
        self._process.stop()


class StreamingUpstream:
    """`bench.event_stream` in a process of its own."""

    def __init__(self, name: str, directory: Path, *, core: int, events: int, options: Sequence[str] = ()) -> None:
        """`options`: more of the program's own."""
        self.port = free_port()
        arguments = [sys.executable, "-m", "bench.event_stream", "--port", str(self.port), "--events", str(events)]
        arguments += options
        self._process = Pinned(arguments, core=core, log=directory / f"{name}.out")
        wait_for_port(self.port, alive=self._process.is_alive)

    def answered(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count", timeout=5) as response:
            return int(response.read())

    def stop(self) -> None:
        self._process.stop()
