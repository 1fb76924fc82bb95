"""One JSON object per line on standard error."""

import json
from pathlib import Path

import pytest

from runtime.log import Log
from runtime.outlet import STDERR


def test_a_line_is_one_object_with_level_role_and_event(capfd: pytest.CaptureFixture[str]) -> None:
    Log("proxy-0").warning("disk full", directory=Path("a\nb"), bytes=3)
    assert STDERR.flush()
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    line = json.loads(said.err)
    assert line.pop("ts") > 1_700_000_000
    assert line == {"level": "warning", "role": "proxy-0", "event": "disk full", "directory": "a\nb", "bytes": 3}
