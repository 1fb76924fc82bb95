from datetime import datetime, timedelta

import pytest

from analyzer.audit import HourRows, Line, Patience, audit
from record.states import SKIPS, UNCAPTURED
from tests.analyzer.rows import START

HOUR = START
LATER = Patience(HOUR + timedelta(hours=5), timedelta(minutes=6), quiet=False)


def hours(counts: dict[str, int], rows: dict[str, int], last: datetime = HOUR + timedelta(minutes=59)) -> HourRows:
    return HourRows(
        {(HOUR, "swift", state): (n, last) for state, n in counts.items()},
        {(HOUR, "swift", reason): n for reason, n in rows.items()},
    )


def line_of(counts: dict[str, int], rows: dict[str, int], patience: Patience = LATER) -> Line:
    (line,) = audit(hours(counts, rows), patience)
    return line


GOOD = {"received": 100, "unsampled": 80, "no_match": 5, "budget": 3, "admitted": 12, "ended": 12, "worker_lost": 2}


def test_what_adds_up_is_said_to() -> None:
    line = line_of(GOOD, {"": 10, "budget": 3})
    assert line.fault is None
    assert (line.received, line.pairs, line.open, line.recording) == (100, 10, 0, 0)
    assert line.received == sum(line.uncaptured.values()) + sum(line.skips.values()) + line.pairs + sum(
        line.lost.values()
    )


@pytest.mark.parametrize("state", [*sorted(UNCAPTURED), *SKIPS, "admitted"])
@pytest.mark.parametrize("change", [-1, 1])
def test_one_request_too_few_or_too_many_in_any_state_is_found(state: str, change: int) -> None:
    """The check fails for each term of the sum, in both directions."""
    counts: dict[str, int] = {"received": 200, **dict.fromkeys((*UNCAPTURED, *SKIPS), 3)}
    counts |= {"admitted": 200 - 3 * (len(UNCAPTURED) + len(SKIPS))}
    rows = {"": counts["admitted"]}
    assert line_of(counts, rows).adds_up
    assert not line_of({**counts, state: counts[state] + change}, rows).adds_up


def test_a_pair_that_is_not_there_is_found() -> None:
    line = line_of(GOOD, {"": 9})
    assert line.fault == "1 admitted requests are neither pairs nor counted as lost"


def test_pairs_that_were_erased_are_pairs_still() -> None:
    line = line_of({**GOOD, "erased": 4}, {"": 6, "budget": 3})
    assert (line.pairs, line.adds_up) == (10, True)
    assert not line_of({**GOOD, "erased": 4}, {"": 7}).adds_up


def test_a_pair_too_many_is_found() -> None:
    line = line_of(GOOD, {"": 11})
    assert line.fault == "1 more pairs and losses than requests that were admitted"


def test_pairs_without_any_count_are_found() -> None:
    assert line_of({}, {"": 1}).fault == "1 more pairs and losses than requests that were admitted"


def test_rows_of_skips_that_nobody_counted_are_found() -> None:
    assert line_of(GOOD, {"": 10, "budget": 4}).fault == "4 rows of skips, but 3 were counted"


def test_skips_without_a_row_are_no_fault() -> None:
    """When the capture log is full there is nowhere to write the primary's side."""
    assert line_of({"received": 5, "capture_full": 5}, {}).adds_up


UNDER_WAY = {"received": 20, "admitted": 20, "ended": 15}


def test_requests_under_way_are_open_or_on_their_way_to_the_store() -> None:
    now = Patience(HOUR + timedelta(minutes=62), timedelta(minutes=6), quiet=False)
    line = line_of(UNDER_WAY, {"": 12}, now)
    assert line.adds_up
    assert (line.pairs, line.recording, line.open) == (12, 3, 5)


def test_requests_cannot_be_under_way_for_ever() -> None:
    assert not line_of(UNDER_WAY, {"": 12}, LATER).adds_up


def test_nothing_is_under_way_when_all_is_quiet() -> None:
    quiet = Patience(HOUR + timedelta(minutes=62), timedelta(minutes=6), quiet=True)
    assert not line_of(UNDER_WAY, {"": 12}, quiet).adds_up


def test_counts_and_rows_may_disagree_for_seconds_and_not_for_minutes() -> None:
    ahead = {"received": 10, "admitted": 10, "ended": 10}
    soon = Patience(HOUR + timedelta(minutes=59, seconds=10), timedelta(minutes=6), quiet=False)
    assert line_of(ahead, {"": 12}, soon).adds_up
    late = Patience(HOUR + timedelta(minutes=60), timedelta(minutes=6), quiet=False)
    assert not line_of(ahead, {"": 12}, late).adds_up


def test_a_dead_workers_ended_requests_are_lost_and_not_recording() -> None:
    counts = {"received": 10, "admitted": 10, "ended": 9, "worker_lost": 4}
    line = line_of(counts, {"": 6})
    assert (line.recording, line.open, line.fault) == (0, 0, None)


def test_every_hour_and_candidate_is_a_line() -> None:
    next_hour = HOUR + timedelta(hours=1)
    store = HourRows(
        {
            (HOUR, "swift", "received"): (1, HOUR),
            (HOUR, "swift", "unsampled"): (1, HOUR),
            (next_hour, "sage", "received"): (2, next_hour),
            (next_hour, "sage", "unsampled"): (1, next_hour),
        },
        {},
    )
    lines = audit(store, LATER)
    assert [(line.hour, line.candidate, line.adds_up) for line in lines] == [
        (HOUR, "swift", True),
        (next_hour, "sage", False),
    ]
    assert lines[1].fault == "received 2, but the states of these requests add up to 1"


def test_an_empty_store_has_no_lines() -> None:
    assert audit(HourRows({}, {}), LATER) == ()


def test_what_the_capture_log_still_holds_explains_what_is_missing() -> None:
    """A recorder that died has read one part and not the other: rows may be ahead of counts, or behind them."""
    unread = Patience(LATER.now, LATER.in_flight, quiet=False, unread=2)
    assert line_of(GOOD, {"": 9}, unread).adds_up
    assert line_of(GOOD, {"": 11}, unread).adds_up
    assert line_of({}, {"": 1}, unread).adds_up
