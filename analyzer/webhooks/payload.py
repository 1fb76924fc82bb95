"""A notice as it goes over the wire: JSON with all fields, or a text for a chat. Pure.

A chat takes some characters for commands: `<!channel>` and `@channel` call everybody, `<address|text>`,
`[text](address)` and plain addresses are links. Names and reasons may come from answers of models, so none of it
survives.
"""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from analyzer.report.json_values import Json, timestamp
from analyzer.report.printable import clipped
from analyzer.webhooks.news import Notice
from config.views import Event, Webhook

VERSION: Final = 1
"""Of the payload: fields may be added under the same number, none changes its meaning."""
MAX_CHAT_CHARS: Final = 3000
"""Chats cut, or refuse, what is much longer."""
_NO_WORD: Final = "\u200b"
"""Takes no room; behind an @ it makes a name of nobody."""
_COMMANDS: Final = {
    "@": f"@{_NO_WORD}",
    "](": f"]{_NO_WORD}(",
    "://": f":{_NO_WORD}//",
    "www.": f"www{_NO_WORD}.",
}
"""What a chat would make a mention or a link of."""


def payload(notice: Notice, primary: str, now: datetime) -> str:
    """The JSON of a notice, in ASCII.

    Args:
        notice: what is new.
        primary: name of the primary: one team may run several.
        now: UTC.
    """
    window = notice.window
    body: Json = {
        "version": VERSION,
        "id": str(notice.id),
        "event": notice.event,
        "noticed_at": timestamp(now),
        "since": timestamp(notice.since),
        "primary": clipped(primary),
        "candidate": clipped(notice.candidate) or None,
        "state": notice.state,
        "before": notice.before,
        "text": notice.text,
        "reasons": list(notice.reasons),
        "window": None if window is None else {"since": timestamp(window.since), "until": timestamp(window.until)},
        "details": notice.details,
    }
    return json.dumps(body, allow_nan=False)


def body(webhook: Webhook, stored: str) -> bytes:
    """What is sent of a stored payload, in the form that the webhook takes."""
    if webhook.format == "json":
        return stored.encode()
    chat = {"text": chat_text(json.loads(stored)), "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    return json.dumps(chat).encode()


def chat_text(values: dict[str, Any]) -> str:
    """A payload's sentence and reasons, one per line, of which none is a command to a chat."""
    lines = [f"shadowbench, primary {values['primary']}: {values['text']}"]
    lines += [f"• {reason}" for reason in values["reasons"]]
    text = "\n".join(lines)
    return _escaped(text if len(text) <= MAX_CHAT_CHARS else f"{text[: MAX_CHAT_CHARS - 1]}…")


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for command, broken in _COMMANDS.items():
        text = text.replace(command, broken)
    return text


def headers(webhook: Webhook, notice: UUID, event: Event, attempt: int, version: str) -> dict[str, str]:
    """Of one attempt; configured ones replace ours of the same name."""
    own = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": f"shadowbench/{version}",
        "x-shadowbench-notice": str(notice),
        "x-shadowbench-event": event,
        "x-shadowbench-attempt": str(attempt),
    }
    return own | {name: value.get_secret_value() for name, value in webhook.headers.items()}
