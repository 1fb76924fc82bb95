"""The tables in `RESULTS.md`: every benchmark owns one section and replaces only that."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

PATH = Path(__file__).with_name("RESULTS.md")
_TITLE = """\
# Benchmark results

Every section is written by the command that it names. Numbers of different machines, or of different runs, are not
comparable; numbers within one section are.
"""


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median and, in brackets, the smallest and largest value; a dash for no values."""
    if not values:
        return "-"
    low, middle, high = (f"{v:,.{digits}f}" for v in (min(values), median(values), max(values)))
    return f"{middle} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def write_section(name: str, text: str, path: Path = PATH, *, first: bool = False) -> None:
    """Replaces the section `name` where it stands; a new one goes to the end, or to the top when it is to be first."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    old = path.read_text(encoding="utf-8") if path.exists() else _TITLE
    if first and begin not in old:
        title, _, others = old.partition("<!-- ")
        marked = f"<!-- {others}" if others else ""
        old = f"{title.rstrip()}\n\n{begin}\n{end}\n\n{marked}"
    before, found, rest = old.partition(begin + "\n")
    after = rest.partition(end + "\n")[2] if found else ""
    path.write_text(f"{before.rstrip()}\n\n{section}{after}", encoding="utf-8")
