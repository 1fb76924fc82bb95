"""Sends spans of both legs to an OpenTelemetry collector (OTLP over HTTP), in a thread of its own.

Recording never waits for it: what the thread has no room for is dropped and counted, and so is what a collector did not
take within its time. The libraries are the extra `otel`; without them there are no traces, and one line says so.
"""

import importlib
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from config.model import Config
from config.views import Telemetry as Settings
from proxy.recorder.lines import Lines
from proxy.recorder.spans import LegSpan, spans
from record.pair import CONTROL, Pair, Skip
from runtime.tasks import OnError

MAX_QUEUED = 4096
"""Spans; one more is dropped."""
BATCH = 512
LINGER_S = 1.0
CLOSE_S = 3.0
"""How long the end of the role waits for the last batch."""
_REMEMBERED = 8192
"""Requests whose primary was told of."""
_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def is_installed() -> bool:
    """Are the libraries there?"""
    try:
        return find_spec(_EXPORTER) is not None
    except ModuleNotFoundError:
        return False


class Telemetry:
    """Takes pairs; nothing happens while `telemetry` is not configured."""

    def __init__(self, config: Config, lines: Lines, on_fault: OnError) -> None:
        self._lines = lines
        self._on_fault = on_fault
        self._settings: Settings | None = None
        self._servers: Mapping[str, str] = {}
        self._told: OrderedDict[UUID, None] = OrderedDict()
        self._sending: _Sending | None = None
        self._dropped = self._sent = self._failed = 0
        self.configure(config)

    def configure(self, config: Config) -> None:
        """By this configuration from now on."""
        host = urlsplit(config.primary.url).hostname or ""
        candidates = {c.name: urlsplit(c.url).hostname or "" for c in config.candidates}
        self._servers = {"": host, CONTROL: host, **candidates}
        if config.telemetry == self._settings:
            return
        self.close()
        self._settings = config.telemetry
        if self._settings is None:
            return
        if not is_installed():
            self._lines.warning("no traces are sent: install shadowbench[otel], or remove `telemetry`")
            return
        self._sending = _Sending(self._settings, self._on_fault)

    def offer(self, record: Pair | Skip) -> None:
        """A record that was built; never waits, never raises for what the collector does."""
        sending = self._sending
        if sending is None or not isinstance(record, Pair):
            return
        request_id = record.request.request_id
        is_first = request_id not in self._told
        self._told[request_id] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        for span in spans(record, self._servers, with_primary=is_first):
            sending.put(span)

    def figures(self) -> dict[str, float]:
        """For `/metrics`; empty while it is not configured."""
        sending = self._sending
        if sending is None and not self._sent + self._failed + self._dropped:
            return {}
        now = (sending.sent, sending.failed, sending.dropped) if sending is not None else (0, 0, 0)
        before = (self._sent, self._failed, self._dropped)
        names = ("sent", "failed", "dropped")
        return {
            f"shadowbench_recorder_spans_{name}_total": float(a + b)
            for name, a, b in zip(names, before, now, strict=True)
        }

    def close(self) -> None:
        """Sends what waits, for a few seconds at most."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.close()
            self._sent += sending.sent
            self._failed += sending.failed
            self._dropped += sending.dropped


class _Sending:
    """One thread and its queue."""

    def __init__(self, settings: Settings, on_fault: OnError) -> None:
        self._settings = settings
        self._on_fault = on_fault
        self._waiting: queue.Queue[LegSpan | None] = queue.Queue(MAX_QUEUED)
        self.sent = self.failed = self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, span: LegSpan) -> None:
        try:
            self._waiting.put_nowait(span)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        try:
            self._waiting.put(None, timeout=CLOSE_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        maker: _Maker | None = None
        while (batch := self._batch()) is not None:
            try:
                maker = maker or _Maker(self._settings)
                is_sent = maker.send(batch)
            except Exception as error:  # noqa: BLE001 - whatever the libraries do, the next batch may be better
                is_sent = False
                self._on_fault("sending traces", error)
            self.sent += len(batch) if is_sent else 0
            self.failed += 0 if is_sent else len(batch)
        if maker is not None:
            maker.close()

    def _batch(self) -> list[LegSpan] | None:
        """As many as wait, after the first has lingered; None at the end."""
        first = self._waiting.get()
        if first is None:
            return None
        batch = [first]
        is_over = False
        deadline_s = time.monotonic() + LINGER_S
        while len(batch) < BATCH:
            try:
                found = self._waiting.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                break
            if found is None:
                is_over = True
                break
            batch.append(found)
        if is_over:
            self._waiting.put(None)
        return batch


class _Maker:
    """The libraries, imported in the thread that uses them."""

    def __init__(self, settings: Settings) -> None:
        exporter = importlib.import_module(f"{_EXPORTER}.trace_exporter")
        self._sdk = importlib.import_module("opentelemetry.sdk.trace")
        self._trace = importlib.import_module("opentelemetry.trace")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        self._export = importlib.import_module("opentelemetry.sdk.trace.export")
        self._resource = resources.Resource({"service.name": settings.service_name})
        self._scope = importlib.import_module("opentelemetry.sdk.util.instrumentation").InstrumentationScope(
            "shadowbench"
        )
        self._exporter = exporter.OTLPSpanExporter(
            endpoint=f"{settings.endpoint}/v1/traces",
            headers={name: value.get_secret_value() for name, value in settings.headers.items()},
            timeout=settings.timeout,
        )

    def send(self, batch: Sequence[LegSpan]) -> bool:
        """Did the collector take it? The exporter tries again within its time-out."""
        result = self._exporter.export([self._span(span) for span in batch])
        return bool(result is self._export.SpanExportResult.SUCCESS)

    def _span(self, span: LegSpan) -> Any:
        trace = self._trace
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)

        def context(span_id: int) -> Any:
            return trace.SpanContext(span.trace_id, span_id, is_remote=False, trace_flags=flags)

        code = trace.StatusCode.ERROR if span.is_error else trace.StatusCode.UNSET
        return self._sdk.ReadableSpan(
            name=span.name,
            context=context(span.span_id),
            parent=None if span.parent_id is None else context(span.parent_id),
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=trace.SpanKind.CLIENT,
            instrumentation_scope=self._scope,
            status=trace.Status(code),
            start_time=span.start_ns,
            end_time=span.end_ns,
        )

    def close(self) -> None:
        self._exporter.shutdown()
