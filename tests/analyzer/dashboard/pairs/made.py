"""The pairs that the pages are shown over: plain ones, remarkable ones, hostile ones; what was said of them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from config.model import Store
from store import tables
from store.judging.due import Listed
from store.judging.rows import CallRow, JudgementRow, LabelRow, ScoreRow, write
from store.locate import StoreConnection
from store.writer import Writer
from tests.analyzer.dashboard.made import CODE_ANSWER, CODE_QUESTION, CONTROLS, MARKUP, RTL, SCRIPT
from tests.analyzer.rows import as_values
from tests.store.judging.conftest import call_row, ended, judgement, label, listed_of, pair, score, settled, uuid7_at

NOW = datetime.now(UTC)
BEGIN = NOW - timedelta(hours=3)
RUBRIC = "helpfulness@00000001"
PLAIN = 60
"""Pairs of `swift` of which nothing stands out."""
OTHER_CODE = CODE_ANSWER.replace("row by row", "line by line").replace("handle(row)", "handle(line)")
MILLION = "All work and no play makes a very long answer. " * 22_000
"""A million characters."""
EVIL_LABEL = {"tenant": SCRIPT, "<b>\u202e": "</select><h1>", "emoji 👩‍👩‍👧‍👦": "x" * 400}
OLD = timedelta(days=20)
"""Longer than texts are kept."""


@dataclass
class Filled:
    """Rows by table."""

    pairs: list[dict[str, Any]] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    judgements: list[JudgementRow] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    named: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Pairs that tests look for, by a name."""

    def add(self, name: str, question: str = "", primary: str = "", answer: str = "", **values: Any) -> Listed:
        """A pair with texts, unless `texts` says otherwise; each began a second after the one before."""
        texts = values.pop("texts", True)
        turns = values.pop("turns", ())
        more = {side: values.pop(f"{side}_texts", {}) for side in ("primary", "answer")}
        ts = values.pop("ts", BEGIN + timedelta(seconds=len(self.pairs)))
        candidate = values.pop("candidate", "swift")
        row = pair(
            ts,
            candidate,
            request_id=values.pop("request_id", None) or uuid7_at(ts, len(self.pairs)),
            **{"stream": False, **_figures(primary, answer), **values},
        )
        self.pairs.append(row)
        self.named[name] = row
        same = {"request_id": row["request_id"], "ts": ts}
        messages = [{"role": role, "content": text} for role, text in (*turns, ("user", question))]
        if texts:
            body = json.dumps({"model": "gpt-x", "messages": messages})
            if not any(p["request_id"] == row["request_id"] for p in self.payloads):
                own = {"side": "primary", "request": body, "response": primary}
                self.payloads.append({**same, **own, **more["primary"]})
            self.payloads.append({**same, "side": candidate, "request": "", "response": answer, **more["answer"]})
        return listed_of(row)


def _figures(primary: str, answer: str) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for arm, text, ms, usd in (("primary", primary, 812.1, "0.0042"), ("candidate", answer, 640.3, "0.0011")):
        known |= {
            f"{arm}_total_ms": ms,
            f"{arm}_ttfb_ms": ms - 40,
            f"{arm}_status": 200,
            f"{arm}_chars": len(text),
            f"{arm}_input_tokens": 30,
            f"{arm}_output_tokens": 60,
            f"{arm}_cost_usd": Decimal(usd),
            f"{arm}_finish_reason": "stop",
            f"{arm}_refusal": False,
            f"{arm}_tool_calls": 0,
        }
    return known


def filled() -> Filled:
    """Everything."""
    made = Filled()
    for number in range(PLAIN):
        made.add(f"plain {number}", f"Plain question {number}?", f"Answer {number}.", f"Answer {number}!")
    _remarkable(made)
    _said(made)
    _hostile(made)
    return made


def _nothing(**values: Any) -> dict[str, Any]:
    """A candidate's leg that came to nothing."""
    names = ("total_ms", "ttfb_ms", "status", "chars", "output_tokens", "cost_usd", "finish_reason", "refusal", "model")
    return {**{f"candidate_{name}": None for name in names}, **values}


