"""What the pages are shown over: pairs with texts, some of them hostile, and what judges made of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from analyzer.judge.rubric import load
from config.model import Config, Store
from store import tables
from store.judging.rows import Row, write
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import call_row, ended, judgement, listed_of, pair, settled

NOW = datetime.now(UTC)
BEGIN = NOW - timedelta(hours=2)
SOON = NOW - timedelta(seconds=20)
"""Everything that judges did was since then."""
RUBRIC = load("helpfulness").id
_NAMES = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")

CODE_QUESTION = "How do I read a large CSV file in Python without running out of memory?"
CODE_ANSWER = (
    "Read it row by row instead of loading it whole:\n\n"
    "```python\nimport csv\n\nwith open('big.csv', newline='') as file:\n"
    "    for row in csv.DictReader(file):\n        handle(row)\n```\n\n"
    "`csv` keeps one row in memory at a time. If you need columns and sums, `pandas.read_csv(..., chunksize=100_000)` "
    "gives you pieces of a hundred thousand rows."
)
SHORT_ANSWER = "Use pandas: `df = pandas.read_csv('big.csv')`. If that fails, buy more memory."
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
MARKUP = "</div></section><h1 id='forged'>Forged</h1>{{ 7 * 7 }}{% raw %}<style>body{display:none}</style>&lt;b&gt;"
RTL = "مرحبا، هذا نص عربي طويل يُقرأ من اليمين إلى اليسار. \u202edesrever\u202c and English after it. 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽"
CONTROLS = "bell \x07, escape \x1b[31mred\x1b[0m, null \x00, line\r\nbreak"
LONG = "A very long answer. " * 12_000
"""240,000 characters: more than a page shows."""
HOSTILE = (SCRIPT, MARKUP, RTL, CONTROLS, LONG, "w" * 3_000)


@dataclass(frozen=True, slots=True)
class Told:
    """One exchange with two answers."""

    question: str
    primary: str
    answer: str
    turns: Sequence[tuple[str, str]] = ()
    """Earlier turns: (role, text)."""


PLAIN = tuple(
    Told(f"Question {n}: what is {n} times {n}?", f"The product is {n * n}.", f"It is {n * n}, of course.")
    for n in range(1, 13)
)
FIRST = Told(
    CODE_QUESTION,
    SHORT_ANSWER,
    CODE_ANSWER,
    turns=(
        ("system", "You are a helpful assistant for programmers."),
        ("user", "My script dies with MemoryError."),
        ("assistant", "Which library do you use, and how large is the file?"),
    ),
)


def request_id(candidate: str, number: int) -> UUID:
    """The same in every run: the order of labelling and of the answers follows from it."""
    return uuid5(_NAMES, f"{candidate} {number}")


def told_rows(candidate: str, told: Sequence[Told], *, judged: bool = True) -> dict[str, list[Any]]:
    """Rows by table: pairs and payloads as values, and the judgements of a judge."""
    pairs, payloads, judgements = [], [], []
    for number, one in enumerate(told):
        ts = BEGIN + timedelta(seconds=number)
        row = pair(ts, candidate, request_id=request_id(candidate, number))
        messages = [{"role": role, "content": text} for role, text in (*one.turns, ("user", one.question))]
        body = json.dumps({"model": "gpt-x", "messages": messages})
        same = {"request_id": row["request_id"], "ts": ts}
        pairs.append(row)
        payloads.append({**same, "side": "primary", "request": body, "response": one.primary})
        payloads.append({**same, "side": candidate, "request": "", "response": one.answer})
        if judged:
            judgements.append(judgement(listed_of(row), rubric=RUBRIC, judged_at=NOW - timedelta(seconds=number)))
    return {"pairs": pairs, "payloads": payloads, "judgements": judgements}


def fill(store: Store) -> None:
    """`swift` has a conversation and plain pairs, `sage` hostile ones, `quick` pairs that nobody has judged."""
    writer = Writer(StoreConnection(store, access="writer"))
    for candidate, told, judged in (
        ("swift", (FIRST, *PLAIN), True),
        ("sage", tuple(Told(text, text, text + " ") for text in HOSTILE), True),
        ("quick", PLAIN[:3], False),
    ):
        rows = told_rows(candidate, told, judged=judged)
        writer.insert("pairs", as_values(tables.PAIRS, rows["pairs"]), f"pairs-{candidate}")
        writer.insert("payloads", as_values(tables.PAYLOADS, rows["payloads"]), f"payloads-{candidate}")
        if rows["judgements"]:
            write(writer, rows["judgements"], f"judgements-{candidate}")
    write(writer, _calls(), "calls")
    write(writer, [settled(listed_of(pair(BEGIN, "quick", request_id=request_id("quick", 0))))], "settled")
    # Longer than any test runs, by the store's own clock.
    writer.insert("judges", [["1", NOW, NOW + timedelta(hours=1)]], "judges")
    writer.close()


def _calls() -> list[Row]:
    """Judge a has answered nine calls and refused one; judge b was there once, and is not any more."""
    of = listed_of(pair(BEGIN, "swift", request_id=request_id("swift", 1)))
    found: list[Row] = []
    at = SOON
    for number in range(10):
        asked = call_row(of, judge="judge-a", rubric=RUBRIC, asked_at=at + timedelta(seconds=number))
        refused: dict[str, Any] = {"outcome": "refusal", "verdict": None} if number == 4 else {}
        found += [asked, ended(asked, "0.02", **refused)]
    for number, outcome in enumerate(("ok", "rate_limited", "connect_error")):
        asked = call_row(of, judge="judge-b", rubric=RUBRIC, asked_at=at + timedelta(seconds=number))
        more: dict[str, Any] = {} if outcome == "ok" else {"outcome": outcome, "verdict": None, "is_final": False}
        found += [asked, ended(asked, "0.01" if outcome == "ok" else None, **more)]
    return found


def configuration(store: Store, **values: Any) -> Config:
    """Three candidates, two judges, a budget of one dollar."""
    judge = {
        "models": [
            {"name": "judge-a", "url": "http://127.0.0.1:9", "model": "judge-large"},
            {"name": "judge-b", "url": "http://127.0.0.1:9", "model": "judge-small"},
            {"name": "judge-c", "url": "http://127.0.0.1:9", "model": "judge-idle"},
        ],
        "budget": {"usd_per_day": "1"},
    }
    config = Config.model_validate(
        {
            "primary": {"url": "http://127.0.0.1:9", "name": "prod"},
            "candidates": [
                {"name": name, "url": "http://127.0.0.1:9", "model": f"vendor/{name}-large", "sample": 0.1}
                for name in ("swift", "sage", "quick")
            ],
            "control": {"sample": 0.05},
            "judge": judge,
            **values,
        }
    )
    return config.model_copy(update={"store": store})
