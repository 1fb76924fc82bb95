"""How one leg of an exchange ended."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a leg. Everything but `ok` is a measurement of that arm, not an accident of ours."""

    OK = "ok"
    HTTP_ERROR = "http_error"
    """The upstream answered with a status of 400 or more."""
    PROVIDER_ERROR = "provider_error"
    """An error object inside a 200 answer or stream."""
    TIMEOUT = "timeout"
    CONNECT_ERROR = "connect_error"
    TRUNCATED = "truncated"
    """The connection ended before the answer did."""
    TOO_LARGE = "too_large"
    """Cut by us at `max_response`."""
    CLIENT_ABORT = "client_abort"
    """The client went away first; says nothing about the arm."""
    INVALID = "invalid"
    """Bytes that the dialect cannot read."""
    UNAVAILABLE = "unavailable"
    """Never sent, for a reason that lies with the candidate."""
