"""Stored texts as a page may show them: whatever they hold, it is seen and does nothing."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_CHARS = 200_000
"""Of one text; of a longer one the middle is left out, and the page says so."""
MAX_BLOCKS = 400
"""Beyond them a text goes on as one block: a page has to stay a page."""
_HEAD_SHARE = 0.75
_CONTROLS = {n: chr(0x2400 + n) for n in range(0x20) if chr(n) not in "\t\n"} | {0x7F: "␡"}
"""Symbols that stand for controls, which HTML forbids or which nobody would see."""
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), "�")
# Nothing here gives back what it took: a hostile line costs its length.
_FENCE = re.compile(r"^ {0,3}+(`{3,}+|~{3,}+)[ \t]*+([^\s`]{0,40}+)[^\n`]*+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text of one kind."""

    kind: Literal["prose", "code", "cut"]
    text: str
    """Of `cut`: how many characters are not shown."""


def visible(text: str) -> str:
    """The same text with its controls as symbols; lines end with a line feed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_CONTROLS).encode(errors="replace").decode()


def blocks(text: str, max_chars: int = MAX_CHARS) -> tuple[Block, ...]:
    """A text as prose and fenced code, in order; nothing else of Markdown is interpreted."""
    text = visible(text)
    if len(text) <= max_chars:
        return _fenced(text)
    head, tail = int(max_chars * _HEAD_SHARE), max_chars - int(max_chars * _HEAD_SHARE)
    cut = Block("cut", f"{len(text) - max_chars:,}")
    return (*_fenced(text[:head]), cut, *_fenced(text[-tail:]))


def _fenced(text: str) -> tuple[Block, ...]:
    found: list[Block] = []
    at, opened = 0, None
    for fence in _FENCE.finditer(text):
        if len(found) >= MAX_BLOCKS and opened is None:
            break
        marks = fence[1]
        if opened is None:
            _add(found, "prose", text[at : fence.start()])
            opened, at = marks, fence.end() + 1
        elif marks.startswith(opened) and not fence[2]:
            _add(found, "code", text[at : fence.start()].removesuffix("\n"))
            opened, at = None, fence.end() + 1
    _add(found, "prose" if opened is None else "code", text[at:])
    return tuple(found)


def _add(found: list[Block], kind: Literal["prose", "code"], text: str) -> None:
    text = text.strip("\n") if kind == "prose" else text
    if text.strip():
        found.append(Block(kind, text))
