"""How a leg ended, in words."""

from record.outcome import Outcome
from store.browsing.pairs import Arm

WORDS: dict[str, str] = {
    Outcome.OK: "answered",
    Outcome.HTTP_ERROR: "HTTP error",
    Outcome.PROVIDER_ERROR: "error inside the answer",
    Outcome.TIMEOUT: "timed out",
    Outcome.CONNECT_ERROR: "could not be reached",
    Outcome.TRUNCATED: "broke off",
    Outcome.TOO_LARGE: "cut by us: too large",
    Outcome.CLIENT_ABORT: "the client went away",
    Outcome.INVALID: "cannot be read",
    Outcome.UNAVAILABLE: "never sent: not available",
}
_WHY: dict[str, str] = {
    Outcome.HTTP_ERROR: "It answered with an error status.",
    Outcome.PROVIDER_ERROR: "It began to answer, and then reported an error.",
    Outcome.TIMEOUT: "It did not finish within the time that the configuration allows.",
    Outcome.CONNECT_ERROR: "No connection could be made.",
    Outcome.TRUNCATED: "The connection ended before the answer did.",
    Outcome.TOO_LARGE: "The answer was longer than max_response allows, so it was cut there.",
    Outcome.CLIENT_ABORT: "The client went away before the answer was there, which says nothing about the model.",
    Outcome.INVALID: "What came is not what this API answers.",
    Outcome.UNAVAILABLE: "The request was not sent: the breaker was open, or too many were in flight.",
}


def in_words(arm: Arm) -> str:
    """`HTTP error 429`."""
    text = WORDS.get(arm.outcome, arm.outcome)
    return f"{text} {arm.status}" if arm.outcome == Outcome.HTTP_ERROR and arm.status is not None else text


def why(arm: Arm) -> str:
    """A sentence on a leg that did not answer; empty where it did."""
    return _WHY.get(arm.outcome, "")
