"""Settings of everything that is asked: the primary, the candidates, the control leg."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from config.fields import (
    ArmName,
    CandidateName,
    HeaderName,
    HeaderValue,
    LabelName,
    Params,
    Pattern,
    Patterns,
    SentHeaderName,
    Settings,
    UpstreamUrl,
)
from config.scalars import PositiveDurationS, Share, SizeBytes


class Price(Settings):
    """Own prices, in US dollars per million tokens; they come before the price list."""

    input_per_mtok: Decimal = Field(ge=0, description="Dollars per million input tokens.")
    output_per_mtok: Decimal = Field(ge=0, description="Dollars per million output tokens.")
    cached_input_per_mtok: Decimal | None = Field(
        default=None, ge=0, description="Dollars per million cached input tokens; unset: the input price."
    )


class UpstreamTls(Settings):
    """How an `https` upstream proves who it is."""

    ca: str | None = Field(
        default=None, min_length=1, description="File of certificates to trust instead of the system's."
    )
    server_name: str | None = Field(
        default=None, min_length=1, description="Name to ask for (SNI) and to check; unset: the host of `url`."
    )
    verify: bool = Field(default=True, description="Off: any certificate will do, and anybody can be the upstream.")


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
    tls: UpstreamTls = Field(default=UpstreamTls(), description="How it proves who it is, with `https`.")
    price: Price | None = Field(default=None, description="Own prices; unset: the price list.")


class Match(Settings):
    """Which requests are meant for a candidate: all that is named here must fit; the rest is `no_match`.

    Entries of a list are alternatives; `*` stands for any text, and an entry that begins with `!` rules out.
    """

    paths: tuple[Pattern, ...] = Field(default=(), description="Paths, without the query.")
    models: tuple[Pattern, ...] = Field(default=(), description="Models that the client asks for.")
    headers: dict[HeaderName, Patterns] = Field(default={}, description="Values of request headers.")
    labels: dict[LabelName, Patterns] = Field(default={}, description="Values of labels (`labels`).")


class Breaker(Settings):
    """When a failing candidate is left alone; what it misses meanwhile counts against it (`breaker_open`)."""

    failures: int = Field(
        default=20,
        ge=0,
        description="Legs within `window` that fail (no connection, time-out, cut off, 5xx, 429) "
        "before copies stop; 0 never stops them.",
    )
    window: PositiveDurationS = Field(default=30.0, description="Over which failures are counted.")
    open_for: PositiveDurationS = Field(default=30.0, description="How long copies stop; then one is tried.")


class Budget(Settings):
    """What a candidate may cost, for all machines that share a store. Without a lease nothing is sent."""

    usd_per_day: Decimal | None = Field(
        default=None,
        gt=0,
        description="Dollars per day (UTC); beyond it requests count as `budget`. It fails "
        "closed: a model without a price, or a store that does not answer, stops copies.",
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Copies per minute; beyond it requests count as `rate_limit`."
    )


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
    match: Match = Field(default=Match(), description="Which requests are meant for it; unset: every inference call.")
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
    shares_primary: Literal["auto"] | bool = Field(
        default="auto",
        description="Does it share a host or a key with the primary? Then copies yield (`primary_pressure`) while the "
        "primary is short of room; `auto` compares the hosts.",
    )
    breaker: Breaker = Field(default=Breaker(), description="When a failing candidate is left alone.")
    budget: Budget = Field(default=Budget(), description="What it may cost.")
    tls: UpstreamTls = Field(default=UpstreamTls(), description="How it proves who it is, with `https`.")
    price: Price | None = Field(default=None, description="Own prices; unset: the price list.")


class Control(Settings):
    """The copy that goes to the primary itself: what two equal arms look like (A/A)."""

    sample: Share = Field(default=0.0, description="Share of requests that is copied to the primary; 0 is off.")
    headers: dict[SentHeaderName, HeaderValue] = Field(
        default={}, description="Headers that replace the client's own, such as separate credentials."
    )
    max_in_flight: int = Field(default=64, ge=1, description="Copies under way at once on this machine.")
