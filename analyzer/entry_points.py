"""What other packages give by an entry point: one thing, a sequence of them, or a function that gives either."""

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import TypeVar

T = TypeVar("T")


class PluginError(Exception):
    """A plug-in cannot be used; the message says which and why, in one line."""


def given_by(point: EntryPoint, kind: type[T]) -> Sequence[T]:
    """What an entry point gives.

    Args:
        point: its code runs here, once.
        kind: what each thing has to be.

    Raises:
        PluginError: it cannot be loaded, or gives something else.
    """
    try:
        loaded = point.load()
        made = loaded() if callable(loaded) and not isinstance(loaded, kind) else loaded
        things = [made] if isinstance(made, kind) or not isinstance(made, Iterable) else list(made)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"{where(point)} cannot be loaded: {said}") from error
    found = []
    for thing in things:
        if not isinstance(thing, kind):
            wanted = f"{kind.__module__}.{kind.__qualname__}"
            raise PluginError(f"{where(point)} gives a {type(thing).__name__}; it has to give {wanted}")
        found.append(thing)
    return found


def where(point: EntryPoint) -> str:
    """How errors call it."""
    return f"the entry point {point.name} = {point.value} ({point.group})"


def in_order(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """The same whatever the order of installation."""
    return sorted(points, key=lambda p: (p.name, p.value))
