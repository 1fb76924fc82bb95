"""The recorded answers of real providers, where they are there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).parents[4] / "shared"))
WIRE = _SHARED / "data" / "wire"

needs_recordings = pytest.mark.skipif(
    not (WIRE / "index.json").exists(),
    reason=f"recorded samples are not at {WIRE}; set SHADOWBENCH_SHARED to the folder that holds data/wire",
)


@dataclass(frozen=True)
class Recording:
    """One sample: bytes as a provider sent them, and what upstream read in them."""

    name: str
    body: bytes
    request: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    expected: dict[str, Any]


def recordings(api: str) -> list[Recording]:
    """Samples of one API; empty when the folder is not there."""
    if not (WIRE / "index.json").exists():
        return []
    entries = json.loads((WIRE / "index.json").read_text())
    return [_recording(entry) for entry in entries if entry["api"] == api]


def _recording(entry: dict[str, Any]) -> Recording:
    request_file = entry.get("request_file")
    headers = [
        (name.lower().encode(), value.encode())
        for name, value in entry["headers"].items()
        # The samples are stored unpacked whatever the provider had sent.
        if name.lower() not in {"content-encoding", "transfer-encoding"}
    ]
    return Recording(
        entry["file"],
        (WIRE / entry["file"]).read_bytes(),
        (WIRE / request_file).read_bytes() if request_file else b"",
        entry["status"],
        headers,
        entry["expected"],
    )
