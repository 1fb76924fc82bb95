"""The recorded answers of real providers, where they are there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(os.environ.get("SHADOWBENCH_SHARED", Path(__file__).parents[4] / "shared"))
WIRE = _SHARED / "data" / "wire"

_ENDPOINTS = {
    "openai.chat": "chat/completions",
    "openai.completions": "completions",
    "embeddings": "embeddings",
    "openai.responses": "responses",
    "anthropic.messages": "messages",
    "gemini": "generateContent",
    "ollama": "api/generate",
}
"""Names of the index -> endpoints. The index has two more (Bedrock's and Cohere's own), which are not mirrored."""

needs_recordings = pytest.mark.skipif(
    not (WIRE / "index.json").exists(),
    reason=f"recorded samples are not at {WIRE}; set SHADOWBENCH_SHARED to the folder that holds data/wire",
)


@dataclass(frozen=True)
class Recording:
    """One sample: bytes as a provider sent them, and what upstream read in them."""

    name: str
    api: str
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


def spoken_recordings() -> list[tuple[str, Recording]]:
    """(endpoint, sample) of every API that the proxy mirrors; empty when the folder is not there."""
    return [(_endpoint(recording), recording) for api in _ENDPOINTS for recording in recordings(api)]


def _endpoint(recording: Recording) -> str:
    if recording.api == "gemini":
        return "streamGenerateContent" if recording.name.endswith(".sse") else "generateContent"
    if recording.api == "ollama":
        return "api/generate" if "generate" in recording.name else "api/chat"
    return _ENDPOINTS[recording.api]


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
        entry["api"],
        (WIRE / entry["file"]).read_bytes(),
        (WIRE / request_file).read_bytes() if request_file else b"",
        entry["status"],
        headers,
        entry["expected"],
    )
