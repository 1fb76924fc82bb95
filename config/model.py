"""Every setting: name, type, default, bounds, and what it is for."""

import os
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import (
    RESTART,
    RESTART_WHEN_SET,
    CaptureKeys,
    ClusterName,
    HeaderName,
    HeaderValue,
    LabelName,
    Port,
    Settings,
    StoreUrl,
    capture_secrets,
    redacted,
)
from config.judge import Dashboard, Judge
from config.policy import Policy
from config.scalars import DurationS, PositiveDurationS, Share, SizeBytes
from config.upstreams import Candidate, Control, Primary
from config.views import Reports, Telemetry, Webhook


class ListenTls(Settings):
    """Certificate for clients; new files are taken up without a restart."""

    cert: str = Field(min_length=1, description="File of the certificate, its chain behind it (PEM).")
    key: str = Field(min_length=1, description="File of its private key (PEM, without a passphrase).")


class ListenTimeout(Settings):
    """Limits on clients: a slow one holds a connection, not a worker."""

    head: PositiveDurationS = Field(
        default=30.0,
        description="For the head of a request to arrive; for a TLS handshake, too, there as it was at the start.",
    )
    body: PositiveDurationS = Field(default=60.0, description="Between two reads of a request's body.")
    idle: PositiveDurationS = Field(
        default=75.0, description="For the next request on a connection; most clients give theirs up at 60 s."
    )


class Listen(Settings):
    """Where clients connect."""

    host: str = Field(default="0.0.0.0", description="Address to listen on.", json_schema_extra=RESTART)  # noqa: S104
    port: Port = Field(default=8080, description="Port for clients; 0 takes a free one.", json_schema_extra=RESTART)
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        default="auto",
        description="Proxy processes; `auto` is the number of cores less one, at least 1.",
        json_schema_extra=RESTART,
    )
    tls: ListenTls | None = Field(
        default=None, description="Serve clients with TLS; unset: plain HTTP.", json_schema_extra=RESTART_WHEN_SET
    )
    timeout: ListenTimeout = Field(default=ListenTimeout(), description="Limits on clients.")
    forwarded: Literal["append", "replace", "keep"] = Field(
        default="append",
        description="`X-Forwarded-For`, `-Proto` and `-Host` to the primary: `append` the client to what it says "
        "itself (behind a trusted balancer), `replace` what it says, or `keep` it and add nothing.",
    )
    send_request_id: bool = Field(
        default=False, description="Answers to copied requests carry `x-shadowbench-request-id`, to join feedback by."
    )

    def worker_count(self) -> int:
        """The number of proxy processes on this machine."""
        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 1)
        return self.workers


class Admin(Settings):
    """Where probes, metrics and the kill switch are served."""

    host: str = Field(default="127.0.0.1", description="Address of the admin port.", json_schema_extra=RESTART)
    port: Port = Field(
        default=8081, description="Port of probes, `/metrics` and the kill switch.", json_schema_extra=RESTART
    )
    token: HeaderValue | None = Field(
        default=None,
        description="Bearer token for all but the probes; required when `host` is not a loopback address.",
    )


_SOURCE = re.compile(r"header:[!#$%&'*+.^_`|~0-9A-Za-z-]+|body:[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|prefix")


def _sampling_source(value: str) -> str:
    if not _SOURCE.fullmatch(value):
        raise ValueError("write header:NAME, body:FIELD.FIELD or prefix")
    return value


