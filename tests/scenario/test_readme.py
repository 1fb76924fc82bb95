"""What the README tells people to type works as it stands."""

import asyncio
import re
import shlex
import signal
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from tests.scenario.commands import ROOT, TIMEOUT_S, output_of, shadowbench, wait_for_line

README = (ROOT / "README.md").read_text(encoding="utf-8")
FREE_PORTS = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dashboard", "127.0.0.1:0")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """Arguments of every `shadowbench` in a shell block."""
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line and line[0] == ".venv/bin/shadowbench"]


async def stop(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 0, errors.decode()


async def test_the_command_for_your_own_gateway_serves(folder: Path) -> None:
    """On free ports instead of 8080; nothing listens at the README's gateway, which is said and does not stop it."""
    (command,) = [c for c in commands() if "--primary" in c]
    process = await shadowbench(*command, *FREE_PORTS, directory=folder)
    await wait_for_line(process, "serving http://127.0.0.1:4000")
    await stop(process)


async def test_the_file_is_valid_and_every_command_on_it_answers(folder: Path) -> None:
    (configuration,) = blocks("yaml")
    (folder / "shadowbench.yaml").write_text(configuration, encoding="utf-8")
    on_file = [c for c in commands() if "-c" in c]
    (serve,) = [c for c in on_file if c[0] == "serve"]
    process = await shadowbench(*serve, *FREE_PORTS, directory=folder)
    await wait_for_line(process, "embedded store on")
    for command in on_file:
        if command is not serve:
            assert await output_of(*command, directory=folder) or command[0] == "sql"
    await stop(process)


@pytest.mark.parametrize("target", ["demo", "test", "bench"])
def test_targets_that_it_names_are_in_the_makefile(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_files_that_it_links_to_are_there() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
