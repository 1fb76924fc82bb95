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
    assert names() == ["proxy-0", "proxy-1", "store", "recorder"]
    assert names(store={"url": "clickhouse://ch:8123/shadowbench"}) == ["proxy-0", "proxy-1", "recorder"]


@pytest.mark.parametrize(
    ("role", "expected"), [("proxy", ["proxy-0", "proxy-1"]), ("recorder", ["recorder"]), ("store", ["store"])]
)
def test_one_role_alone(role: str, expected: list[str]) -> None:
    assert names(role) == expected
