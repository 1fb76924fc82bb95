"""The logs of the recorder's benchmark are what a recorder takes them for."""

from pathlib import Path

import pytest

from bench.capture_log import CANDIDATE, EVENTS, MIXES, Mix, write_log
from config.model import Config
from proxy.recorder.recorder import Recorder
from tests.proxy.recorder.stage import Lines, Shelf, drain


@pytest.mark.parametrize("mix", MIXES, ids=[mix.key for mix in MIXES])
async def test_what_was_written_is_what_is_recorded(mix: Mix, tmp_path: Path) -> None:
    written = write_log(tmp_path / "capture", mix, 25, samples=25)
    config = Config.model_validate(
        {
            "primary": {"url": "http://primary:1"},
            "candidates": [{"name": CANDIDATE, "url": "http://candidate:1"}],
            "capture": {"dir": str(tmp_path / "capture")},
            "store": {"dir": str(tmp_path / "store")},
        }
    )
    shelf, lines = Shelf(), Lines()
    recorder = Recorder(config, shelf, lines)
    try:
        await drain(recorder)
    finally:
        await recorder.close()
    pairs = {row["request_id"]: row for row in shelf.rows["pairs"]}
    texts = {(row["request_id"], row["side"]): row for row in shelf.rows["payloads"]}
    assert len(pairs) == len(written.samples) == 25
    for one in written.samples:
        pair, ours, theirs = (
            pairs[one.request_id],
            texts[one.request_id, "primary"],
            texts[one.request_id, CANDIDATE],
        )
        assert (ours["request"], ours["response"], theirs["response"]) == (one.request, *one.responses)
        assert (pair["primary_total_ms"], pair["candidate_total_ms"]) == one.total_ms
        assert (pair["primary_output_tokens"], pair["candidate_output_tokens"]) == one.tokens
        assert len(one.request) == pytest.approx(mix.request_bytes, rel=0.01)
        assert pair["stream"] is mix.is_stream
        assert (pair["primary_ttft_ms"] is not None) is mix.is_stream
        assert not mix.is_stream or one.tokens[0] <= EVENTS
