"""By what measure a label was given: names of rubrics, and the ids under which tables know them."""

import re
from dataclasses import dataclass

from analyzer.judge.rubric import load
from config.judge import SHIPPED_RUBRICS
from config.model import Config
from store.transfer.kinds import shown

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}@[0-9a-f]{8}")
FEEDBACK = "feedback:"
"""Begins what stands in a rubric's place where users say something of the primary's answer, which is all they saw."""
_FEEDBACK = re.compile(r"feedback:[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Rubrics:
    """Those that a label may name."""

    default: str
    """Id of the one that is meant where none is named."""
    ids: dict[str, str]
    """Name -> id."""

    def __call__(self, name: str | None) -> str:
        """The id of a rubric.

        Raises:
            ValueError: with what is allowed.
        """
        if name is None:
            return self.default
        if _ID.fullmatch(name) or _FEEDBACK.fullmatch(name):
            return name
        found = self.ids.get(name)
        if found is None:
            known = ", ".join(self.ids)
            raise ValueError(f"{shown(name)} is no rubric: write {known}, or an id as tables have it (NAME@1a2b3c4d)")
        return found


def configured_rubrics(config: Config) -> Rubrics:
    """The shipped ones and the configuration's: its judge's is meant where none is named, else the first shipped one.

    Raises:
        RubricError: a file cannot be used.
    """
    ids = {name: load(name).id for name in SHIPPED_RUBRICS}
    own = load(SHIPPED_RUBRICS[0] if config.judge is None else config.judge.rubric)
    ids.setdefault(own.name, own.id)
    return Rubrics(own.id, ids)
