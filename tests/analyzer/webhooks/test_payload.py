"""A notice as it goes over the wire."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analyzer.source import Window
from analyzer.webhooks.news import Notice
from analyzer.webhooks.payload import MAX_CHAT_CHARS, body, chat_text, headers, payload
from config.views import Webhook
from tests.analyzer.report.studies import HOSTILE

NOW = datetime(2026, 11, 20, 12, 0, 1, 500_000, tzinfo=UTC)
ID = UUID("5b1c1c9e-6f0e-4f0b-9a55-0d6a3e4a7f21")
NOTICE = Notice(
    id=ID,
    event="verdict",
    candidate="swift",
    topic="e-1",
    state="promote",
    before="wait",
    since=NOW - timedelta(seconds=1),
    text="swift: promote (before: wait), every declared metric passes.",
    reasons=("all 3 declared metrics pass",),
    window=Window(NOW - timedelta(days=1), NOW),
    details={"experiment": "e-1", "pairs": 1234},
)
JSON = Webhook(url="https://hooks.example.com/x")
CHAT = Webhook(url="https://hooks.example.com/x", format="slack")


def test_every_field_is_there_and_says_what_the_documentation_says() -> None:
    assert json.loads(body(JSON, payload(NOTICE, "prod", NOW))) == {
        "version": 1,
        "id": "5b1c1c9e-6f0e-4f0b-9a55-0d6a3e4a7f21",
        "event": "verdict",
        "noticed_at": "2026-11-20T12:00:01.500000Z",
        "since": "2026-11-20T12:00:00.500000Z",
        "primary": "prod",
        "candidate": "swift",
        "state": "promote",
        "before": "wait",
        "text": "swift: promote (before: wait), every declared metric passes.",
        "reasons": ["all 3 declared metrics pass"],
        "window": {"since": "2026-11-19T12:00:01.500000Z", "until": "2026-11-20T12:00:01.500000Z"},
        "details": {"experiment": "e-1", "pairs": 1234},
    }


def test_what_there_is_not_is_null() -> None:
    notice = Notice(ID, "budget", "", "", "spent", None, NOW, "It is spent.")
    found = json.loads(payload(notice, "prod", NOW))
    assert (found["candidate"], found["before"], found["window"]) == (None, None, None)
    assert (found["reasons"], found["details"]) == ([], {})


def test_a_chat_gets_the_sentence_and_the_reasons_and_nothing_to_unfold() -> None:
    assert json.loads(body(CHAT, payload(NOTICE, "prod", NOW))) == {
        "text": "shadowbench, primary prod: swift: promote (before: wait), every declared metric passes.\n"
        "• all 3 declared metrics pass",
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def said(*texts: str) -> str:
    return chat_text({"primary": "prod", "text": texts[0], "reasons": texts[1:]})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> & <https://x|y>", "&lt;!channel&gt; &amp; &lt;https:\u200b//x|y&gt;"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ("@channel @everyone a@b.example", "@\u200bchannel @\u200beveryone a@\u200bb.example"),
        ("[pay](http://evil.example)", "[pay]\u200b(http:\u200b//evil.example)"),
        ("www.evil.example", "www\u200b.evil.example"),
    ],
)
def test_nothing_in_a_chat_is_a_mention_or_a_link(text: str, shown: str) -> None:
    assert said(text).endswith(shown)
    assert said("x", text).endswith(shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_reach_a_chat_as_text(text: str) -> None:
    found = said(text, text)
    assert "<" not in found
    assert ">" not in found
    for command in ("@everyone", "@1", "](", "://", "www."):
        assert command not in found


def test_a_long_text_is_cut_before_a_chat_cuts_it() -> None:
    found = said("x" * 50_000)
    assert len(found) == MAX_CHAT_CHARS
    assert found.endswith("…")


def test_names_are_cut_and_cannot_steer_what_shows_them() -> None:
    notice = Notice(ID, "breaker", "\x1b[31m" + "s" * 500, "", "open", None, NOW, "x")
    found = json.loads(payload(notice, "p\u202er\n" * 100, NOW))
    assert found["candidate"] == "s" * 79 + "…"
    assert len(found["primary"]) == 80
    assert found["primary"].isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_the_json_is_ascii_whatever_is_in_it(text: str) -> None:
    notice = Notice(ID, "drift", text, text, text, text, NOW, text, (text,), details={"x": text})
    for webhook in (JSON, CHAT):
        sent = body(webhook, payload(notice, text, NOW))
        assert sent.isascii()
        assert isinstance(json.loads(sent), dict)


def test_headers_name_the_notice_and_the_attempt() -> None:
    assert headers(JSON, ID, "drift", 3, "1.2") == {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "shadowbench/1.2",
        "x-shadowbench-notice": str(ID),
        "x-shadowbench-event": "drift",
        "x-shadowbench-attempt": "3",
    }


def test_configured_headers_are_sent_and_win() -> None:
    own: dict[str, Any] = {"Authorization": "Bearer s3cret", "User-Agent": "ours"}
    webhook = Webhook(url="https://hooks.example.com/x", headers=own)
    found = headers(webhook, ID, "drift", 1, "1.2")
    assert (found["authorization"], found["user-agent"]) == ("Bearer s3cret", "ours")
