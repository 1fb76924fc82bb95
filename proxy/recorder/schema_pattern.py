"""How much work a regular expression from a client may cost at most, found without running it.

Patterns of a schema come from outside and are run by a backtracking engine, where a few characters can take for ever.
So only plain ones are used: no repetition of what repeats or branches, nothing that looks around or back. What is left
costs at most the product of the choices at each repetition and branch, and that product has a bound.
"""

import re
from typing import Final

MAX_PATTERN_CHARS: Final = 512
MAX_STEPS: Final = 1_000_000
"""Positions that one search may visit; some ten milliseconds."""
_PIECE: Final = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?:P?<(?![=!])\w{1,64}>|:))?)|(?P<close>\))"
    r"|(?P<repeat>[*+?]|\{\d{0,6},?\d{0,6}\})|(?P<branch>\|)|(?P<other>.)",
    re.DOTALL,
)
_BACK: Final = frozenset("123456789kgPQEZ")
"""Letters behind a backslash that refer to a group, or mean something else elsewhere."""


class _Group:
    """What stands between two brackets."""

    def __init__(self) -> None:
        self.repeats = False
        self.branches = 0


def steps_of(pattern: str, longest: int) -> int | None:
    """An upper bound on the positions that a search in a text of `longest` characters visits.

    None: the pattern is not one of the plain ones, or too long.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        return None
    open_groups: list[_Group] = [_Group()]
    closed: _Group | None = None
    steps = 1 if pattern.startswith("^") and "|" not in pattern else longest + 1
    for piece in _PIECE.finditer(pattern):
        kind, text = piece.lastgroup, piece[0]
        if kind == "escape" and text[1] in _BACK:
            return None
        if kind == "open":
            if text == "(" and pattern.startswith("?", piece.end()):
                return None
            open_groups.append(_Group())
        elif kind == "close":
            if len(open_groups) == 1:
                return None
            closed = open_groups.pop()
            open_groups[-1].repeats |= closed.repeats
            steps *= closed.branches + 1
            continue
        elif kind == "branch":
            open_groups[-1].branches += 1
        elif kind == "repeat":
            choices = _choices(text, longest, of_group=closed is not None)
            if choices is None or (closed is not None and text != "?" and (closed.repeats or closed.branches)):
                return None
            open_groups[-1].repeats |= choices > 1
            steps *= choices
        closed = None
        if steps > MAX_STEPS:
            return steps
    return steps * (open_groups[0].branches + 1) if len(open_groups) == 1 else None


def _choices(repeat: str, longest: int, *, of_group: bool) -> int | None:
    """In how many ways it can be done; of a group, which may be empty, how often."""
    if repeat in ("*", "+"):
        return longest + 1
    if repeat == "?":
        return 2
    least, comma, most = repeat[1:-1].partition(",")
    if not least:
        return None  # the engine takes `{,3}` for a repetition or for text, depending on its version
    upper = int(most) if most else max(int(least), longest) if comma else int(least)
    return max(1, upper if of_group else min(upper, longest) - int(least) + 1)
