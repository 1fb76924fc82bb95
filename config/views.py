"""Settings of what people and other programs are told: nightly reports, webhooks, traces."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from config.fields import HeaderValue, SentHeaderName, Settings, UpstreamUrl, secret_url
from config.scalars import PositiveDurationS

Event = Literal["verdict", "control_failed", "drift", "budget", "breaker"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Reports(Settings):
    """Reports that the dashboard role writes by itself."""

    every: Annotated[PositiveDurationS, Field(ge=60)] = Field(default=86400.0, description="How often one is written.")
    at: Clock = Field(default="02:00", description="Time of day (UTC) from which intervals are counted, HH:MM.")
    since: PositiveDurationS | None = Field(
        default=None, description="Length of the window that is reported; unset: as long as `every`."
    )
    keep: int = Field(default=90, ge=1, le=10_000, description="Reports that are kept; the oldest go first.")
    dir: str = Field(default="./data/reports", description="Directory of the reports and their index.")


class Webhook(Settings):
    """An address that is told when something happens."""

    url: Annotated[SecretStr, AfterValidator(secret_url)] = Field(
        description="Where to POST; often a secret itself, so write `${file:PATH}` or `${NAME}`."
    )
    on: Annotated[tuple[Event, ...], Field(min_length=1)] = Field(
        default=("verdict", "control_failed", "drift", "budget", "breaker"),
        description="Of what it is told: `verdict` (a decision changed), `control_failed` (primary against itself does "
        "not pass), `drift` (a difference or the primary changed), `budget` (one is spent), `breaker` (one opened).",
    )
    format: Literal["json", "slack"] = Field(
        default="json", description="`json`: all fields; `slack`: a text, as Slack and compatible chats take it."
    )
    headers: dict[SentHeaderName, HeaderValue] = Field(default={}, description="Further headers to send.")
    attempts: int = Field(default=6, ge=1, le=20, description="Of one delivery, the first included.")
    timeout: PositiveDurationS = Field(default=10.0, description="Of one attempt.")


class Telemetry(Settings):
    """Traces of both legs in the OpenTelemetry form (needs the extra `otel`)."""

    endpoint: UpstreamUrl = Field(
        description="Address of a collector that takes OTLP over HTTP; `/v1/traces` is put behind it."
    )
    headers: dict[SentHeaderName, HeaderValue] = Field(default={}, description="Headers to send, such as credentials.")
    service_name: str = Field(default="shadowbench", min_length=1, description="`service.name` of the traces.")
    timeout: PositiveDurationS = Field(default=10.0, description="Of one export.")