def _remarkable(made: Filled) -> None:
    turns = (("system", "You help programmers."), ("user", "My script dies."), ("assistant", "How large is the file?"))
    made.add("code", CODE_QUESTION, CODE_ANSWER, OTHER_CODE, turns=turns, exact_match=False, stream=True,
             primary_ttft_ms=250.0, candidate_ttft_ms=180.0, candidate_ttfb_ms=90.0, primary_ttfb_ms=120.0,
             candidate_ttfr_ms=100.0, candidate_reasoning_tokens=12, candidate_connect_ms=25.0,
             changed=["model", "store"], answer_texts={"reasoning": "They want little memory."})  # fmt: skip
    made.add(
        "timeout", "Will this end?", "It will.", "", **_nothing(candidate_outcome="timeout", candidate_ttfb_ms=500.0)
    )
    made.add("limited", "Too many?", "No.", "", **_nothing(candidate_outcome="http_error", candidate_status=429))
    made.add("both failed", "Nobody there?", "", "", primary_outcome="connect_error", primary_total_ms=None,
             primary_ttfb_ms=None, primary_cost_usd=None, **_nothing(candidate_outcome="unavailable"))  # fmt: skip
    made.add("refused", "Say no.", "Yes.", "I'm sorry, but I can't.", candidate_refusal=True)
    made.add("same", "What is 2 + 2?", "Four.", "Four.", exact_match=True)
    calls = [json.dumps([{"name": "weather", "arguments": json.dumps({"city": city})}]) for city in ("Bonn", "Berlin")]
    made.add("tools", "Weather?", "", "", primary_tool_calls=1, candidate_tool_calls=1, tool_call_agreement=0.0,
             primary_texts={"tool_calls": calls[0]}, answer_texts={"tool_calls": calls[1]})  # fmt: skip
    made.add("slow", "Which is slow?", "One.", "Two.", candidate_total_ms=9_000.0, candidate_cost_usd=Decimal("0.5"))
    made.add("long", "Write a very long answer.", MILLION, MILLION.replace("work", "toil"))
    made.add("cut", "Long?", "A" * 50, "B" * 50, capture_truncated=True, candidate_finish_reason="length")
    made.add("without texts", texts=False)
    made.add("old", texts=False, ts=NOW - OLD, candidate_total_ms=None)
    made.add("of the control", "Once more?", "One.", "Two.", candidate="control")
    made.add("gone", "Who is that?", "One.", "Two.", candidate="retired", labels={"tenant": "zeta"})
    first: UUID = made.named["code"]["request_id"]
    made.add("other", CODE_QUESTION, CODE_ANSWER, "Buy memory.", candidate="sage", request_id=first,
             ts=made.named["code"]["ts"])  # fmt: skip


def _said(made: Filled) -> None:
    one = made.add("judged", "Which is better?", "This one is.", "That one is better, I think.")
    for judge, pc, cp in (("judge-a", -1.0, 1.0), ("judge-b", -1.0, -1.0)):
        made.judgements.append(
            judgement(one, judge=judge, rubric=RUBRIC, preference=(pc + cp) / 2, preference_pc=pc, preference_cp=cp,
                      rationale="Both orders together.", judged_at=NOW)
        )  # fmt: skip
        for question, value in (("pairwise_cp", cp), ("pairwise_pc", pc)):
            asked = call_row(one, judge=judge, rubric=RUBRIC, question=question, asked_at=NOW)
            reason = f"{judge} in {question}: {SCRIPT}"
            made.calls += [asked, ended(asked, verdict=value, rationale=reason)]
    failed = call_row(one, judge="judge-c", rubric=RUBRIC, asked_at=NOW)
    made.calls += [failed, ended(failed, None, outcome="unparsable", verdict=None)]
    made.labels.append(label(one, "Ada <b>", preference=1.0, rubric=RUBRIC, rationale=MARKUP, labeled_at=NOW))
    made.scores.append(score(one, "token_f1", 0.375))
    made.judgements.append(settled(listed_of(made.named["same"])))
    worse = listed_of(made.named["slow"])
    made.judgements.append(judgement(worse, rubric=RUBRIC, preference=-1.0, preference_pc=-1.0, preference_cp=-1.0))


def _hostile(made: Filled) -> None:
    for number, text in enumerate((SCRIPT, MARKUP, RTL, CONTROLS, "w" * 3_000)):
        made.add(f"hostile {number}", text, text, f"{text} {text}", candidate="sage", labels=EVIL_LABEL,
                 primary_model=SCRIPT, candidate_model=RTL, primary_finish_reason=MARKUP, endpoint="chat/completions",
                 changed=[SCRIPT], primary_raw_usage=SCRIPT, worker=MARKUP)  # fmt: skip


def fill(store: Store) -> Filled:
    """Stores it."""
    made, writer = filled(), Writer(StoreConnection(store, access="writer"))
    writer.insert("pairs", as_values(tables.PAIRS, made.pairs), "pairs")
    writer.insert("payloads", as_values(tables.PAYLOADS, made.payloads), "payloads")
    for name, rows in (
        ("judgements", made.judgements),
        ("calls", made.calls),
        ("labels", made.labels),
        ("scores", made.scores),
    ):
        write(writer, rows, name)
    writer.close()
    return made
