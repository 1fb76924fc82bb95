"""Which settings a running `serve` cannot take up."""

from typing import Any

import pytest

from config.changes import needs_restart
from config.model import Config
from config.source import key_text

BASE: dict[str, Any] = {"primary": {"url": "http://p"}, "candidates": [{"name": "a", "url": "http://a"}]}
TLS = {"cert": "c", "key": "k"}


def named(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = (Config.model_validate({**BASE, **values}) for values in (before, after))
    return [key_text(path) for path in needs_restart(old, new)]


@pytest.mark.parametrize(
    ("after", "key"),
    [
        ({"listen": {"host": "127.0.0.1"}}, "listen.host"),
        ({"listen": {"port": 1}}, "listen.port"),
        ({"listen": {"workers": 3}}, "listen.workers"),
        ({"listen": {"tls": TLS}}, "listen.tls"),
        ({"admin": {"host": "::1"}}, "admin.host"),
        ({"admin": {"port": 1}}, "admin.port"),
        ({"capture": {"dir": "x"}}, "capture.dir"),
        ({"store": {"dir": "x"}}, "store.dir"),
        ({"store": {"url": "clickhouse://h/d"}}, "store.url"),
        ({"privacy": {"retention": "1d"}}, "privacy.retention"),
    ],
)
def test_what_is_made_at_the_start_is_named_in_both_directions(after: dict[str, Any], key: str) -> None:
    assert named({}, after) == [key]
    assert named(after, {}) == [key]


def test_one_server_does_not_become_a_cluster_while_it_runs() -> None:
    server, cluster = ({"store": {"url": "clickhouse://h/d", **more}} for more in ({}, {"cluster": "c"}))
    assert named(server, cluster) == ["store.cluster"]
    assert named(cluster, server) == ["store.cluster"]


@pytest.mark.parametrize(
    "after",
    [
        {},
        {"candidates": []},
        {"candidates": [{"name": "b", "url": "https://b", "sample": 1, "tls": {"ca": "f"}}]},
        {"primary": {"url": "http://q", "timeout": {"idle": "1s"}}},
        {"admin": {"token": "t"}},
        {"listen": {"timeout": {"body": "1s"}}},
        {"policy": {"guardrails": [{"metric": "error_rate", "margin": 0.01}], "planned_pairs": 9000}},
        {"capture": {"encrypt": "0123456789abcdef" * 2}},
        {"limits": {"header": "1KiB"}, "capture": {"max_disk": "1GiB"}, "privacy": {"bodies": "none"}, "drain": "1s"},
    ],
)
def test_the_rest_is_taken_up(after: dict[str, Any]) -> None:
    assert named({}, after) == []


def test_another_certificate_is_taken_up() -> None:
    assert named({"listen": {"tls": TLS}}, {"listen": {"tls": {"cert": "c2", "key": "k2"}}}) == []


def test_all_of_them_are_named_in_the_order_of_the_settings() -> None:
    after = {"store": {"dir": "x"}, "admin": {"port": 1}, "listen": {"port": 2}}
    assert named({}, after) == ["listen.port", "admin.port", "store.dir"]
