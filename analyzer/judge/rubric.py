"""What counts when answers are judged: a file of criteria, known by its name and a digest of its content.

The digest covers what a judge is told and nothing else: comments and line breaks of the file do not change it; a
changed word does, and so do the words around the criteria (`FRAME`).
"""

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError, field_validator

from analyzer.judge.plain_json import canonical
from config.fields import Settings
from config.judge import SHIPPED_RUBRICS
from config.source import ConfigError, Fault, Source, read_source
from config.wording import found_faults, in_order

FRAME: Final = 1
"""Version of the words around the criteria (`prompt`). One more whenever they change: verdicts that were given under
other words are those of another rubric."""
LOWEST: Final = 1
HIGHEST: Final = 10
MAX_CRITERIA: Final = 32
MAX_BYTES: Final = 64 * 2**10
_SHIPPED: Final = Path(__file__).parent / "rubrics"
_LEAST: Final = "name: ..., title: ..., criteria: [{name: ..., text: ...}]"
_DIGITS: Final = 8
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SUFFIXES: Final = (".yaml", ".yml")
_UNSENDABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class RubricError(ValueError):
    """What is wrong with a rubric, in one line: file, line, key, and what is allowed."""

    def __init__(self, faults: list[Fault]) -> None:
        """Of all that was found; the first is said."""
        self.faults = faults
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that counts."""

    name: str
    text: str


@dataclass(frozen=True)
class Rubric:
    """What a judge is told to judge by."""

    name: str
    title: str
    """In a few words, for reports and pages."""
    criteria: tuple[Criterion, ...]
    """Most important first."""
    pairwise: str
    """How to weigh them when two answers are compared; may be empty."""
    pointwise: str
    """How to weigh them when one answer is scored; may be empty."""
    scale: tuple[tuple[int, str], ...]
    """What scores mean, lowest first; from `LOWEST` to `HIGHEST`, not each of them has to be there."""
    context_only: bool
    """What the conversation holds is the only source of facts: what a judge knows itself does not count."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it says, in hexadecimal digits."""
        content = {
            "frame": FRAME,
            "name": self.name,
            "title": self.title,
            "criteria": [[c.name, c.text] for c in self.criteria],
            "pairwise": self.pairwise,
            "pointwise": self.pointwise,
            "scale": [list(step) for step in self.scale],
            "context_only": self.context_only,
        }
        return hashlib.sha256(canonical(content).encode()).hexdigest()

    @property
    def id(self) -> str:
        """As the tables name it: `helpfulness@1a2b3c4d`."""
        return f"{self.name}@{self.digest[:_DIGITS]}"


def load(name_or_path: str) -> Rubric:
    """A shipped rubric by its name, or one's own from a file.

    Raises:
        RubricError: there is none, or it is not one.
    """
    if name_or_path in SHIPPED_RUBRICS:
        return _read(_SHIPPED / f"{name_or_path}.yaml")
    if not name_or_path.endswith(_SUFFIXES) and os.sep not in name_or_path:
        allowed = f"{', '.join(SHIPPED_RUBRICS)}, or the path of a rubric file (.yaml)"
        raise RubricError([Fault(name_or_path, "", f"is no rubric; write {allowed}")])
    return _read(Path(name_or_path))


def _read(path: Path) -> Rubric:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise RubricError([Fault(str(path), "", f"is larger than {MAX_BYTES // 2**10} KiB; say it shorter")])
        # No variable is expanded: a rubric says the same wherever it is read.
        source = read_source(path, {}, least=_LEAST)
    except ConfigError as error:
        raise RubricError(error.faults) from None
    except (OSError, RecursionError, ValueError) as error:
        if isinstance(error, RubricError):
            raise
        raise RubricError([Fault(str(path), "", "cannot be read; write plain settings")]) from None
    return _checked(source)


def _checked(source: Source) -> Rubric:
    faults = list(source.faults)
    try:
        said = _File.model_validate(source.values)
    except ValidationError as error:
        known = {fault.key for fault in faults}
        faults += [fault for fault in found_faults(source, error, _File) if fault.key not in known]
    else:
        if not faults:
            return Rubric(
                said.name,
                said.title,
                tuple(Criterion(c.name, c.text) for c in said.criteria),
                said.pairwise,
                said.pointwise,
                tuple(sorted(said.scale.items())),
                said.context_only,
            )
    raise RubricError(in_order(faults))


def _words(value: str) -> str:
    """As a judge reads them: how a file breaks its lines means nothing, empty lines part paragraphs."""
    if _UNSENDABLE.search(value):
        raise ValueError("holds a control character, or half of a character; take it out")
    paragraphs = (" ".join(paragraph.split()) for paragraph in value.split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _some_words(value: str) -> str:
    words = _words(value)
    if not words:
        raise ValueError("write a text that is not empty")
    return words


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use lower-case letters, digits and underscores, a letter first (at most 63)")
    return value


def _line(value: str) -> str:
    return " ".join(_some_words(value).split())


_Words = Annotated[str, AfterValidator(_words)]
_Text = Annotated[str, AfterValidator(_some_words)]
_Line = Annotated[str, AfterValidator(_line), Field(max_length=200)]


class _Criterion(Settings):
    """One thing that counts."""

    name: _Line
    text: _Text


class _File(Settings):
    """A rubric as a file has it."""

    name: Annotated[str, AfterValidator(_name)]
    title: _Line
    criteria: tuple[_Criterion, ...]
    pairwise: _Words = ""
    pointwise: _Words = ""
    scale: dict[int, _Text] = Field(default={})
    context_only: bool = False

    @field_validator("criteria")
    @classmethod
    def _some(cls, value: tuple[_Criterion, ...]) -> tuple[_Criterion, ...]:
        if not 1 <= len(value) <= MAX_CRITERIA:
            raise ValueError(f"write 1 to {MAX_CRITERIA} criteria, each with `name` and `text`")
        return value

    @field_validator("scale")
    @classmethod
    def _within(cls, value: dict[int, str]) -> dict[int, str]:
        if outside := [score for score in value if not LOWEST <= score <= HIGHEST]:
            raise ValueError(f"{outside[0]} is no score; they go from {LOWEST} to {HIGHEST}")
        return value
