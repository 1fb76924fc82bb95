"""How long an idle connection may be used again."""

import re
from typing import Final

from proxy.wire.heads import Headers, header

UNSAID_NS: Final = 4_000_000_000
"""Where the server does not say: uvicorn's (vLLM's) close after 5 s, and a request sent into a closing one is lost."""
_MARGIN_NS: Final = 1_000_000_000
"""Kept clear of the server's own limit, for the way there and a slow loop."""
_MOST_NS: Final = 60_000_000_000
"""Beyond it something on the way may have forgotten the connection without a word."""
_TIMEOUT: Final = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*(\d{1,6})", re.IGNORECASE)


def usable_idle_ns(headers: Headers) -> int:
    """By the `Keep-Alive: timeout=N` of a response: hop-by-hop, hence the promise of whoever is at the other end.

    It lets rarely used connections live as long as the server means them to, so that the connections of a candidate
    that gets few copies are not always cold.
    """
    value = header(headers, b"keep-alive")
    found = _TIMEOUT.search(value) if value is not None else None
    if found is None:
        return UNSAID_NS
    return min(max(int(found[1]) * 1_000_000_000 - _MARGIN_NS, 0), _MOST_NS)
