"""Addresses to questions and back."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.dashboard.live.asked import WINDOWS, BadQuestion, LiveQuestion
from analyzer.dashboard.pairs.asked import PairsQuestion, address_of
from store.browsing.listing import Position
from store.browsing.wanted import ANSWERS, OUTCOMES, SORTS, VERDICTS, Wanted
from store.comparison import Span
from store.narrowing import Narrowing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = UUID("01900000-0000-7000-8000-000000000001")
PLACE = Position(1.5, NOW, REQUEST, "swift")


def asked(address: str) -> PairsQuestion:
    return PairsQuestion.of(dict(parse_qsl(urlsplit(address).query)))


_word = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
_first, _last = (datetime(year, 6, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1990, 2100))
_moments = st.datetimes(_first, _last, timezones=st.just(UTC))
_narrowed = st.builds(
    LiveQuestion,
    st.sampled_from(list(WINDOWS)),
    st.dictionaries(_word, _word, max_size=3).map(lambda labels: tuple(sorted(labels.items()))),
    st.none() | _word,
    st.none() | _word,
    st.none() | st.booleans(),
)
_questions = st.builds(
    PairsQuestion,
    _narrowed,
    candidate=st.none() | _word,
    outcome=st.none() | st.sampled_from(list(OUTCOMES)),
    answer=st.none() | st.sampled_from(list(ANSWERS)),
    verdict=st.none() | st.sampled_from(VERDICTS),
    sort=st.sampled_from(SORTS),
    conversation=st.none() | st.integers(0, 2**64 - 1),
    after=st.none() | st.builds(Position, st.floats(-1e9, 1e9), _moments, st.uuids(), _word),
)


@given(_questions)
def test_an_address_says_all_of_a_question(question: PairsQuestion) -> None:
    assert asked(question.address()) == question
    span = question.span(NOW)
    fixed = question.fixed(span)
    found = asked(fixed.address())
    assert found.span(NOW + timedelta(days=9)) == span
    assert found.wanted(NOW) == question.wanted(NOW)


def test_the_plain_question_is_a_plain_address() -> None:
    assert PairsQuestion.of({}) == PairsQuestion()
    assert PairsQuestion().address() == "/pairs"
    assert (
        PairsQuestion.of({"window": "", "outcome": "", "label.x": "", "after": "", "unknown": "1"}) == PairsQuestion()
    )
    assert PairsQuestion().window == "24h"


def test_a_window_ends_a_little_behind_now() -> None:
    """What began within this second is there, too, and clocks differ."""
    span = PairsQuestion().span(NOW)
    assert (span.since, span.until) == (NOW - timedelta(days=1), NOW + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (
            "2026-02-01T00:00:00Z",
            "2026-02-02T00:00:00Z",
            (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)),
        ),
        (
            "2026-02-01T01:00:00+01:00",
            "2026-02-02",
            (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)),
        ),
        ("", "2026-02-02T00:00", (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))),
        ("2026-02-28", "", (datetime(2026, 2, 28, tzinfo=UTC), NOW + timedelta(minutes=1))),
    ],
)
def test_windows_with_ends_of_their_own(since: str, until: str, expected: tuple[datetime, datetime]) -> None:
    question = PairsQuestion.of({"since": since, "until": until})
    assert (question.span(NOW).since, question.span(NOW).until) == expected
    assert question.window is None
    assert question.during("7d").window == "7d"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"window": "2h"}, "there is no window '2h'; choose one of 15m, "),
        ({"outcome": "fine"}, "there is no outcome 'fine'; choose one of ok, failed, "),
        ({"answer": "x" * 900}, "there is no answer 'xxxx"),
        ({"verdict": "great"}, "there is no verdict 'great'; choose one of "),
        ({"sort": "oldest"}, "there is no sort 'oldest'; choose one of newest, "),
        ({"since": "yesterday"}, "since is no time; write it like 2025-11-20T14:03:00Z"),
        ({"until": "9999-99-99"}, "until is no time"),
        ({"until": "0001-01-01"}, "until is no time that anything was recorded at"),
        ({"since": "1900-01-01"}, "since is no time that anything was recorded at"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "until is before since"),
        ({"conversation": "-1"}, "conversation is a number"),
        ({"conversation": str(2**64)}, "conversation is a number"),
        ({"conversation": "²"}, "conversation is a number"),
        ({"after": "!"}, "this is no place in a list"),
        ({"before": "AAAA"}, "this is no place in a list"),
        ({"candidate": "c" * 513}, "at most 512 characters"),
        ({"model": "m" * 513}, "at most 512 characters"),
        ({"stream": "maybe"}, "stream is yes or no"),
        ({f"label.{i}": "x" for i in range(17)}, "at most 16 labels"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(query: dict[str, str], said: str) -> None:
    with pytest.raises(BadQuestion) as caught:
        PairsQuestion.of(query)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_store_is_asked_what_the_address_says() -> None:
    query = {
        "candidate": "swift", "outcome": "failed", "answer": "refused", "verdict": "tie", "sort": "worst",
        "label.tenant": "acme", "endpoint": "messages", "model": "gpt", "stream": "no", "conversation": "7",
        "since": "2026-02-01", "until": "2026-02-02",
    }  # fmt: skip
    span = Span(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))
    assert PairsQuestion.of(query).wanted(NOW) == Wanted(
        span, ("swift",), Narrowing({"tenant": "acme"}, "messages", "gpt", stream=False), 7, "failed", "refused", "tie",
        "worst",
    )  # fmt: skip
    assert PairsQuestion().wanted(NOW).candidates == ()


def test_windows_begin_with_the_epoch_at_the_earliest() -> None:
    span = PairsQuestion.of({"until": "1970-01-02", "window": "30d"}).span(NOW)
    assert span.since == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_is_left_out_is_known() -> None:
    assert not PairsQuestion().is_filtered
    assert not PairsQuestion(candidate="swift", sort="worst").is_filtered
    for one in ({"outcome": "ok"}, {"label.a": "b"}, {"verdict": "tie"}, {"conversation": "0"}, {"answer": "same"}):
        assert PairsQuestion.of(one).is_filtered, one
    question = PairsQuestion.of(
        {"outcome": "ok", "label.a": "b", "candidate": "swift", "window": "7d", "sort": "worst"}
    )
    assert question.without_filters() == PairsQuestion(LiveQuestion("7d"), candidate="swift")
    assert question.of_all().candidate is None
    assert (question.label("a"), question.label("z")) == ("b", "")


def test_pairs_have_addresses_of_their_own() -> None:
    assert address_of(REQUEST, "a/b ?#") == f"/pairs/{REQUEST}/a%2Fb%20%3F%23"
    question = PairsQuestion(outcome="failed", after=PLACE)
    assert question.address_of(REQUEST, "swift") == f"/pairs/{REQUEST}/swift?outcome=failed"
    assert PairsQuestion().address_of(REQUEST, "swift") == f"/pairs/{REQUEST}/swift"


def test_one_place_at_most() -> None:
    forth = PairsQuestion(after=PLACE)
    assert asked(forth.address()).after == PLACE
    both = PairsQuestion.of({**dict(parse_qsl(forth.query())), "before": dict(parse_qsl(forth.query()))["after"]})
    assert (both.after, both.before) == (PLACE, None)
    assert forth.top == PairsQuestion()
