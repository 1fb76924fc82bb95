"""Why texts are not there: the setting, their age, or something that nobody can know any more."""

from datetime import UTC, datetime, timedelta

import pytest

from analyzer.dashboard.pairs.missing import why_missing
from config.model import Privacy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "age", "why"),
    [
        ({"bodies": "none"}, timedelta(days=90), "no texts are stored (privacy.bodies is none)"),
        ({}, timedelta(days=15), "texts are kept for 14 d (privacy.retention), and this pair is older"),
        (
            {"retention": "36h"},
            timedelta(hours=37),
            "texts are kept for 1 d 12 h (privacy.retention), and this pair is older",
        ),
        (
            {},
            timedelta(days=13),
            "no texts are stored: none were kept when it was recorded or imported, or they were erased",
        ),
    ],
)
def test_in_one_line(values: dict[str, str], age: timedelta, why: str) -> None:
    assert why_missing(Privacy.model_validate(values), NOW - age, NOW) == why
