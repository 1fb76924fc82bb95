"""A role's process: exit codes, last words, and what makes it end. The role itself is a small one of the test."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.model import Config
from runtime.link import Drain, Failed, FromRole, Ready, Start, StartMessage, decode_from_role, line
from tests.fakes.running import PATIENCE_S, ROOT

START = Start("recorder", "recorder", Config.model_validate({"primary": {"url": "http://p"}, "drain": 0}), 1, ())

RUN = """\
import sys, types, asyncio
from cli import role
module = types.ModuleType("of_the_test")
exec({code!r}, module.__dict__)
sys.modules["of_the_test"] = module
role.MODULES["recorder"] = "of_the_test"
role.LATE_S = 0.5
sys.exit(role.main())
"""


class RoleProcess:
    def __init__(self, code: str) -> None:
        self.link, theirs = socket.socketpair()
        self.link.settimeout(PATIENCE_S)
        with theirs:
            names = ["--role", "recorder", "--name", "recorder", "--link-fd", str(theirs.fileno())]
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN.format(code=code), *names],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        self._lines = self.link.makefile("rb")

    def say(self, message: StartMessage | Drain) -> None:
        self.link.sendall(line(message))

    def hear(self) -> FromRole:
        message: FromRole = decode_from_role(self._lines.readline())
        return message

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._lines.close()
        self.link.close()


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[RoleProcess]:
    """A role that was told to start; its code is the test's parameter or mark."""
    process = RoleProcess(request.param)
    process.say(StartMessage.of(START))
    yield process
    process.close()


GOOD = """
async def run(start, link):
    link.ready(start.name)
    await link.stop.wait()
"""


@pytest.mark.parametrize("started", [GOOD], indirect=True)
@pytest.mark.parametrize("how", ["drain", "sigterm", "link"])
def test_a_drain_ends_with_0(started: RoleProcess, how: str) -> None:
    """Asked for by the supervisor, by SIGTERM, or by the supervisor's death."""
    assert started.hear() == Ready("recorder")
    if how == "drain":
        started.say(Drain())
    elif how == "sigterm":
        started.process.send_signal(signal.SIGTERM)
    else:
        started.link.shutdown(socket.SHUT_RDWR)
    assert started.end() == (0, "")


@pytest.mark.parametrize("started", ["async def run(start, link): raise ValueError('a\\nb')"], indirect=True)
def test_a_crash_is_one_line_and_70(started: RoleProcess) -> None:
    assert started.hear() == Failed("ValueError: a")
    code, errors = started.end()
    assert code == 70
    assert errors.count("\n") == 1
    assert '"error":"ValueError: a"' in errors


REASON = """
from runtime.link import RoleError
async def run(start, link):
    raise RoleError("the directory belongs to process 7; end it")
"""


@pytest.mark.parametrize("started", [REASON], indirect=True)
def test_a_reason_for_the_operator_is_told_to_the_supervisor_alone(started: RoleProcess) -> None:
    assert started.hear() == Failed("the directory belongs to process 7; end it")
    assert started.end() == (70, "")


@pytest.mark.parametrize("started", ["async def run(start, link): pass"], indirect=True)
def test_an_end_that_nobody_asked_for_is_a_failure(started: RoleProcess) -> None:
    assert started.hear() == Failed("ended without being asked to")
    assert started.end() == (70, "")


HANGS = """
import time
async def run(start, link):
    link.ready("hangs")
    await link.stop.wait()
    link.ready("drains")
    {how}
"""


ASLEEP = HANGS.format(how="await __import__('asyncio').sleep(60)")
BLOCKED = HANGS.format(how="time.sleep(60)")


@pytest.mark.parametrize("started", [ASLEEP, BLOCKED], indirect=True, ids=["asleep", "blocked"])
def test_a_role_that_hangs_after_the_supervisors_death_ends_itself(started: RoleProcess) -> None:
    """Nobody else is there to do it. Also when its event loop stands still."""
    started.hear()
    started.link.shutdown(socket.SHUT_RDWR)
    code, errors = started.end()
    assert code == 70
    assert "role hangs" in errors


@pytest.mark.parametrize("started", [ASLEEP], indirect=True)
def test_sigterm_during_a_drain_cuts_it_short(started: RoleProcess) -> None:
    started.hear()
    started.process.send_signal(signal.SIGTERM)
    assert started.hear() == Ready("drains")
    started.process.send_signal(signal.SIGTERM)
    assert started.end()[0] == 70


def test_a_supervisor_that_dies_before_the_start_leaves_no_role() -> None:
    process = RoleProcess(GOOD)
    process.link.shutdown(socket.SHUT_RDWR)
    assert process.end()[0] == 70
    process.close()


@pytest.mark.parametrize("started", [GOOD], indirect=True)
def test_other_roles_than_the_proxy_stand_back(started: RoleProcess) -> None:
    started.hear()
    fields = Path(f"/proc/{started.process.pid}/stat").read_text().rpartition(")")[2].split()
    assert int(fields[16]) == min(19, os.nice(0) + 10)
