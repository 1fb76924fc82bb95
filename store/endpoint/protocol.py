"""The HTTP side of the ClickHouse protocol: URL parameters, users, status codes, error texts."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Access = Literal["writer", "reader"]

_TRANSPORT_NAMES = """
    buffer_size cancel_http_readonly_queries_on_client_close client_protocol_version compress database
    decompress default_format enable_http_compression http_headers_progress_interval_ms password query query_id
    quota_key role send_progress_in_http_headers user wait_end_of_query
"""
_TRANSPORT = frozenset(_TRANSPORT_NAMES.split())
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CODE = re.compile(r"Code: (\d+)\. .*", re.DOTALL)
_STATUS = {
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 43, 53, 62, 72, 89, 117), 400),
    **dict.fromkeys((164, 497, 516), 403),
    **dict.fromkeys((16, 46, 47, 60, 73, 81, 115), 404),
    159: 408,
    48: 501,
    202: 503,
}

SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION = 89
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_SIMULTANEOUS = 202
SUPPORT_IS_DISABLED = 344
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
TOO_LARGE = 307
NOT_ENOUGH_SPACE = 243
_NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    UNKNOWN_COMPRESSION: "UNKNOWN_COMPRESSION_METHOD",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    READONLY: "READONLY",
    TOO_MANY_SIMULTANEOUS: "TOO_MANY_SIMULTANEOUS_QUERIES",
    SUPPORT_IS_DISABLED: "SUPPORT_IS_DISABLED",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    TOO_LARGE: "TOO_MANY_BYTES",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
}


class Refused(Exception):  # noqa: N818 - says what happened
    """The endpoint's own no, in the words that a server uses."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message}. ({_NAMES[code]})")


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way to a client."""

    code: int
    text: str
    status: int


def fault_of(error: Exception, version: str) -> Fault:
    """An exception of the engine or of ours; one without a code is 1002 (unknown exception)."""
    match = _CODE.search(str(error))
    code, text = (int(match[1]), match[0]) if match else (1002, f"Code: 1002. DB::Exception: {error}")
    if "(version " not in text:
        text = f"{text} (version {version} (official build))"
    return Fault(code, text, _STATUS.get(code, 500))


def in_band(fault: Fault, tag: str) -> bytes:
    """An error after the first bytes of an answer: the block that clients look for at its end."""
    text = fault.text.encode() + b"\n"
    return b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag.encode(), text, len(text), tag.encode())


@dataclass(frozen=True, slots=True)
class Parameters:
    """A request's URL, taken apart."""

    sql: str
    database: str | None
    query_id: str | None
    default_format: str
    is_held_back: bool
    """The client wants the outcome known before the first byte (`wait_end_of_query`)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    """Values of `{name:Type}`."""


def parameters(values: Mapping[str, str]) -> Parameters:
    """Splits what is ours, what binds a parameter, and what is a setting of the engine.

    Raises:
        Refused: a name that cannot be a setting's.
    """
    settings = {k: v for k, v in values.items() if k not in _TRANSPORT and not k.startswith("param_")}
    for name in settings:
        if not _NAME.fullmatch(name):
            raise Refused(UNKNOWN_SETTING, f"Unknown setting '{name}'")
    return Parameters(
        sql=values.get("query", ""),
        database=values.get("database") or None,
        query_id=values.get("query_id"),
        default_format=values.get("default_format", "TabSeparated"),
        is_held_back=values.get("wait_end_of_query") == "1",
        settings=settings,
        binds={k.removeprefix("param_"): v for k, v in values.items() if k.startswith("param_")},
    )


def access_of(headers: Mapping[str, str], passwords: Mapping[Access, str]) -> Access:
    """Who asks: Basic credentials, or ClickHouse's own two headers. Passwords never stand in a URL.

    Raises:
        Refused: nobody we know.
    """
    user, password = _credentials(headers)
    for access, expected in passwords.items():
        if user == access and hmac.compare_digest(password.encode(), expected.encode()):
            return access
    raise Refused(
        AUTHENTICATION_FAILED,
        f"{user or 'nobody'}: Authentication failed: password is incorrect, or there is no such user",
    )


def _credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return headers.get("X-ClickHouse-User", ""), headers.get("X-ClickHouse-Key", "")
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def summary(figures: Mapping[str, int]) -> str:
    """The `X-ClickHouse-Summary` header: numbers as texts."""
    return json.dumps({name: str(value) for name, value in figures.items()})
