"""`docs/api.md` names every operation, parameter, field and error of the API, and its examples can be asked."""

import json
import re
import shlex
from urllib.parse import parse_qsl, urlsplit

import pytest

from analyzer.dashboard.api.openapi import document
from analyzer.dashboard.api.operations import OPERATIONS, Operation
from analyzer.dashboard.api.shapes import BASE
from cli.api_page import api_page
from tests.architecture.imports import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
DOCUMENT = document(version="")


def section(heading: str) -> str:
    """From a heading to the next one of its kind."""
    assert f"\n{heading}\n" in PAGE
    return re.split(r"\n##+ ", PAGE.partition(f"\n{heading}\n")[2])[0]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: str(o.name))
def test_every_operation_is_there_with_what_it_takes(operation: Operation) -> None:
    text = section(f"### {operation.method} {operation.path}")
    way = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert operation.title in text
    for parameter in way["parameters"]:
        assert f"| `{parameter['name']}` |" in text
        assert parameter["description"] in text
    for status, text_ in operation.errors.items():
        assert f"- {status}: {text_}" in text
    command = shlex.split(re.findall(r"```text\n(.*?)```", text, re.DOTALL)[0])
    assert command[:2] == ["curl", "-s"]
    parts = urlsplit(command[2])
    assert parts.path == f"{BASE}{operation.path}"
    if operation.query is not None:
        operation.query.model_validate({name: [value] if name in {"candidate", "label"} else value
                                        for name, value in parse_qsl(parts.query)})  # fmt: skip
    if operation.body is not None:
        operation.body.validate_json(command[-1])


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_shape_is_there_with_its_fields(name: str) -> None:
    text = section(f"### {name}")
    for field in DOCUMENT["components"]["schemas"][name].get("properties", {}):
        assert f"| `{field}` |" in text


def test_links_lead_somewhere_and_tables_hold_together() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.strip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4, line


def test_the_page_does_not_change_with_the_version() -> None:
    assert api_page("x") == api_page("x")
    assert json.dumps(document(version="1")["paths"]) == json.dumps(document(version="2")["paths"])
