"""All of one pair, as its page shows it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.dashboard.pairs.amounts import UNKNOWN, duration, number
from analyzer.dashboard.pairs.figures import Group, groups
from analyzer.dashboard.pairs.marking import Both, Marked, marked, unmarked
from analyzer.dashboard.pairs.outcomes import in_words, why
from analyzer.dashboard.pairs.sentence import sentence
from analyzer.dashboard.pairs.timing import Timing, timing
from analyzer.dashboard.pairs.verdicts import ByJudge, ByPerson, InShort, by_judges, by_people, in_short
from analyzer.dashboard.turns import ShownRequest, shown_request
from analyzer.dashboard.visible import Block, blocks, visible
from analyzer.judge.plain_json import NotJson, objects_of, read_json
from record.outcome import Outcome
from record.pair import CONTROL
from store.browsing.details import Details, Texts
from store.browsing.pairs import BrowsedPair

LONG_CHARS = 12_000
MAX_BODY_CHARS = 60_000
"""Of a request as it was sent, and of one list of tool calls."""


@dataclass(frozen=True, slots=True)
class Side:
    """One arm's answer."""

    name: str
    role: str
    """primary or candidate."""
    model: str
    outcome: str
    is_ok: bool
    why: str
    """A sentence on a leg that did not answer; else empty."""
    answer: Marked
    says_nothing: bool
    """Its texts are stored, and hold neither text nor a tool call."""
    is_missing: bool
    """Its texts are not stored."""
    tools: Marked | None
    """None: it called none."""
    reasoning: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A metric of both texts."""

    metric: str
    primary: str
    """Empty: it is one of both together."""
    candidate: str


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair."""

    pair: BrowsedPair
    name: str
    """The candidate's."""
    is_control: bool
    """It is the primary once more."""
    sentence: str
    """What stands out, in words."""
    asked: ShownRequest | None
    """None: it is not stored."""
    missing: str
    """Why texts are not there; empty: they are."""
    sides: tuple[Side, Side]
    both: Both | None
    """How the answers compare; None: there are not two."""
    compared: str
    """The same in a sentence."""
    is_long: bool
    """An answer is so long that it has to be scrolled in its place."""
    timing: Timing | None
    groups: Sequence[Group]
    short: InShort | None
    judges: Sequence[ByJudge]
    people: Sequence[ByPerson]
    scores: Sequence[Score]
    sent: tuple[Block, ...]
    """The request as the candidate got it, where it is stored apart."""
    recorded: Sequence[tuple[str, str]]
    """What else is known."""


def pair_view(found: Details, missing: str) -> PairView:
    """What is shown of a pair.

    Args:
        found: all that is stored of it.
        missing: why texts are not, where they are not.
    """
    pair = found.pair
    texts = (found.primary, found.answer)
    answers = [() if one is None else blocks(one.response) for one in texts]
    both = marked(answers[0], answers[1]) if answers[0] and answers[1] else None
    shown = (both.left, both.right) if both is not None else tuple(map(unmarked, answers))
    tools = _tools(*texts)
    names = (("primary", "primary"), (pair.candidate, "candidate"))
    sides = [
        Side(
            name=name,
            role=role,
            model=arm.model or "",
            outcome=in_words(arm),
            is_ok=arm.outcome == Outcome.OK,
            why=why(arm),
            answer=answer,
            says_nothing=one is not None and not answer.blocks and called is None,
            is_missing=one is None,
            tools=called,
            reasoning=() if one is None else blocks(one.reasoning),
        )
        for (name, role), arm, one, answer, called in zip(
            names, (pair.primary, pair.answer), texts, shown, tools, strict=True
        )
    ]
    short = in_short(found.judgements, found.labels)
    return PairView(
        pair=pair,
        name=visible(pair.candidate),
        is_control=pair.candidate == CONTROL,
        sentence=sentence(pair, short),
        asked=None if found.primary is None else shown_request(found.primary.request, pair.endpoint),
        missing=missing if None in texts else "",
        sides=(sides[0], sides[1]),
        both=both,
        compared="" if both is None else compared(both, pair),
        is_long=any(one is not None and len(one.response) > LONG_CHARS for one in texts),
        timing=timing(pair.primary, pair.answer),
        groups=groups(pair),
        short=short,
        judges=by_judges(found.judgements, found.calls),
        people=by_people(found.labels),
        scores=[Score(s.metric, _score(s.score_primary), _score(s.score_candidate) or UNKNOWN) for s in found.scores],
        sent=_json(found.answer.request) if found.answer is not None and found.answer.request else (),
        recorded=recorded(pair),
    )


