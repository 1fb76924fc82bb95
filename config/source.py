"""YAML text with `${...}` references -> plain values that remember the line of every key."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
_REFERENCE = re.compile(r"\$\{(?P<name>[^}:\n]+)(?P<rest>:[^}\n]*)?\}")
# YAML would take the brace of `{port: ${PORT}}` for its own, so references are numbered before it reads the text.
_MARK = re.compile("\ue000(\\d+)\ue001")
# Without 0123: YAML would take it for an octal number.
_PLAIN_SCALAR = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?|true|false|null")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where."""

    where: str
    """`shadowbench.yaml:12` or the option that said it."""
    key: str
    """`candidates[0].sample`; empty when it concerns the whole file."""
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.where}: {key}{self.message}"


class ConfigError(Exception):
    """Everything that is wrong with a configuration, at once."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(f) for f in faults))


@dataclass(frozen=True, slots=True)
class Source:
    """Values as YAML gives them, and the line of each key."""

    origin: str
    values: dict[str, Any]
    lines: Mapping[KeyPath, int]
    faults: tuple[Fault, ...] = ()
    """Values that could not be had, such as unset variables; their keys hold an empty text."""
    files: tuple[Path, ...] = ()
    """Named by `${file:..}`, whether they could be read or not."""

    def where(self, path: KeyPath) -> str:
        """File and line of the nearest enclosing key that the file has."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return f"{self.origin}:{self.lines[path[:length]]}"
        return self.origin


def key_text(path: KeyPath) -> str:
    """`("candidates", 0, "sample")` -> `candidates[0].sample`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_LEAST = "primary: {url: ...}"


def read_source(path: Path, environment: Mapping[str, str] | None = None, *, least: str = _LEAST) -> Source:
    """Reads and expands a configuration file.

    Args:
        path: of the file.
        environment: for `${NAME}`; None: the process's own.
        least: what such a file holds at least, for whoever gives an empty one.

    Raises:
        ConfigError: the file cannot be read, or is not YAML. Other faults are in `Source.faults`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError([Fault(str(path), "", f"cannot be read: {reason}")]) from None
    return parse_source(text, str(path), path.parent, environment, least=least)


def parse_source(
    text: str, origin: str, base: Path, environment: Mapping[str, str] | None = None, *, least: str = _LEAST
) -> Source:
    """The same for text; `${file:x}` is looked up from `base`."""
    references: list[re.Match[str]] = []

    def number(match: re.Match[str]) -> str:
        references.append(match)
        return f"\ue000{len(references) - 1}\ue001"

    try:
        node = yaml.compose(_REFERENCE.sub(number, text), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError([_unreadable(error, text, origin)]) from None
    if node is None or node.tag == _NULL:
        raise ConfigError([Fault(origin, "", f"is empty; it needs at least `{least}`")])
    if not isinstance(node, yaml.MappingNode):
        where = f"{origin}:{node.start_mark.line + 1}"
        raise ConfigError([Fault(where, "", f"holds no settings; it needs at least `{least}`")])
    reader = _Reader(origin, base, os.environ if environment is None else environment, references)
    values = reader.value(node, ())
    return Source(origin, values, reader.lines, tuple(reader.faults), tuple(dict.fromkeys(reader.files)))


def _unreadable(error: yaml.YAMLError, text: str, origin: str) -> Fault:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Fault(f"{origin}:{line}", "", "not readable as YAML: it holds a control character; remove it")
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "is not YAML"
    return Fault(f"{origin}:{mark.line + 1}" if mark else origin, "", f"not readable as YAML: {problem}")


class _Reader:
    """Walks the YAML nodes, so that lines are at hand while values are made."""

    def __init__(
        self, origin: str, base: Path, environment: Mapping[str, str], references: list[re.Match[str]]
    ) -> None:
        self.origin = origin
        self.base = base
        self.environment = environment
        self.references = references
        self.lines: dict[KeyPath, int] = {}
        self.faults: list[Fault] = []
        self.files: list[Path] = []
        self._plain = yaml.SafeLoader("")
        self._entered: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            plain = self._scalar(node, path)
            return self._expand(plain, node, path) if isinstance(plain, str) else plain
        if any(node is outer for outer in self._entered):
            self._fault(node, path, "an alias (*) refers to what it is a part of; write the value out")
            return None
        self._entered.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        finally:
            self._entered.pop()

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if node.tag == _TIMESTAMP:
            return node.value  # no setting is a date; what looks like one is a name
        try:
            return self._plain.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._fault(node, path, f"the tag {node.tag!r} does not fit; write a plain value, or a text in quotes")
            return ""

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                self._fault(key_node, path, "a key is a plain word; write merged settings (<<) out")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in result:
                self._fault(key_node, here, "stands twice; keep one")
            self.lines[here] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, here)
        return result

    def _expand(self, text: str, node: yaml.Node, path: KeyPath) -> Any:
        def replace(mark: re.Match[str]) -> str:
            match = self.references[int(mark[1])]
            return self._reference(match["name"], match["rest"], node, path)

        expanded = _MARK.sub(replace, text)
        quoted = getattr(node, "style", None) is not None
        if quoted or not _MARK.fullmatch(text) or self._is_secret_file(text):
            return expanded
        # An unquoted ${PORT:-8080} alone is meant as the number or truth value it expands to.
        return expanded if not _PLAIN_SCALAR.fullmatch(expanded) else yaml.safe_load(expanded)

    def _is_secret_file(self, text: str) -> bool:
        mark = _MARK.fullmatch(text)
        return mark is not None and self.references[int(mark[1])]["name"] == "file"

    def _reference(self, name: str, rest: str | None, node: yaml.Node, path: KeyPath) -> str:
        if name == "file" and rest:
            self.files.append(self.base / rest[1:])
            try:
                return self.files[-1].read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
                self._fault(node, path, f"the file {rest[1:]} cannot be read: {reason}")
                return ""
        if name in self.environment:
            return self.environment[name]
        if rest is not None and rest.startswith(":-"):
            return rest[2:]
        self._fault(node, path, f"the environment variable {name} is not set (${{{name}:-default}} gives a default)")
        return ""

    def _fault(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.faults.append(Fault(f"{self.origin}:{node.start_mark.line + 1}", key_text(path), message))
