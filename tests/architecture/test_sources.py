"""What no file of the repository may hold, and what every source has."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT, product_files

# Written in pieces, so that this file does not find itself.
LEAKS = {
    "a path of the machine that it was written on": re.compile(
        r"(?<![\w.$}])/(?:wor" r"k|hom" r"e|roo" r"t|Use" r"rs)/"
    ),
    "a temporary path": re.compile(r"(?<![\w.$}])/tm" r"p/(?!\$)"),
    "the host of a package registry": re.compile(r"pyp" r"i\.org|files\.pythonho" r"sted|conda\.anaco" r"nda"),
}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".sql",
    ".sh",
    ".txt",
    ".cfg",
    ".json",
    ".lock",
    ".html",
    ".css",
    ".js",
    "",
}
MAX_FUNCTION_LINES = 80
MAX_FILE_LINES = 400


def repository_files() -> list[Path]:
    """What git keeps, or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("leak", LEAKS)
def test_nothing_names_the_machine_it_was_made_on(leak: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in repository_files()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if LEAKS[leak].search(line)
    ]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is_for() -> None:
    found = [str(p.relative_to(ROOT)) for p in product_files() if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not found, "\n".join(found)


def test_package_maps_hold_no_logic() -> None:
    """An `__init__.py` is a docstring: the map of the journey through its files."""
    found = [
        str(path.relative_to(ROOT))
        for path in product_files()
        if path.name == "__init__.py" and len(ast.parse(path.read_text()).body) > 1
    ]
    assert not found, "\n".join(found)


def test_files_and_functions_stay_readable() -> None:
    found = []
    for path in product_files():
        text = path.read_text()
        if text.count("\n") > MAX_FILE_LINES:
            found.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {length} lines")
    assert not found, "\n".join(found)


def test_every_folder_of_tests_is_a_package() -> None:
    found = {
        str(path.parent.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert not found, "\n".join(sorted(found))
