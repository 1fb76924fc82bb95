"""What each file of ours imports, and where."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("record", "config", "prices", "runtime", "store", "proxy", "analyzer", "cli")


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target."""

    module: str
    """Who imports: `proxy.serve.relay`."""
    target: str
    """What: `proxy.shadow.offer` or `proxy.shadow.offer.Shadow`; names imported from a module are part of it."""
    place: str
    """`proxy/serve/relay.py:12: from proxy.shadow.offer import Shadow`"""
    is_for_types: bool
    """Under `if TYPE_CHECKING`: never executed."""

    def reaches(self, prefix: str) -> bool:
        """Is the target `prefix` or inside it?"""
        return f"{self.target}.".startswith(f"{prefix}.")


def product_files() -> list[Path]:
    """All sources of the product."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    """`proxy/serve/relay.py` -> `proxy.serve.relay`"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, text: str | None = None) -> list[Import]:
    """All imports of a file, also those inside functions."""
    source = path.read_text() if text is None else text
    lines = source.splitlines()
    tree = ast.parse(source)
    only_types = set(_type_checking_nodes(tree))
    found = []
    for node in ast.walk(tree):
        for target in _targets(node, path):
            line = getattr(node, "lineno", 0)
            place = f"{path.relative_to(ROOT)}:{line}: {lines[line - 1].strip()}"
            found.append(Import(module_name(path), target, place, node in only_types))
    return found


def _targets(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module_name(path).split(".")
            package = package if path.name == "__init__.py" else package[:-1]
            kept = package[: len(package) - node.level + 1]
            base = ".".join([*kept, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _type_checking_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for statement in node.body:
                yield from ast.walk(statement)


def all_imports() -> list[Import]:
    """Every import of the product."""
    return [found for path in product_files() for found in imports_of(path)]
