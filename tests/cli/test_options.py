"""The window of commands that read."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from analyzer.moments import FIRST, LAST, Moment
from cli.commands.options import MomentType, window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def moment(text: str) -> Moment:
    return MomentType().convert(text, None, None)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("24h", "now", (NOW - timedelta(hours=24), NOW)),
        ("2h", "30m", (NOW - timedelta(hours=2), NOW - timedelta(minutes=30))),
        ("2026-02-28T01:00+02:00", "now", (datetime(2026, 2, 27, 23, tzinfo=UTC), NOW)),
        ("0001-01-01", "9999-12-31T23:59:59", (FIRST, LAST)),
        ("36500d", "now", (FIRST, NOW)),
    ],
)
def test_both_ends(since: str, until: str, expected: tuple[datetime, datetime]) -> None:
    asked = window(moment(since), moment(until), NOW)
    assert (asked.since, asked.until) == expected


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("1h", "2h", "ends (2026-03-01 10:00:00) before it starts (2026-03-01 11:00:00)"),
        ("now", "now", "before it starts"),
        ("2026-03-02", "2026-03-03", "the window begins (2026-03-02 00:00:00 UTC) after now: nothing can be in it"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(since: str, until: str, said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        window(moment(since), moment(until), NOW)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "tomorrow", "-5m", "5", "99999999d", "2026-13-01", "0001-01-01T00:00+05:00"])
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no time; write how long ago"):
        moment(text)