class Sampling(Settings):
    """Which requests are copied. The same request falls the same way on every replica."""

    unit: Literal["conversation", "request"] = Field(
        default="conversation",
        description="`conversation` keeps the turns of one conversation together; `request` draws each alone.",
    )
    sources: tuple[Annotated[str, AfterValidator(_sampling_source)], ...] = Field(
        default=("header:x-conversation-id", "prefix"),
        alias="from",
        description="Where a conversation's name is looked for, in this order: `header:NAME`, `body:FIELD.FIELD`, "
        "or `prefix` (hash of the first messages and the client's key).",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Changes which requests are drawn.")


class Switchback(Settings):
    """Random periods without copies, to see what copying does to the primary itself."""

    period: Annotated[PositiveDurationS, Field(ge=1)] = Field(default=600.0, description="Length of a period.")
    off_share: Share = Field(
        default=0.0,
        description="Share of periods without copies (`switchback_off`); 0 is never. Drawn from "
        "`sampling.seed` and the clock alone, so that all machines agree.",
    )


class Label(Settings):
    """Where a label's value comes from."""

    header: HeaderName | None = Field(default=None, description="Value of this request header.")
    path: bool = Field(default=False, description="The request's path.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.header is not None) == self.path:
            raise ValueError("write either `header: NAME` or `path: true`")
        return self


class Limits(Settings):
    """Bounds on what one request, and the shadow side as a whole, may hold."""

    header: SizeBytes = Field(default=64 * 2**10, description="Request head; a longer one gets 431.")
    request_body: SizeBytes = Field(default=64 * 2**20, description="Request body; a longer one gets 413.")
    mirrored_request: SizeBytes = Field(
        default=16 * 2**20, description="A longer body is served but not copied (`body_too_large`)."
    )
    shadow_memory: SizeBytes = Field(
        default=256 * 2**20, description="Bytes that copies and capture may hold per worker (`memory`)."
    )
    loop_lag: PositiveDurationS = Field(
        default=0.02,
        description="While the event loop was later than this in the last second, nothing is copied (`overload`).",
    )


class Capture(Settings):
    """The log between the proxy and the recorder."""

    dir: str = Field(
        default="./data/capture", description="Directory of the log; local disk.", json_schema_extra=RESTART
    )
    memory: str = Field(
        default="/dev/shm",  # noqa: S108 - only a directory of our own in it is used
        description="A RAM file system for counts, which survive a killed worker there without waiting for a disk; "
        "where it is absent, a killed worker takes the last second of its counts along.",
        json_schema_extra=RESTART,
    )
    max_disk: SizeBytes = Field(
        default=10 * 2**30,
        description="Of all segments. At nine tenths of it, while the store takes no rows, the recorder drops the "
        "oldest (`disk_dropped`); beyond it nothing is added (`capture_full`).",
    )
    response_head: SizeBytes = Field(default=256 * 2**10, description="Bytes kept of an answer's beginning.")
    response_tail: SizeBytes = Field(default=64 * 2**10, description="Bytes kept of a longer answer's end.")
    flush: PositiveDurationS = Field(default=0.05, description="How long a frame may wait in memory.")
    fsync: PositiveDurationS = Field(default=1.0, description="How often the log is made safe against power loss.")
    encrypt: CaptureKeys | None = Field(
        default=None,
        description="Seals what is captured on disk (AES-256-GCM); write `${file:PATH}`. Keys of at least 32 "
        "characters, divided by spaces, commas or lines: the first seals, all of them open. Unset: not sealed.",
    )

    def secrets(self) -> tuple[str, ...]:
        """The keys, the one that seals first; none when nothing is sealed."""
        return capture_secrets(self.encrypt) if self.encrypt is not None else ()


class Store(Settings):
    """Where results live: your ClickHouse server, or the embedded engine."""

    url: StoreUrl | None = Field(
        default=None,
        description="clickhouse://user:password@host:8123/database (clickhouses:// for TLS).",
        json_schema_extra=RESTART,
    )
    dir: str = Field(
        default="./data/store",
        description="Directory of the embedded engine; unused with `url`.",
        json_schema_extra=RESTART,
    )
    cluster: ClusterName | None = Field(
        default=None,
        description="Name of a cluster of that server (`system.clusters`): tables are Replicated and Distributed then, "
        "statements go ON CLUSTER; unset: one server.",
        json_schema_extra=RESTART,
    )

    @model_validator(mode="after")
    def _cluster_of_a_server(self) -> Self:
        if self.cluster is not None and self.url is None:
            raise ValueError("`cluster` names a cluster of your own server: give its address as `url`, too")
        return self


class Privacy(Settings):
    """What text is kept, and how long."""

    bodies: Literal["full", "redacted", "none"] = Field(
        default="redacted", description="Texts in the store: as they were, with matches of `redact` replaced, or none."
    )
    redact: tuple[Annotated[str, AfterValidator(redacted)], ...] = Field(
        default=("email", "phone", "credit_card", "api_key"),
        description="What `redacted` replaces: email, phone, credit_card, api_key, or `regex:PATTERN`.",
    )
    retention: PositiveDurationS = Field(
        default=14 * 86400.0, description="How long texts are kept.", json_schema_extra=RESTART
    )


class Blocks(Settings):
    """Time blocks: the first unit over which errors are made robust."""

    length: Annotated[PositiveDurationS, Field(ge=1)] = Field(
        default=60.0, description="Length of a block; at least ten times the time over which load is correlated."
    )


class Config(Settings):
    """The whole configuration."""

    listen: Listen = Field(default=Listen(), description="Where clients connect.")
    admin: Admin = Field(default=Admin(), description="Probes, metrics, kill switch.")
    dashboard: Dashboard = Field(default=Dashboard(), description="Pages for people, and the API to read.")
    primary: Primary = Field(description="The upstream whose answers clients get.")
    candidates: tuple[Candidate, ...] = Field(default=(), description="Upstreams that get copies.")
    control: Control = Field(default=Control(), description="The copy to the primary itself.")
    sampling: Sampling = Field(default=Sampling(), description="Which requests are copied.")
    switchback: Switchback = Field(default=Switchback(), description="Random periods without copies.")
    labels: dict[LabelName, Label] = Field(default={}, description="Names by which results can be split.")
    limits: Limits = Field(default=Limits(), description="Bounds on requests and on the shadow side.")
    capture: Capture = Field(default=Capture(), description="The log between proxy and recorder.")
    store: Store = Field(default=Store(), description="Where results live.")
    privacy: Privacy = Field(default=Privacy(), description="What text is kept, and how long.")
    blocks: Blocks = Field(default=Blocks(), description="Time blocks of the statistics.")
    judge: Judge | None = Field(
        default=None, description="Quality scores; unset: nobody judges.", json_schema_extra=RESTART_WHEN_SET
    )
    policy: Policy | None = Field(default=None, description="What decides about candidates; unset: nothing does.")
    reports: Reports | None = Field(
        default=None, description="Reports that the dashboard role writes by itself; unset: none."
    )
    webhooks: tuple[Webhook, ...] = Field(default=(), description="Who is told when something happens.")
    telemetry: Telemetry | None = Field(default=None, description="Traces of both legs; unset: none.")
    drain: DurationS = Field(default=30.0, description="How long a stop waits for requests under way.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [self.primary.name, *(c.name for c in self.candidates)]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two arms are called {twice[0]!r}; every arm needs its own name")
        return self
