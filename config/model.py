"""Every setting: name, type, default, bounds, and what it is for."""

import json
import os
import re
from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, SecretStr, model_validator

from config.scalars import DurationS, PositiveDurationS, Share, SizeBytes
from record.pair import CONTROL

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,62}")
_URL = re.compile(r"[!-~]+")
_OWN_HEADERS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
"""They say where a request goes and where it ends, which the proxy does; a second one would contradict it."""


def _has_port(parts: SplitResult) -> bool:
    """Is the port left out, or one that can be connected to?"""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _parts(value: str, example: str) -> SplitResult:
    """Raises ValueError with what is allowed."""
    try:
        parts = urlsplit(value)
        _ = parts.hostname
    except ValueError:
        raise ValueError(f"write an address like {example}") from None
    if not _has_port(parts):
        raise ValueError("the port is a number from 1 to 65535")
    return parts


def _upstream_url(value: str) -> str:
    example = "http://gateway:4000 or https://api.example.com/base"
    parts = _parts(value, example)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _URL.fullmatch(value):
        raise ValueError(f"write an address like {example}")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("leave out query, fragment and credentials; put credentials into headers")
    return value.rstrip("/")


def _store_url(value: SecretStr) -> SecretStr:
    example = "clickhouse://user:password@host:8123/database"
    parts = _parts(value.get_secret_value(), example)
    if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname:
        raise ValueError(f"write url as {example}")
    return value


def _arm_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use lower-case letters, digits, dots, dashes and underscores (at most 63)")
    return value


def _candidate_name(value: str) -> str:
    if value == CONTROL:
        raise ValueError("the name `control` belongs to the control leg; choose another")
    return value


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("is not a header name")
    return value.lower()


def _sent_header_name(value: str) -> str:
    if value in _OWN_HEADERS:
        raise ValueError("is set by shadowbench itself; leave it out")
    return value


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if any(c in text for c in "\r\n\0") or not text.isascii():
        raise ValueError("may hold printable ASCII only, on one line")
    return value


