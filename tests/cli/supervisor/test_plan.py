"""Which roles run on this machine."""

from typing import Any

import pytest

from cli.supervisor.plan import plan
from config.model import Config


def names(only: str | None = None, **settings: Any) -> list[str]:
    config = Config.model_validate(
        {"primary": {"url": "http://gateway:4000"}, "listen": {"workers": 2}, **settings},
    )
    return [spec.name for spec in plan(config, only)]


def test_proxies_come_first_and_the_store_runs_here_unless_one_is_named() -> None:
    assert names() == ["proxy-0", "proxy-1", "store", "recorder", "dashboard"]
    own = {"url": "clickhouse://ch:8123/shadowbench"}
    assert names(store=own) == ["proxy-0", "proxy-1", "recorder", "dashboard"]


def test_a_judge_runs_where_the_configuration_has_one() -> None:
    assert names(judge={}) == ["proxy-0", "proxy-1", "store", "recorder", "judge", "dashboard"]
    assert names("judge") == []


@pytest.mark.parametrize(
    ("role", "expected"),
    [("proxy", ["proxy-0", "proxy-1"]), ("recorder", ["recorder"]), ("store", ["store"]), ("dashboard", ["dashboard"])],
)
def test_one_role_alone(role: str, expected: list[str]) -> None:
    assert names(role) == expected
