"""Matches patterns in a process of its own, which a text that keeps a pattern busy ends: `python -m` this module.

Reads lines of JSON: first the patterns, then one text at a time, and answers each with `1` or `0`. More processor time
than the limit on one text ends it (SIGVTALRM, which nothing here catches): there is no other way out of a search that
does not come back.
"""

import json
import re
import signal
import sys
from collections.abc import Sequence
from typing import BinaryIO


def matches(text: str, must: Sequence[re.Pattern[str]], must_not: Sequence[re.Pattern[str]]) -> bool:
    """All of the first are found somewhere, and none of the others."""
    return all(pattern.search(text) for pattern in must) and not any(pattern.search(text) for pattern in must_not)


def serve(texts: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the texts end."""
    asked = json.loads(texts.readline())
    must, must_not = ([re.compile(pattern) for pattern in asked[name]] for name in ("must", "must_not"))
    for line in texts:
        text = json.loads(line)
        signal.setitimer(signal.ITIMER_VIRTUAL, asked["limit_s"])
        found = matches(text, must, must_not)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        answers.write(b"1\n" if found else b"0\n")
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when to end
    serve(sys.stdin.buffer, sys.stdout.buffer)
