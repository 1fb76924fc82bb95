"""`privacy.bodies: none`: no text of a request or an answer is kept anywhere once it is recorded."""

import os
from pathlib import Path
from typing import Any

import msgspec

from proxy.shadow.capture.frames import Frame
from proxy.shadow.capture.segment import pack_frame
from store.errors import StoreRefused
from tests.proxy.recorder.stage import LogWriter, Shelf, admitted, leftovers, leg_end, open_leg, record

WORDS = ("Mary had a lamb", "its fleece was white", "tool_argument_x", "thought about it", "model-x")
"""Of request, answer, tool call and reasoning; the model's name, which may be kept, shows that the search finds."""


def answer() -> bytes:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":"tool_argument_x"}'}}
    message = {
        "role": "assistant",
        "content": "its fleece was white",
        "reasoning_content": "thought about it",
        "tool_calls": [call],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return msgspec.json.encode({"model": "model-x", "choices": [choice], "usage": usage})


async def recorded(directory: Path, shelf: Shelf, **privacy: Any) -> None:
    body = b'{"model":"m-1","messages":[{"role":"user","content":"Mary had a lamb"}]}'
    worker = LogWriter(directory)
    frames: list[Frame] = []
    for n in (1, 2):
        frames += [admitted(n, [open_leg()], body), leg_end(n, 0, answer()), leg_end(n, 1, answer())]
    worker.write(*frames)
    worker.write_raw(b"".join(pack_frame(msgspec.msgpack.encode([99, "Mary had a lamb"]))))  # of another version
    worker.write_raw(b"".join(pack_frame(body))[:-1] + b"!")  # damaged
    worker.new_segment()
    worker.count(frames)
    worker.die()
    await record(directory, shelf, **privacy)


def found_in(directory: Path, shelf: Shelf) -> set[str]:
    """Words that stand in some row, or in some file that is left."""
    kept = repr(dict(shelf.rows)).encode()
    kept += b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())
    return {word for word in WORDS if word.encode() in kept}


async def test_no_text_reaches_the_store_or_stays_on_disk(tmp_path: Path) -> None:
    shelf = Shelf()
    await recorded(tmp_path, shelf, bodies="none")
    assert len(shelf.rows["pairs"]) == 2
    assert shelf.rows["payloads"] == []
    assert found_in(tmp_path, shelf) == {"model-x"}
    assert leftovers(tmp_path) == []
    assert {Path(name).suffix for name in os.listdir(tmp_path / "quarantine")} == {".json"}  # reasons


async def test_all_of_them_are_found_where_texts_are_kept(tmp_path: Path) -> None:
    """So the search above would have found them."""
    shelf = Shelf()
    await recorded(tmp_path, shelf, bodies="full")
    assert found_in(tmp_path, shelf) == set(WORDS)


async def test_rows_that_the_store_refuses_hold_no_text_either(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("proxy.recorder.sender.FIRST_PAUSE_S", 0.0001)
    monkeypatch.setattr("proxy.recorder.sender.LONGEST_PAUSE_S", 0.0001)

    def refuse(table: str, _token: str) -> None:
        if table == "pairs":
            raise StoreRefused("no")

    shelf = Shelf(fail=refuse)
    await recorded(tmp_path, shelf, bodies="none")
    assert any(path.suffix == ".part" for path in (tmp_path / "quarantine").iterdir())
    assert found_in(tmp_path, shelf) == {"model-x"}
