"""`shadowbench audit` on a machine whose service was killed: what nobody has read yet is said, not passed over."""

import os
import signal
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.main import run
from tests.cli.test_serve import ANSWER, ask, ports, role_pids, serve, until_stored, upstream
from tests.fakes.running import until_gone

__all__ = ["upstream"]


def test_after_a_kill_it_says_what_the_capture_log_holds_and_what_to_do(
    tmp_path: Path, upstream: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{upstream.server_address[1]}"
    file = tmp_path / "shadowbench.yaml"
    file.write_text(f"primary: {{url: '{url}'}}\ncandidates: [{{name: twin, url: '{url}', sample: 1}}]\n")
    with serve(tmp_path, upstream) as program:
        clients, _ = ports(program)
        program.line(r"^store +ready")
        assert ask(clients) == (200, ANSWER)
        assert until_stored(tmp_path / "data" / "store", 1) == (1, 1)
        pids = role_pids(program.process.pid)
        for name in ("recorder", "proxy-0", "store"):
            os.kill(pids[name], signal.SIGSTOP)
        program.process.kill()
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
            until_gone(pid)
    assert run(["audit", "-c", str(file)]) == 1
    said = capsys.readouterr()
    assert "All " not in said.out
    assert said.err == (
        f"audit: the capture log in {tmp_path}/data/capture holds 1 stream that no recorder has read to the end; "
        "start `shadowbench serve`, which records them\n"
    )