def compared(both: Both, pair: BrowsedPair) -> str:
    """How both answers go together."""
    if both.is_same:
        if pair.exact_match is False:
            return "The answers differ in blanks only."
        return "Both answers are the same, word for word."
    if not both.is_worth_marking:
        return "The answers share few words, so what differs is not marked unless you ask for it."
    return "Marked is what the other answer does not have in that place."


def recorded(pair: BrowsedPair) -> list[tuple[str, str]]:
    """What else is known of a pair: (title, value)."""
    agreement = pair.tool_call_agreement
    found = [
        ("Request", str(pair.request_id)),
        ("Experiment", pair.experiment),
        ("Conversation", f"{pair.conversation} (bucket {pair.bucket})"),
        ("Time block", pair.block.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("Endpoint", pair.endpoint),
        ("Streamed", {None: "not known", True: "yes", False: "no"}[pair.stream]),
        ("Changed for the candidate", ", ".join(pair.changed) or "nothing"),
        ("Sampled with a share of", f"{pair.sample_share * 100:g} %"),
        ("Candidate sent after the primary by", duration(pair.start_skew_ms)),
        ("Added by the proxy", duration(pair.overhead_ms)),
        ("Largest lag of the proxy meanwhile", duration(pair.loop_lag_ms)),
        ("Held up by a slow client", duration(pair.held_ms) + (" (left out of latency)" if pair.held_ms else "")),
        ("Primary from a response cache", "yes (left out of latency)" if pair.gateway_cache else "no"),
        ("Same tool calls", UNKNOWN if agreement is None else f"{agreement * 100:.0f} %"),
        ("Worker", pair.worker or UNKNOWN),
        ("Configuration", f"version {pair.config_version}"),
    ]
    found += [(f"Label {name}", value[:MAX_BODY_CHARS]) for name, value in pair.labels.items()]
    for name, arm in (("Primary", pair.primary), ("Candidate", pair.answer)):
        if arm.price_date is not None:
            found.append((f"{name}'s price of", arm.price_date.isoformat()))
        if arm.raw_usage:
            found.append((f"{name}'s usage as reported", arm.raw_usage[:MAX_BODY_CHARS]))
        if arm.estimated_input_tokens is not None or arm.estimated_output_tokens is not None:
            tokens = f"{number(arm.estimated_input_tokens)} in, {number(arm.estimated_output_tokens)} out"
            found.append((f"{name}'s tokens by our estimate", tokens))
    return [(visible(title), visible(value)) for title, value in found]


def _tools(primary: Texts | None, answer: Texts | None) -> tuple[Marked | None, Marked | None]:
    """Tool calls of both, with what differs marked where both call."""
    shown = [() if one is None else _calls(one.tool_calls) for one in (primary, answer)]
    if shown[0] and shown[1]:
        both = marked(shown[0], shown[1])
        return both.left, both.right
    left, right = (unmarked(one) if one else None for one in shown)
    return left, right


def _calls(text: str) -> tuple[Block, ...]:
    """One block for each call: its name, and what it is called with."""
    if not text.strip():
        return ()
    try:
        calls = objects_of(read_json(text))
    except NotJson:
        calls = []
    if not calls:
        return _json(text) if text.strip() not in {"[]", "null"} else ()
    found = []
    for call in calls:
        given = call.get("arguments")
        name = call.get("name")
        said = name if isinstance(name, str) and name else "a tool without a name"
        body = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, indent=2)
        found.append(f"{said}\n{_pretty(body)}")
    return (Block("code", _cut("\n\n".join(found))),)


def _json(text: str) -> tuple[Block, ...]:
    return (Block("code", _cut(_pretty(text))),)


def _pretty(text: str) -> str:
    """JSON on lines; any other text as it is."""
    if len(text) > MAX_BODY_CHARS:
        return text
    try:
        return json.dumps(read_json(text), ensure_ascii=False, indent=2)
    except (NotJson, ValueError, RecursionError):
        return text


def _cut(text: str) -> str:
    text = visible(text)
    if len(text) <= MAX_BODY_CHARS:
        return text
    return f"{text[:MAX_BODY_CHARS]}\n… {len(text) - MAX_BODY_CHARS:,} characters more"


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
