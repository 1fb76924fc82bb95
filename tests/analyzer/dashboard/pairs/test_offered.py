"""Looks, headings and filters: every press gives an address, and each can be taken back."""

from urllib.parse import parse_qsl, urlsplit

from analyzer.dashboard.pairs.asked import PairsQuestion
from analyzer.dashboard.pairs.offered import filters, headings, looks


def asked(address: str) -> PairsQuestion:
    return PairsQuestion.of(dict(parse_qsl(urlsplit(address).query)))


def test_a_look_keeps_window_candidate_and_narrowing() -> None:
    question = PairsQuestion.of({"window": "7d", "candidate": "swift", "label.tenant": "acme", "outcome": "timeout"})
    found = {look.title: look for look in looks(question)}
    assert [look.title for look in looks(question) if look.is_current] == []
    errors = asked(found["Errors"].address)
    assert (errors.outcome, errors.candidate, errors.window, errors.label("tenant")) == (
        "failed",
        "swift",
        "7d",
        "acme",
    )
    worse = asked(found["Judged worse"].address)
    assert (worse.verdict, worse.sort, worse.outcome) == ("primary_better", "worst", None)
    everything = asked(found["All"].address)
    assert (everything.outcome, everything.label("tenant")) == (None, "acme")


def test_the_look_that_one_has_is_marked() -> None:
    for look in looks(PairsQuestion()):
        assert [other.title for other in looks(asked(look.address)) if other.is_current] == [look.title]


def test_a_heading_goes_through_its_orders_and_back_to_the_newest() -> None:
    question = PairsQuestion(outcome="ok")
    seen = []
    for _ in range(4):
        question = asked(headings(question)["Time"].address)
        seen.append(question.sort)
        assert question.outcome == "ok"
    assert seen == ["latency", "slower", "faster", "newest"]
    slower = headings(PairsQuestion(sort="slower"))
    assert (slower["Time"].order, slower["Time"].hint) == ("slower first", "faster first")
    assert slower["Cost"].order == ""
    assert headings(PairsQuestion(sort="worst"))["Judge"].order == "worst first"


def test_every_filter_is_said_and_can_be_taken_back() -> None:
    query = {
        "outcome": "failed", "answer": "refused", "verdict": "disagree", "label.tenant": "acme", "label.tier": "free",
        "endpoint": "messages", "model": "gpt", "stream": "no", "conversation": "7",
    }  # fmt: skip
    question = PairsQuestion.of(query)
    found = {one.name: one for one in filters(question)}
    assert {name: one.value for name, one in found.items()} == {
        "outcome": "one or both failed",
        "answers": "one or both refused",
        "judge": "orders or judges disagree",
        "tenant": "acme",
        "tier": "free",
        "endpoint": "messages",
        "primary model": "gpt",
        "streamed": "no",
        "conversation": "7",
    }
    for one in found.values():
        rest = [other.name for other in filters(asked(one.address))]
        assert rest == [name for name in found if name != one.name]
    assert filters(PairsQuestion()) == []
