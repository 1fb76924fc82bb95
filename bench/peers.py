"""Slower peers, each in an environment of its own under `bench/out`: `python -m bench.peers install` brings them there.

* aiohttp mirror: `bench.aiohttp_mirror`, ours; nothing to install.
* LiteLLM with `silent_model` (MIT; about 700 MB installed). Its proprietary package `litellm-enterprise` and the one
  for databases are left out; the proxy does without.
* Portkey's gateway (MIT; about 25 MB installed, needs node). It copies nothing.

No model weights are involved. A peer that is not installed is left out of the comparison, with a message.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.contenders import Running
from bench.machine import BenchError, Pinned, free_port, say

OUT = Path(__file__).with_name("out")
LITELLM_VERSION = "1.106.2"
PORTKEY_VERSION = "1.15.2"
_EXTRA = re.compile(r"extra == ['\"]proxy['\"]")
_LEFT_OUT = ("litellm-enterprise", "litellm-proxy-extras")
_LITELLM = OUT / "litellm"
_PORTKEY = OUT / "portkey"
_PORTKEY_PROGRAM = _PORTKEY / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
_INSTALLED = "installed.txt"
_LIST_REQUIREMENTS = "import importlib.metadata as m, json; print(json.dumps(m.requires('litellm') or []))"


class AiohttpMirror(Running):
    """The aiohttp proxy."""

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int) -> None:
        port = free_port()
        urls = ["--primary", f"http://127.0.0.1:{primary}", "--candidate", f"http://127.0.0.1:{candidate}"]
        command = [sys.executable, "-m", "bench.aiohttp_mirror", "--port", str(port), *urls]
        super().__init__(Pinned(command, core=core, log=directory / "aiohttp.out"), port)


class LiteLLM(Running):
    """LiteLLM's proxy with `silent_model`: one worker, no key, no database, no retries, no cool-downs."""

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int) -> None:
        port = free_port()
        configuration = directory / "litellm.json"  # JSON is YAML
        configuration.write_text(json.dumps(_litellm_configuration(primary, candidate)))
        program = _LITELLM / "bin" / "litellm"
        options = ["--config", str(configuration), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        environment = {
            **os.environ,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "NO_PROXY": "127.0.0.1",
        }
        command = [str(program), *options]
        log = directory / "litellm.out"
        super().__init__(Pinned(command, core=core, log=log, environment=environment, directory=directory), port)


class Portkey(Running):
    """Portkey's gateway: it forwards to the host that a header names, and copies nothing."""

    mirrors = False

    def __init__(self, directory: Path, *, core: int, primary: int, candidate: int) -> None:
        del candidate
        port = free_port()
        self.headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{primary}/v1"}
        node = shutil.which("node")
        if node is None:
            raise BenchError("node is not installed")
        environment = {**os.environ, "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
        command = [node, str(_PORTKEY_PROGRAM), f"--port={port}", "--headless"]
        process = Pinned(command, core=core, log=directory / "portkey.out", environment=environment)
        super().__init__(process, port)


def aiohttp_version() -> str:
    """Always there: shadowbench uses it itself."""
    return aiohttp.__version__


def litellm_version() -> str | None:
    """None when it is not installed."""
    return _noted(_LITELLM)


def portkey_version() -> str | None:
    """None when it is not installed."""
    return _noted(_PORTKEY) if shutil.which("node") else None


def _litellm_configuration(primary: int, candidate: int) -> dict[str, object]:
    def model(name: str, upstream: str, port: int, **more: str) -> dict[str, object]:
        base = f"http://127.0.0.1:{port}/v1"
        return {"model_name": name, "litellm_params": {"model": upstream, "api_base": base, "api_key": "none", **more}}

    return {
        "model_list": [
            model("client-model", "openai/benchmark-model", primary, silent_model="shadow"),
            model("shadow", "openai/another-model", candidate),
        ],
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"dangerously_permit_weak_or_unset_master_key": True},
    }


def _noted(directory: Path) -> str | None:
    note = directory / _INSTALLED
    return note.read_text().strip() if note.exists() else None


def install() -> None:
    """Brings LiteLLM and Portkey's gateway into `bench/out`, in the versions that this file names.

    Raises:
        BenchError: one of them could not be installed.
    """
    OUT.mkdir(exist_ok=True)
    if litellm_version() != LITELLM_VERSION:
        say(f"installing litellm {LITELLM_VERSION} into {_LITELLM}")
        _run([sys.executable, "-m", "venv", "--clear", str(_LITELLM)])
        python = str(_LITELLM / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        _run([*pip, f"litellm=={LITELLM_VERSION}"])
        _run([*pip, *free_proxy_requirements(json.loads(_run([python, "-c", _LIST_REQUIREMENTS])))])
        (_LITELLM / _INSTALLED).write_text(LITELLM_VERSION)
    if shutil.which("npm") is None:
        raise BenchError("Portkey's gateway needs node and npm (Debian: apt-get install nodejs npm)")
    if portkey_version() != PORTKEY_VERSION:
        say(f"installing @portkey-ai/gateway {PORTKEY_VERSION} into {_PORTKEY}")
        _PORTKEY.mkdir(exist_ok=True)
        npm = ["npm", "install", "--prefix", str(_PORTKEY), "--ignore-scripts", "--no-audit", "--no-fund"]
        _run([*npm, f"@portkey-ai/gateway@{PORTKEY_VERSION}"])
        (_PORTKEY / _INSTALLED).write_text(PORTKEY_VERSION)


def free_proxy_requirements(requirements: Sequence[str]) -> list[str]:
    """What LiteLLM's extra `proxy` requires, without the markers, and without what is not free or not needed."""
    found = []
    for requirement in requirements:
        wanted, _, marker = requirement.partition(";")
        name = re.split(r"[\s<>=!~\[(]", wanted.strip(), maxsplit=1)[0]
        if _EXTRA.search(marker) and name not in _LEFT_OUT:
            found.append(wanted.strip())
    return found


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command[:4])}: {done.stderr.strip()[-300:]}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Installs, or says what there is."""
    parser = argparse.ArgumentParser(description="Slower peers of the comparison.")
    parser.add_argument("what", choices=("install", "list"))
    options = parser.parse_args(arguments)
    try:
        if options.what == "install":
            install()
    except BenchError as error:
        say(f"bench.peers: {error}")
        return 1
    for name, version in (("LiteLLM", litellm_version()), ("Portkey gateway", portkey_version())):
        print(f"{name}: {version or 'not installed; python -m bench.peers install'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
