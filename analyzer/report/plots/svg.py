"""SVG elements as text. Every attribute and every text is escaped here, and nowhere else."""

from collections.abc import Iterable, Sequence
from html import escape

Attribute = str | float | int | None


def element(name: str, *children: str, **attributes: Attribute) -> str:
    """An element; children are elements made here, attributes of None are left out.

    Names of attributes are Python's: `class_`, `text_anchor`.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{''.join(children)}</{name}>" if children else f"<{name}{said}/>"


def text(said: str, x: float, y: float, **attributes: Attribute) -> str:
    """A text at a place."""
    return element("text", escape(said, quote=False), x=x, y=y, **attributes)


def image(label: str, width: float, height: float, parts: Iterable[str], *, class_: str) -> str:
    """A whole plot, which scales with its place.

    Args:
        label: what it shows, numbers and all, for who does not see it.
        width: of its own coordinates.
        height: the same.
        parts: elements.
        class_: for the style sheet.
    """
    return element(
        "svg", *parts, class_=class_, viewBox=f"0 0 {_plain(width)} {_plain(height)}", role="img", aria_label=label
    )


def path(points: Sequence[tuple[float, float] | None], **attributes: Attribute) -> str:
    """A line through points; None breaks it. A point alone is a dot, which a round cap shows."""
    said: list[str] = []
    is_drawing = False
    for i, point in enumerate(points):
        if point is None:
            is_drawing = False
            continue
        x, y = (_plain(value) for value in point)
        said.append(f"{'L' if is_drawing else 'M'}{x} {y}")
        if not is_drawing and (i + 1 == len(points) or points[i + 1] is None):
            said.append("h0")
        is_drawing = True
    return element("path", d="".join(said), fill="none", **attributes)


def _plain(value: Attribute) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
