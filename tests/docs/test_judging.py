"""docs/judging.md: its configurations are valid, its commands exist, and what it lists is whole."""

import re
from pathlib import Path

import click
import pytest

from analyzer.judge.rubric import load
from analyzer.labels_in.columns import LABELS_FILE
from cli.judges import require_able_judge
from cli.main import shadowbench
from cli.settings import from_file
from config.judge import SHIPPED_RUBRICS
from tests.architecture.imports import ROOT

PAGE = (ROOT / "docs" / "judging.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
YAML = [text for kind, text in BLOCKS if kind == "yaml"]
COMMANDS = [line for kind, text in BLOCKS if kind == "text" for line in text.splitlines() if "shadowbench " in line]


@pytest.mark.parametrize("text", [text for text in YAML if not text.startswith("name:")])
def test_configurations_are_valid(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole ones, and sections of a judge behind the least that a file needs."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = tmp_path / "shadowbench.yaml"
    path.write_text(text if text.startswith("primary:") else f"primary: {{url: http://p}}\n{text}")
    loaded = from_file(path)
    require_able_judge(loaded)
    assert loaded.config.judge is not None


@pytest.mark.parametrize("text", [text for text in YAML if text.startswith("name:")])
def test_rubrics_are_valid(text: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    assert load(str(tmp_path / "own.yaml")).criteria


def test_every_configuration_was_looked_at() -> None:
    assert {text.partition(":")[0] for text in YAML} == {"primary", "judge", "name"}


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_exist_with_all_their_options(line: str) -> None:
    words = line.partition("#")[0].split()[1:]
    context = click.Context(shadowbench, info_name="shadowbench")
    while isinstance(context.command, click.Group):
        name = words.pop(0)
        command = context.command.get_command(context, name)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    known = {option for p in context.command.params for option in p.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_every_column_of_a_file_of_labels_is_told() -> None:
    table = PAGE.partition("| column | meaning |")[2].partition("\n\n")[0]
    assert set(LABELS_FILE.fields) - {"key"} <= set(re.findall(r"`(\w+)`", table))


def test_every_shipped_rubric_is_told() -> None:
    assert all(f"| `{name}` |" in PAGE for name in SHIPPED_RUBRICS)


def test_links_within_the_page_lead_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    linked = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert linked <= anchors, linked - anchors
    assert linked
