"""Imports point one way; the offending line is named."""

import sys
from pathlib import Path

import pytest

from tests.architecture.imports import PACKAGES, ROOT, Import, all_imports, imports_of, product_files

ALLOWED: dict[str, set[str]] = {
    "record": set(),
    "config": {"record"},
    "prices": {"record", "config"},
    "runtime": {"record", "config"},
    "store": {"record", "config", "runtime"},
    "proxy": {"record", "config", "prices", "runtime", "store"},
    "analyzer": {"record", "config", "prices", "runtime", "store"},
    "cli": {"record", "config", "prices", "runtime", "store", "proxy", "analyzer"},
}
"""Each package, and what it may import beside itself."""

SHADOW_DOOR = "proxy.shadow.offer"
"""The one module through which the side on which clients wait reaches the other."""

PURE = (
    "proxy.wire",
    "analyzer.normal_form",
    "analyzer.stats",
    *(
        f"analyzer.judge.{name}"
        for name in (
            *("attacks", "conversation", "drawing", "ladder", "offered_tools", "parts", "plain_json", "prompt"),
            *("question", "rubric", "similarity", "tool_schemas", "verdict", "wanted_json"),
        )
    ),
    *(f"analyzer.webhooks.{name}" for name in ("backoff", "holding", "news", "payload", "seen", "wording")),
)
"""Bytes or numbers in, values out: clock, randomness and sockets come in as arguments or not at all."""
IMPURE = ("asyncio", "socket", "ssl", "time", "random", "secrets", "threading", "subprocess", "selectors", "uvloop")

THIRD_PARTY: dict[str, set[str]] = {
    "record": set(),
    "config": {"pydantic", "pydantic_core", "yaml"},
    "prices": {"genai_prices"},
    "runtime": {"msgspec"},
}
"""Low layers, and the libraries that they may use."""

HANDED_OVER = (
    "proxy.worker",
    "proxy.recorder.role",
    "store.endpoint.role",
    "analyzer.judge.role",
    "analyzer.dashboard.role",
)

IMPORTS = all_imports()


def offending(bad: list[Import]) -> str:
    return "\n".join(sorted(found.place for found in bad))


def within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def test_there_is_something_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in product_files()} == set(PACKAGES)
    assert len(IMPORTS) > 300


def test_layers_import_downwards_only() -> None:
    """record <- config <- {prices, runtime} <- store <- {proxy, analyzer} <- cli; the last two pairs stay apart."""
    bad = [
        found
        for found in IMPORTS
        if (top := found.target.partition(".")[0]) in PACKAGES
        and top != (own := found.module.partition(".")[0])
        and top not in ALLOWED[own]
    ]
    assert not bad, offending(bad)


def test_nothing_of_the_product_imports_tests_or_benchmarks() -> None:
    bad = [found for found in IMPORTS if found.target.partition(".")[0] in {"tests", "bench"}]
    assert not bad, offending(bad)


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_low_layers_keep_to_their_libraries(package: str) -> None:
    allowed = THIRD_PARTY[package] | set(sys.stdlib_module_names) | set(PACKAGES)
    bad = [f for f in IMPORTS if within(f.module, package) and f.target.partition(".")[0] not in allowed]
    assert not bad, offending(bad)


@pytest.mark.parametrize("package", PURE)
def test_pure_parts_have_no_clock_no_socket_and_no_dice(package: str) -> None:
    bad = [f for f in IMPORTS if within(f.module, package) and any(f.reaches(name) for name in IMPURE)]
    assert not bad, offending(bad)


def test_the_client_side_reaches_the_shadow_side_through_one_door() -> None:
    bad = [
        f
        for f in IMPORTS
        if within(f.module, "proxy.serve") and f.reaches("proxy.shadow") and not f.reaches(SHADOW_DOOR)
    ]
    assert not bad, offending(bad)


def test_the_client_side_knows_nothing_of_recorder_and_store() -> None:
    bad = [
        f
        for f in IMPORTS
        if any(within(f.module, own) for own in ("proxy.serve", "proxy.shadow", "proxy.upstream", "proxy.worker"))
        and (f.reaches("proxy.recorder") or f.reaches("store"))
    ]
    assert not bad, offending(bad)


def test_one_package_touches_the_embedded_engine() -> None:
    """The library stops the whole process when it fails, and locks its directory: one process, one owner."""
    bad = [f for f in IMPORTS if f.reaches("chdb") and not within(f.module, "store.endpoint")]
    assert not bad, offending(bad)


@pytest.mark.parametrize("program", ["proxy", "analyzer"])
def test_the_programs_reach_the_database_through_the_store_package(program: str) -> None:
    bad = [f for f in IMPORTS if f.reaches("clickhouse_connect") and within(f.module, program)]
    assert not bad, offending(bad)


def test_roles_are_imported_by_their_process_alone() -> None:
    """By name, in `cli.role`; an import statement anywhere else would drag a whole role along."""
    bad = [f for f in IMPORTS if any(f.reaches(role) for role in HANDED_OVER)]
    assert not bad, offending(bad)


def test_the_walk_sees_what_it_should() -> None:
    """The eyes of these tests, on a file that breaks rules in every form of import."""
    text = """\
import asyncio, json
from proxy.shadow import budget
def f():
    from .. import shadow
    import time as t
"""
    found = imports_of(Path(ROOT / "proxy" / "serve" / "imagined.py"), text)
    assert {f.target for f in found} == {"asyncio", "json", "proxy.shadow.budget", "proxy.shadow", "time"}
    assert "proxy/serve/imagined.py:4: from .. import shadow" in {f.place for f in found}
