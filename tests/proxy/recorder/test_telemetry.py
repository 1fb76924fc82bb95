"""Traces of both legs, as a collector gets them; and a collector that is slow, away or missing costs nothing else."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from config.model import Config
from proxy.recorder import telemetry
from proxy.recorder.recorder import Recorder
from proxy.recorder.spans import spans
from proxy.recorder.telemetry import MAX_QUEUED, Telemetry
from record.pair import Pair, Skip
from tests.proxy.recorder.stage import (
    START_UNIX_US,
    Lines,
    LogWriter,
    Shelf,
    admitted,
    config,
    drain,
    json_answer,
    leg_end,
    open_leg,
    request_id,
    whole_exchange,
)

pb2 = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="the extra `otel` is not installed"
)


@dataclass
class Collector:
    url: str
    spans: list[Any] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    status: int = 200
    delay_s: float = 0.0

    def attributes(self, name: str) -> list[dict[str, Any]]:
        return [attributes(span) for span in self.spans if attributes(span).get("shadowbench.arm") == name]


def attributes(span: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        value = getattr(attribute.value, kind)
        found[attribute.key] = [v.string_value for v in value.values] if kind == "array_value" else value
    return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(made.delay_s)
            if made.status == 200:
                assert self.path == "/otlp/v1/traces"
                made.heads.append({name.lower(): value for name, value in self.headers.items()})
                for resource in pb2.ExportTraceServiceRequest.FromString(body).resource_spans:
                    made.services |= {a.value.string_value for a in resource.resource.attributes}
                    made.spans += [span for scope in resource.scope_spans for span in scope.spans]
            self.send_response(made.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}/otlp")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def with_traces(directory: Path, url: str, **settings: Any) -> Config:
    values = {"endpoint": url, "headers": {"authorization": "Bearer collector-key"}, "service_name": "llm-shadow"}
    return Config.model_validate(
        {
            "primary": {"url": "http://primary.example:1", "price": {"input_per_mtok": "2.5", "output_per_mtok": "10"}},
            "candidates": [
                {
                    "name": "llama",
                    "url": "http://llama.example:1",
                    "price": {"input_per_mtok": 1, "output_per_mtok": 2},
                },
                {"name": "qwen", "url": "http://qwen.example:1"},
            ],
            "capture": {"dir": str(directory)},
            "store": {"dir": str(directory / "store")},
            "telemetry": {**values, **settings},
        }
    )


async def recorded(settings: Config, shelf: Shelf, lines: Lines) -> dict[str, float]:
    recorder = Recorder(settings, shelf, lines)
    try:
        await drain(recorder)
    finally:
        await recorder.close()
    return recorder.figures()


async def test_both_legs_of_each_request_are_spans_of_one_trace(tmp_path: Path, collector: Collector) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    worker.write(*whole_exchange(1, ("llama", "qwen")))
    figures = await recorded(with_traces(tmp_path, collector.url), shelf, Lines())
    worker.die()
    assert len(collector.spans) == 3
    assert {span.trace_id for span in collector.spans} == {request_id(1)}
    (primary,) = collector.attributes("primary")
    llama = next(a for a in collector.attributes("candidate") if a["shadowbench.candidate"] == "llama")
    root = next(s for s in collector.spans if not s.parent_span_id)
    assert {s.parent_span_id for s in collector.spans if s is not root} == {root.span_id}
    assert root.name == "chat m-1"
    # 100 ms from t0 to the last byte; the copy began when the primary's did.
    assert root.start_time_unix_nano == (START_UNIX_US + 1) * 1000
    assert [s.end_time_unix_nano - s.start_time_unix_nano for s in collector.spans] == [100_000_000] * 3
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "m-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "http.response.status_code": 200,
        "server.address": "primary.example",
        "shadowbench.endpoint": "chat/completions",
        "shadowbench.label.tenant": "acme",
        "shadowbench.outcome": "ok",
    }
    assert {name: primary[name] for name in expected} == expected
    assert llama["server.address"] == "llama.example"
    assert llama["shadowbench.cost_usd"] == pytest.approx((10 * 1 + 5 * 2) / 1e6)
    assert "error.type" not in primary
    assert collector.heads[0]["authorization"] == "Bearer collector-key"
    assert "llm-shadow" in collector.services
    assert figures["shadowbench_recorder_spans_sent_total"] == 3
    assert not [text for span in collector.spans for text in attributes(span).values() if "primary 1" in str(text)]


async def test_a_failed_leg_is_an_error_and_what_is_unknown_is_left_out(tmp_path: Path, collector: Collector) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    failed = leg_end(1, 1, b"", outcome="timeout", status=None, times_ns=[], ends=[])
    worker.write(admitted(1, [open_leg()]), leg_end(1, 0, json_answer("x")), failed)
    await recorded(with_traces(tmp_path, collector.url), shelf, Lines())
    worker.die()
    (candidate,) = collector.attributes("candidate")
    assert candidate["error.type"] == candidate["shadowbench.outcome"] == "timeout"
    assert not {"gen_ai.usage.input_tokens", "http.response.status_code", "gen_ai.response.model"} & set(candidate)
    span = next(s for s in collector.spans if s.parent_span_id)
    assert span.status.code == 2


@pytest.mark.parametrize("trouble", ["refuses", "away", "slow"])
async def test_a_collector_in_trouble_delays_no_row(tmp_path: Path, collector: Collector, trouble: str) -> None:
    worker, shelf = LogWriter(tmp_path), Shelf()
    collector.status, collector.delay_s = (
        (400, 0.0) if trouble == "refuses" else (200, 1.0 if trouble == "slow" else 0.0)
    )
    url = "http://127.0.0.1:9" if trouble == "away" else collector.url
    for number in range(1, 20):
        worker.write(*whole_exchange(number))
    recorder = Recorder(with_traces(tmp_path, url, timeout="500ms"), shelf, Lines())
    began_s = time.monotonic()
    try:
        await drain(recorder)
        assert time.monotonic() - began_s < 10
        assert len(shelf.keys("pairs")) == 19
    finally:
        await recorder.close()
    worker.die()
    assert recorder.figures()["shadowbench_recorder_spans_failed_total"] == 38


async def built(directory: Path) -> list[Pair]:
    """What a recorder makes of one request with two copies."""
    worker, shelf = LogWriter(directory), Shelf()
    worker.write(*whole_exchange(1, ("llama", "qwen")))
    taken: list[Pair | Skip] = []
    recorder = Recorder(config(directory), shelf, Lines())
    object.__setattr__(recorder._shared, "on_record", taken.append)
    try:
        await drain(recorder)
    finally:
        await recorder.close()
        worker.die()
    return [record for record in taken if isinstance(record, Pair)]


async def test_what_there_is_no_room_for_is_dropped_and_counted(tmp_path: Path, collector: Collector) -> None:
    collector.delay_s = 0.5
    (pair, _) = await built(tmp_path)
    sending = Telemetry(with_traces(tmp_path, collector.url), Lines(), lambda _n, _e: None)
    for _ in range(MAX_QUEUED + 1000):
        sending.offer(pair)
    figures = sending.figures()
    sending.close()
    assert figures["shadowbench_recorder_spans_dropped_total"] >= 400


async def test_ids_follow_from_the_request(tmp_path: Path) -> None:
    """A pair that is read again after a crash gives the same spans."""
    first, again = await built(tmp_path / "one"), await built(tmp_path / "two")
    servers = {"": "primary"}
    made = [[spans(pair, servers, with_primary=True) for pair in pairs] for pairs in (first, again)]
    assert made[0] == made[1]
    roots = {legs[0].span_id for legs in made[0]}
    assert len(roots) == 1
    assert len({leg.span_id for legs in made[0] for leg in legs}) == 3


def test_without_the_extra_there_is_one_line_and_recording_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setattr(telemetry, "is_installed", lambda: False)
    lines = Lines()
    made = Telemetry(with_traces(tmp_path, collector.url), lines, lambda _n, _e: None)
    assert lines.warnings == ["no traces are sent: install shadowbench[otel], or remove `telemetry` {}"]
    assert made.figures() == {}


def test_a_reload_switches_traces_on_and_off(tmp_path: Path, collector: Collector) -> None:
    made = Telemetry(config(tmp_path), Lines(), lambda _n, _e: None)
    before = threading.active_count()
    made.configure(with_traces(tmp_path, collector.url))
    assert threading.active_count() == before + 1
    made.configure(config(tmp_path))
    assert threading.active_count() == before