def _params(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if "model" in value:
        raise ValueError("set the model with `model`, not in `params`")
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("JSON has no word for .nan and .inf; leave them out") from None
    return value


def _redacted(value: str) -> str:
    if value.startswith("regex:"):
        try:
            re.compile(value.removeprefix("regex:"))
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
    elif value not in {"email", "phone", "credit_card", "api_key"}:
        raise ValueError(f"{value!r} is not email, phone, credit_card, api_key or regex:PATTERN")
    return value


def _label_name(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(f"label {value!r}: use lower-case letters, digits and underscores")
    return value


UpstreamUrl = Annotated[str, AfterValidator(_upstream_url)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
ArmName = Annotated[str, AfterValidator(_arm_name)]
CandidateName = Annotated[ArmName, AfterValidator(_candidate_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
SentHeaderName = Annotated[HeaderName, AfterValidator(_sent_header_name)]
Params = Annotated[dict[str, JsonValue], AfterValidator(_params)]
LabelName = Annotated[str, AfterValidator(_label_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseModel):
    """Strict and frozen: an unknown key is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(Settings):
    """Where clients connect."""

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104
    port: Port = Field(default=8080, description="Port for clients; 0 takes a free one.")
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        default="auto", description="Proxy processes; `auto` is the number of cores less one, at least 1."
    )

    def worker_count(self) -> int:
        """The number of proxy processes on this machine."""
        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 1)
        return self.workers


class Admin(Settings):
    """Where probes, metrics and the kill switch are served."""

    host: str = Field(default="127.0.0.1", description="Address of the admin port.")
    port: Port = Field(default=8081, description="Port of probes, `/metrics` and the kill switch.")


class Price(Settings):
    """Own prices, in US dollars per million tokens; they come before the price list."""

    input_per_mtok: Decimal = Field(ge=0, description="Dollars per million input tokens.")
    output_per_mtok: Decimal = Field(ge=0, description="Dollars per million output tokens.")
    cached_input_per_mtok: Decimal | None = Field(
        default=None, ge=0, description="Dollars per million cached input tokens; unset: the input price."
    )


class PrimaryTimeout(Settings):
    """Limits on the primary leg. A client would wait as long without the proxy, hence generous."""

    connect: PositiveDurationS = Field(default=5.0, description="Name lookup, TCP and TLS together.")
    first_byte: PositiveDurationS = Field(
        default=120.0, description="From the request's last byte to the answer's first."
    )
    idle: PositiveDurationS = Field(default=120.0, description="Between two reads of the answer.")


class CandidateTimeout(Settings):
    """Limits on a candidate leg; passing one is an outcome of the candidate (`timeout`)."""

    connect: PositiveDurationS = Field(default=2.0, description="Name lookup, TCP and TLS together.")
    first_byte: PositiveDurationS = Field(
        default=60.0, description="From the request's last byte to the answer's first."
    )
    idle: PositiveDurationS = Field(default=30.0, description="Between two reads of the answer.")
    total: PositiveDurationS = Field(default=300.0, description="From the request's last byte to the end.")


class Primary(Settings):
    """The upstream whose answers clients get."""

    name: ArmName = Field(default="primary", description="How reports call it.")
    url: UpstreamUrl = Field(
        description="Address of the gateway or provider; a base path is put before the client's path."
    )
    timeout: PrimaryTimeout = Field(default=PrimaryTimeout(), description="Limits on the primary leg.")
    price: Price | None = Field(default=None, description="Own prices; unset: the price list.")


class Candidate(Settings):
    """An upstream that gets copies, and whose answers no client sees."""

    name: CandidateName = Field(description="How reports call it; `control` is taken.")
    url: UpstreamUrl = Field(
        description="Address; it speaks the client's dialect. Another dialect needs a translating gateway."
    )
    model: str | None = Field(
        default=None, min_length=1, description="Model to ask for instead of the client's; unset: the same."
    )
    headers: dict[SentHeaderName, HeaderValue] = Field(
        default={}, description="Headers to send, credentials above all; the client's never reach it."
    )
    params: Params = Field(default={}, description="Top-level body fields to set, or to remove with null.")
    sample: Share = Field(default=0.0, description="Share of requests that is copied; 0 is off.")
    max_in_flight: int = Field(
        default=64, ge=1, description="Copies under way at once on this machine; more are counted and left out."
    )
    timeout: CandidateTimeout = Field(default=CandidateTimeout(), description="Limits on its legs.")
    max_response: SizeBytes = Field(default=64 * 2**20, description="A longer answer is cut here.")
    allow_provider_tools: bool = Field(
        default=False,
        description="Copy requests whose tools the provider itself runs (web search, code interpreter, MCP): "
        "they act twice. Off: such requests are counted as `side_effects`.",
    )
    price: Price | None = Field(default=None, description="Own prices; unset: the price list.")


class Control(Settings):
    """The copy that goes to the primary itself: what two equal arms look like (A/A)."""

    sample: Share = Field(default=0.0, description="Share of requests that is copied to the primary; 0 is off.")
    headers: dict[SentHeaderName, HeaderValue] = Field(
        default={}, description="Headers that replace the client's own, such as separate credentials."
    )
    max_in_flight: int = Field(default=64, ge=1, description="Copies under way at once on this machine.")


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


class Capture(Settings):
    """The log between the proxy and the recorder."""

    dir: str = Field(default="./data/capture", description="Directory of the log; local disk.")
    max_disk: SizeBytes = Field(default=10 * 2**30, description="Beyond this nothing is added (`capture_full`).")
    response_head: SizeBytes = Field(default=256 * 2**10, description="Bytes kept of an answer's beginning.")
    response_tail: SizeBytes = Field(default=64 * 2**10, description="Bytes kept of a longer answer's end.")
    flush: PositiveDurationS = Field(default=0.05, description="How long a frame may wait in memory.")
    fsync: PositiveDurationS = Field(default=1.0, description="How often the log is made safe against power loss.")


class Store(Settings):
    """Where results live: your ClickHouse server, or the embedded engine."""

    url: StoreUrl | None = Field(
        default=None, description="clickhouse://user:password@host:8123/database (clickhouses:// for TLS)."
    )
    dir: str = Field(default="./data/store", description="Directory of the embedded engine; unused with `url`.")


class Privacy(Settings):
    """What text is kept, and how long."""

    bodies: Literal["full", "redacted", "none"] = Field(
        default="redacted", description="Texts in the store: as they were, with matches of `redact` replaced, or none."
    )
    redact: tuple[Annotated[str, AfterValidator(_redacted)], ...] = Field(
        default=("email", "phone", "credit_card", "api_key"),
        description="What `redacted` replaces: email, phone, credit_card, api_key, or `regex:PATTERN`.",
    )
    retention: PositiveDurationS = Field(default=14 * 86400.0, description="How long texts are kept.")


class Blocks(Settings):
    """Time blocks: the first unit over which errors are made robust."""

    length: Annotated[PositiveDurationS, Field(ge=1)] = Field(
        default=60.0, description="Length of a block; at least ten times the time over which load is correlated."
    )


class Config(Settings):
    """The whole configuration."""

    listen: Listen = Field(default=Listen(), description="Where clients connect.")
    admin: Admin = Field(default=Admin(), description="Probes, metrics, kill switch.")
    primary: Primary = Field(description="The upstream whose answers clients get.")
    candidates: tuple[Candidate, ...] = Field(default=(), description="Upstreams that get copies.")
    control: Control = Field(default=Control(), description="The copy to the primary itself.")
    sampling: Sampling = Field(default=Sampling(), description="Which requests are copied.")
    labels: dict[LabelName, Label] = Field(default={}, description="Names by which results can be split.")
    limits: Limits = Field(default=Limits(), description="Bounds on requests and on the shadow side.")
    capture: Capture = Field(default=Capture(), description="The log between proxy and recorder.")
    store: Store = Field(default=Store(), description="Where results live.")
    privacy: Privacy = Field(default=Privacy(), description="What text is kept, and how long.")
    blocks: Blocks = Field(default=Blocks(), description="Time blocks of the statistics.")
    drain: DurationS = Field(default=30.0, description="How long a stop waits for requests under way.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [self.primary.name, *(c.name for c in self.candidates)]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two arms are called {twice[0]!r}; every arm needs its own name")
        return self
