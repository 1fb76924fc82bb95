"""chDB opened by hand in a process of its own, with a configuration that the product's owner does not have."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_RUN = """
import json, sys
import chdb
directory, config, statements = json.loads(sys.stdin.read())
connection = chdb.connect(f"{directory}?config-file={config}")
answers = [connection.query(sql, "JSONCompactEachRow").bytes().decode() for sql in statements]
connection.close()
sys.stdout.write("\\n" + json.dumps(answers))
"""


def answers(directory: Path, config_xml: str, statements: Sequence[str]) -> list[list[list[object]]]:
    """Runs statements one after the other; the rows of each."""
    config = directory / "engine.xml"
    config.write_text(config_xml, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-P", "-c", _RUN],
        input=json.dumps([str(directory / "by-hand"), str(config), list(statements)]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    found: list[str] = json.loads(run.stdout.rpartition("\n")[2])
    return [[json.loads(line) for line in answer.splitlines()] for answer in found]
