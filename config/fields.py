"""Texts of the configuration that have a form of their own: names, addresses, headers, patterns."""

import json
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr
from pydantic.config import JsonDict

from record.pair import CONTROL

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,62}")
_URL = re.compile(r"[!-~]+")
_DIVIDERS = re.compile(r"[\s,]+")
MIN_CAPTURE_KEY = 32
"""Characters of a key of the capture log: 16 bytes even as hexadecimal digits. Nothing slows down who guesses."""
_CLUSTER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}|\{[A-Za-z0-9_]{1,63}\}")
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


def secret_url(value: SecretStr) -> SecretStr:
    """Checks an address that may hold a secret; what is wrong is said without it."""
    example = "https://hooks.example.com/..."
    text = value.get_secret_value()
    parts = _parts(text, example)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _URL.fullmatch(text):
        raise ValueError(f"write an address like {example}")
    return value


def _store_url(value: SecretStr) -> SecretStr:
    example = "clickhouse://user:password@host:8123/database"
    parts = _parts(value.get_secret_value(), example)
    if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname:
        raise ValueError(f"write url as {example}")
    return value


def _cluster_name(value: str) -> str:
    if not _CLUSTER.fullmatch(value):
        raise ValueError("write a name of `system.clusters`, or a macro of the server such as '{cluster}'")
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


def capture_secrets(value: SecretStr) -> tuple[str, ...]:
    """The keys in one text, divided by spaces, commas or line breaks."""
    return tuple(_DIVIDERS.split(value.get_secret_value().strip(" ,\t\r\n")))


def _capture_keys(value: SecretStr) -> SecretStr:
    secrets = capture_secrets(value)
    if any(len(secret) < MIN_CAPTURE_KEY for secret in secrets):
        raise ValueError(
            f"each key needs at least {MIN_CAPTURE_KEY} characters that nobody can guess; "
            "`openssl rand -base64 32` draws one"
        )
    if len(set(secrets)) < len(secrets):
        raise ValueError("the same key stands twice")
    return value


def _params(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if "model" in value:
        raise ValueError("set the model with `model`, not in `params`")
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("JSON has no word for .nan and .inf; leave them out") from None
    return value


def redacted(value: str) -> str:
    """Checks a name or pattern of what is replaced in texts."""
    if value.startswith("regex:"):
        try:
            re.compile(value.removeprefix("regex:"))
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
    elif value not in {"email", "phone", "credit_card", "api_key"}:
        raise ValueError(f"{value!r} is not email, phone, credit_card, api_key or regex:PATTERN")
    return value


def _pattern(value: str) -> str:
    if not value.removeprefix("!"):
        raise ValueError("write a text, in which * stands for any text; ! before it rules it out")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _label_name(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(f"label {value!r}: use lower-case letters, digits and underscores")
    return value


UpstreamUrl = Annotated[str, AfterValidator(_upstream_url)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
ClusterName = Annotated[str, AfterValidator(_cluster_name)]
ArmName = Annotated[str, AfterValidator(_arm_name)]
CandidateName = Annotated[ArmName, AfterValidator(_candidate_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
SentHeaderName = Annotated[HeaderName, AfterValidator(_sent_header_name)]
Params = Annotated[dict[str, JsonValue], AfterValidator(_params)]
LabelName = Annotated[str, AfterValidator(_label_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
CaptureKeys = Annotated[SecretStr, AfterValidator(_capture_keys)]
Pattern = Annotated[str, AfterValidator(_pattern)]
"""A text in which `*` stands for any text; `!` before it rules it out."""
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
RESTART: JsonDict = {"restart": "always"}
"""Marks a setting that takes effect when `serve` is started, not at a reload."""
RESTART_WHEN_SET: JsonDict = {"restart": "when set"}
"""Marks a setting that may change at a reload, but not come or go."""
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseModel):
    """Strict and frozen: an unknown key is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)
