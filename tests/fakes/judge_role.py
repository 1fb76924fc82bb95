"""The `judge` role in a process of its own, as the supervisor runs it: told what to do, heard, stopped or killed."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.load import located
from config.model import Config
from runtime.link import Drain, Failed, Figures, Ready, Reload, Start, StartMessage, decode_from_role, line

_ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
NAME = "judge"


def configuration(directory: Path, models: Sequence[Mapping[str, Any]], **judge: Any) -> Config:
    """All pairs of a store in `directory / "store"` are judged by these models, without a limit of money."""
    values = {
        "primary": {"url": "http://127.0.0.1:9"},
        "privacy": {"bodies": "full"},
        "store": {"dir": str(directory / "store")},
        "capture": {"dir": str(directory / "capture")},
        "judge": {
            "sample": 1,
            "models": list(models),
            "budget": {"usd_per_day": None},
            "repeats": 0,
            "canaries": 0,
            "metrics": [],
            **judge,
        },
    }
    return located(Config.model_validate(values), directory)


class JudgeRole:
    """`with JudgeRole(config) as role:`; on leaving it is killed unless it has ended."""

    def __init__(self, config: Config, *, name: str = NAME, module: str = "cli.role", log: Path | None = None) -> None:
        self.pid = 0
        self.figures: dict[str, float] = {}
        """As last reported, by name with labels."""
        self.detail: str | None = None
        """What it said when it was ready."""
        self.failure: str | None = None
        """Why it could not work."""
        ours, theirs = socket.socketpair()
        self._link = ours
        # Its lines go to a file where the test wants to read them, else nowhere.
        output = subprocess.DEVNULL if log is None else log.open("ab")
        with theirs:
            arguments = ["--role=judge", f"--name={name}", f"--link-fd={theirs.fileno()}"]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                start_new_session=True,
            )
        if not isinstance(output, int):
            output.close()
        self.pid = self._process.pid
        self._heard = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._listen, name=f"hears {name}")
        self._thread.start()
        self._send(StartMessage.of(Start("judge", name, config, 1, ())))

    def _send(self, message: StartMessage | Drain | Reload) -> None:
        with contextlib.suppress(OSError):  # it has ended
            self._link.sendall(line(message))

    def _listen(self) -> None:
        with self._link.makefile("rb") as lines, contextlib.suppress(OSError):  # closed by us
            for text in lines:
                self._note(text)
        with self._heard:
            self._ended = True
            self._heard.notify_all()

    def _note(self, text: bytes) -> None:
        message = decode_from_role(text)
        with self._heard:
            match message:
                case Ready(detail):
                    self.detail = detail
                case Figures(figures):
                    self.figures = figures
                case Failed(reason):
                    self.failure = reason
            self._heard.notify_all()

    def until_ready(self) -> "JudgeRole":
        """Waits until it works.

        Raises:
            AssertionError: it does not.
        """
        with self._heard:
            self._heard.wait_for(lambda: self.detail is not None or self._ended, PATIENCE_S)
        assert self.detail is not None, self.failure or "the role is not ready"
        return self

    def until_ended(self) -> int:
        """Its exit code."""
        code = self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        self._link.close()
        return code

    def reload(self, config: Config, version: int) -> None:
        """From now on this configuration."""
        self._send(Reload.of(config, version))

    def figure(self, name: str) -> float:
        """Sum of all figures of a name, whatever their labels."""
        return sum(value for key, value in self.figures.items() if key.partition("{")[0] == name)

    def cpu_s(self) -> float:
        """CPU time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        """The most memory that it ever had resident."""
        for text in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if text.startswith("VmHWM:"):
                return int(text.split()[1]) * 1024
        raise AssertionError("the system does not say")

    def stop(self) -> int:
        """Asks for a drain; its exit code."""
        self._send(Drain())
        return self.until_ended()

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self.until_ended()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> "JudgeRole":
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self.kill()
        self.until_ended()


async def until(is_so: Callable[[], bool], what: str, role: JudgeRole, *, patience_s: float = PATIENCE_S) -> None:
    """Waits until a question, asked in another thread, has the answer yes; upstreams of the test go on meanwhile.

    Raises:
        AssertionError: it has not in time, or the role ended before.
    """
    deadline = time.monotonic() + patience_s
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < deadline, f"{what}: not within {patience_s:g} s; {role.figures}"
        assert role.is_running(), f"{what}: the role ended first: {role.failure}"
        await asyncio.sleep(0.05)
