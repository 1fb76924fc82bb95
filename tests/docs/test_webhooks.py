"""The page about webhooks shows what is sent, and what can be configured."""

import json
import re
from pathlib import Path
from typing import get_args

from analyzer.webhooks.backoff import LONGEST_TOLD_S, wait_s
from analyzer.webhooks.holding import SETTLED_S
from analyzer.webhooks.payload import headers, payload
from analyzer.webhooks.seen import QUIET
from analyzer.webhooks.session import BACK, LOOK_EVERY_S, STUDY_SHARE
from cli.supervisor.catalogue import DASHBOARD
from config.load import load_config
from config.views import Event, Webhook
from store.notices import KEPT_FOR
from tests.analyzer.webhooks.test_payload import ID, JSON, NOTICE, NOW
from tests.architecture.imports import ROOT

PAGE = (ROOT / "docs" / "webhooks.md").read_text()
PLAIN = " ".join(PAGE.split())


def block(language: str) -> str:
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_payload_that_is_shown_is_the_one_that_is_sent() -> None:
    assert json.loads(block("json")) == json.loads(payload(NOTICE, "prod", NOW))


def test_every_field_has_its_row() -> None:
    rows = " ".join(re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE))
    assert {f"`{name}`" for name in json.loads(block("json"))} <= set(re.findall(r"`\w+`", rows))


def test_every_event_says_when_it_is_told_and_with_which_details() -> None:
    for event in get_args(Event):
        assert len(re.findall(rf"^\| `{event}` \|", PAGE, re.MULTILINE)) == 2, event


def test_the_configuration_that_is_shown_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "shadowbench.yaml"
    file.write_text(block("yaml"))
    chat, ops = load_config(file, {}).webhooks
    assert (chat.format, chat.on) == ("slack", ("verdict", "control_failed", "breaker"))
    assert (ops.format, set(ops.on)) == ("json", set(get_args(Event)))


def test_every_header_of_ours_is_named() -> None:
    for name in headers(JSON, ID, "drift", 1, "1"):
        assert not name.startswith("x-") or f"`{name}`" in PAGE


def test_numbers_are_those_of_the_sources() -> None:
    waits = [round(wait_s(n, None, 0.5)) for n in range(1, 7)]
    assert waits == [2, 8, 32, 128, 512, 600]
    assert "after 2 s, 8 s, 32 s, 2 min, 9 min, then every 10 minutes" in PLAIN
    assert (sum(waits[:5]) // 60, Webhook.model_fields["attempts"].default) == (11, 6)
    assert "(6: over eleven minutes)" in PLAIN
    assert (SETTLED_S, LONGEST_TOLD_S, LOOK_EVERY_S, STUDY_SHARE) == (15 * 60, 3600, 60, 4)
    assert "has been so for 15 minutes" in PLAIN
    assert (QUIET.total_seconds(), BACK.total_seconds(), KEPT_FOR.days) == (600, 6 * 3600, 7)


def test_metrics_that_are_named_exist() -> None:
    named = set(re.findall(r"shadowbench_webhook_\w+", PAGE))
    assert named
    assert named <= set(DASHBOARD)
