"""The whole of shadowbench as a user runs it: `serve` in a process of its own, results through its own commands."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from cli.demo.processes import Child, free_ports, start_serve, wait_until_ready

_COMMAND_TIMEOUT_S = 60.0
_POLL_S = 0.3


class PipelineError(Exception):
    """A command failed, or something did not happen in time."""


class Pipeline:
    """`shadowbench serve` with a configuration of the caller's, on free loopback ports and a directory of its own."""

    def __init__(self, directory: Path, values: Mapping[str, Any]) -> None:
        listen, admin = free_ports(2)
        self.base_url = f"http://127.0.0.1:{listen}"
        self.configuration = directory / "shadowbench.yaml"
        self._log = directory / "serve.log"
        self._admin_port = admin
        self._serve: Child | None = None
        own = {
            "listen": {"host": "127.0.0.1", "port": listen, "workers": 1},
            "admin": {"host": "127.0.0.1", "port": admin},
            "dashboard": {"host": "127.0.0.1", "port": 0},
            "capture": {"dir": "capture"},
            "store": {"dir": "store"},
        }
        self.configuration.write_text(yaml.safe_dump({**own, **values}, sort_keys=False), encoding="utf-8")

    async def __aenter__(self) -> Self:
        self._serve = await start_serve(self.configuration, log=self._log)
        try:
            await wait_until_ready(self._serve, admin_port=self._admin_port, log=self._log)
        except BaseException:
            await self._serve.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._serve is not None:
            await self._serve.stop()

    async def command(self, *arguments: str) -> str:
        """Standard output of a `shadowbench` command on this configuration.

        Raises:
            PipelineError: it failed; its own line says why.
        """
        name, *rest = arguments
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.main",
            name,
            "-c",
            str(self.configuration),
            *rest,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), _COMMAND_TIMEOUT_S)
        if process.returncode != 0:
            raise PipelineError(f"shadowbench {name}: {errors.decode().strip() or f'exit code {process.returncode}'}")
        return output.decode()

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query, through `shadowbench sql`."""
        text = await self.command("sql", sql, "--format", "json")
        return [json.loads(line) for line in text.split("\n") if line]

    async def wait_for_pairs(self, count: int, *, timeout_s: float) -> None:
        """Waits until the store holds `count` pairs.

        Raises:
            PipelineError: it does not in time.
        """
        found = 0
        deadline = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < deadline:
            found = int((await self.rows("SELECT count() AS n FROM pairs"))[0]["n"])
            if found >= count:
                return
            await asyncio.sleep(_POLL_S)
        raise PipelineError(f"{found} of {count} pairs after {timeout_s:g} s")
