"""Values to narrow a list by: counted, the most frequent first."""

from collections import Counter

import pytest

from store.browsing import choices as choosing
from store.browsing.choices import choices
from store.comparison import Span
from tests.store.browsing.conftest import BEGIN, MINUTE, SINCE, UNTIL, Browsed


def ordered(values: list[str]) -> tuple[str, ...]:
    counts = Counter(values)
    return tuple(sorted(counts, key=lambda value: (-counts[value], value)))


def test_the_most_frequent_come_first(browsed: Browsed) -> None:
    rows = browsed.made.rows
    found = choices(browsed.reader, Span(SINCE, UNTIL))
    assert found.candidates == ("quick", "sage", "swift")
    assert found.endpoints == ordered([row["endpoint"] for row in rows])
    assert found.models == ordered([row["primary_model"] for row in rows])
    assert {name: tuple(values) for name, values in found.labels.items()} == {
        name: ordered([row["labels"][name] for row in rows]) for name in ("tenant", "tier")
    }


def test_of_many_pairs_the_newest_are_counted(browsed: Browsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "LOOKED_AT", 10)
    found = choices(browsed.reader, Span(SINCE, UNTIL))
    late = [row for row in browsed.made.rows if row["ts"] >= MINUTE]
    assert 10 < len(late) < len(browsed.made.rows), "a minute is not parted"
    assert found.endpoints == ordered([row["endpoint"] for row in late])


def test_no_more_values_than_anybody_reads(browsed: Browsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_VALUES", 1)
    monkeypatch.setattr(choosing, "MOST_LABELS", 1)
    found = choices(browsed.reader, Span(SINCE, UNTIL))
    assert {name: len(values) for name, values in found.labels.items()} == {"tenant": 1}
    assert (len(found.endpoints), len(found.models)) == (1, 1)


def test_long_values_are_not_offered(browsed: Browsed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MAX_CHARS", 6)
    found = choices(browsed.reader, Span(SINCE, UNTIL))
    assert {name: sorted(values) for name, values in found.labels.items()} == {
        "tenant": ["acme", "zeta"],
        "tier": ["free", "paid"],
    }


def test_an_empty_window_offers_nothing(browsed: Browsed) -> None:
    found = choices(browsed.reader, Span(BEGIN.replace(year=2001), BEGIN.replace(year=2002)))
    assert (found.candidates, dict(found.labels), found.endpoints, found.models) == ((), {}, (), ())
