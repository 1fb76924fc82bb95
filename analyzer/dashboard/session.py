"""Who has logged in: a signed date that the browser keeps. It follows from the token, so a new token ends it."""

import hashlib
import hmac

from runtime.access import is_secret

LIFETIME_S = 7 * 86400
"""Then the token is asked for again."""


def issue(token: str, now_s: float) -> str:
    """The value of a cookie for somebody who said the token; it does not give the token away.

    Args:
        token: `dashboard.token`.
        now_s: Unix time.
    """
    ends = str(int(now_s) + LIFETIME_S)
    return f"{ends}.{_signature(token, ends)}"


def is_valid(value: str | None, token: str, now_s: float) -> bool:
    """Was this value issued for this token, and not too long ago?"""
    ends, _, signature = (value or "").partition(".")
    if not (ends.isascii() and ends.isdecimal() and len(ends) < 16):
        return False
    return is_secret(signature, _signature(token, ends)) and now_s < int(ends) <= now_s + LIFETIME_S + 1


def _signature(token: str, ends: str) -> str:
    return hmac.new(token.encode(), f"shadowbench dashboard {ends}".encode(), hashlib.sha256).hexdigest()
