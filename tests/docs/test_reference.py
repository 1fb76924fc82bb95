"""The reference pages say what the sources say, and say it about everything."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from cli import docs
from cli.main import shadowbench
from cli.supervisor.catalogue import METRICS
from config.model import Config
from store import tables
from store.rollups import tables as rollups
from tests.architecture.imports import ROOT, product_files

PAGES = ROOT / "docs"
GROUP = click.Context(shadowbench, info_name="shadowbench", **shadowbench.context_settings)


def _below(context: click.Context) -> Iterator[click.Context]:
    """Contexts of all commands of a group, those of groups in it as well."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        yield below
        yield from _below(below)


COMMANDS = list(_below(GROUP))
NOT_METRICS = {"shadowbench_error"}
"""Literals that look like metrics: the type of our own error objects."""


def test_the_pages_are_up_to_date() -> None:
    """Else: make docs."""
    assert docs.stale() == []


def test_check_names_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "DIRECTORY", tmp_path)
    monkeypatch.setattr(docs, "stale", lambda: ["metrics.md"])
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/metrics.md: out of date; run `make docs`\n"


def test_writing_makes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "DIRECTORY", tmp_path / "docs")
    assert docs.main([]) == 0
    assert docs.stale(tmp_path / "docs") == []


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Keys of all settings, and their descriptions; a second walk beside the generator's own."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        yield key, field.description
        for inner in models_in(field.annotation):
            yield from settings(inner, f"{key}.")


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in get_args(annotation) for model in models_in(arg)]


def test_every_setting_is_described_and_documented() -> None:
    page = (PAGES / "config.md").read_text().replace("[]", "").replace(".NAME", "")
    for key, description in settings(Config):
        assert description, key
        assert f"`{key}`" in page or f"## {key}\n" in page, key
        assert description in page, key


def test_every_column_is_described_and_documented() -> None:
    page = (PAGES / "tables.md").read_text()
    for table in (*tables.TABLES, *rollups.TABLES):
        section = page.partition(f"## {table.name}\n")[2].partition("\n## ")[0]
        for column in table.columns:
            assert f"| `{column.name}` | `{column.type}` | {column.comment} |" in section, column.name


def literals() -> Iterator[tuple[str, Path]]:
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if match := re.match(r"shadowbench_[a-z_]*[a-z](?=\{|$)", text):
                yield match[0], path


def test_every_metric_that_the_sources_name_is_documented() -> None:
    page = (PAGES / "metrics.md").read_text()
    named = {name: path.relative_to(ROOT) for name, path in literals() if name not in NOT_METRICS}
    assert len(named) > 20
    missing = {name: str(path) for name, path in named.items() if name not in METRICS or f"`{name}`" not in page}
    assert not missing


@pytest.mark.parametrize("context", COMMANDS, ids=lambda c: str(c.command_path))
def test_every_command_has_a_help_with_an_example(context: click.Context) -> None:
    """The example names the command, and each option of the example exists."""
    command = context.command
    help_text = command.get_help(context)
    assert re.search(rf"Examples?:\s.*{context.command_path}", help_text, re.DOTALL)
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    examples = [line for line in help_text.splitlines() if context.command_path in line and "Usage" not in line]
    for line in examples:
        assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", line)) <= known, line


@pytest.mark.parametrize("context", COMMANDS, ids=lambda c: str(c.command_path))
def test_every_option_says_what_it_is_for(context: click.Context) -> None:
    assert [p.name for p in context.command.params if isinstance(p, click.Option) and not p.help] == []
