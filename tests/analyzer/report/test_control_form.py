"""What the report says of the primary against itself: consistent with its table, corrected for many looks."""

from collections.abc import Sequence

import pytest

from analyzer import integrity
from analyzer.comparison import Comparison
from analyzer.measures import MEASURES
from analyzer.report.control_form import control_text
from analyzer.source import Experiment
from analyzer.stats.interval import Interval
from tests.analyzer.rows import START

EXPERIMENT = Experiment("control", "e0", 800, START, START, 0.1, 0.1, 0, 0, 0, 0, 0)


def text_of(p_values: Sequence[float]) -> str:
    """Of metrics in the order of the table; an interval leaves out 0 where its p-value is below 5 %."""
    rows = [
        Comparison(measure, 0.95, 800, 20, interval=Interval(1.0 if p < 0.05 else -1.0, 2.0), p_value=p)
        for measure, p in zip(MEASURES, p_values, strict=False)
    ]
    return control_text(integrity.control(EXPERIMENT, rows))


CLEAN = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


@pytest.mark.parametrize(
    ("p_values", "said"),
    [
        (
            [0.3, 0.9, *CLEAN],
            (
                "800 pairs, none of 9 metrics differs at 95 % by itself, so none after correcting for 9 looks (Holm), "
                "as it should be"
            ),
        ),
        # 9 * 0.03 = 0.27
        (
            [0.3, 0.03, *CLEAN],
            (
                "800 pairs, 1 of 9 metrics differs at 95 % by itself (time to first token), none after correcting for "
                "9 looks (Holm), as it should be"
            ),
        ),
        # 9 * 0.01 = 0.09; 8 * 0.02 = 0.16
        (
            [0.01, 0.02, *CLEAN],
            (
                "800 pairs, 2 of 9 metrics differ at 95 % each by itself (time to last byte, time to first token), "
                "none after correcting for 9 looks (Holm), as it should be"
            ),
        ),
        # 9 * 0.001 = 0.009; 8 * 0.02 = 0.16
        (
            [0.02, 0.001, *CLEAN],
            (
                "800 pairs, 2 of 9 metrics differ at 95 % each by itself (time to last byte, time to first token), 1 "
                "after correcting for 9 looks (Holm): time to first token, so the setup favours an arm there"
            ),
        ),
        (
            [0.04],
            (
                "800 pairs, 1 of 1 metric differs at 95 % by itself (time to last byte), 1 after correcting for 1 look "
                "(Holm): time to last byte, so the setup favours an arm there"
            ),
        ),
        ([], "800 pairs, too little yet for a check of the setup"),
    ],
)
def test_the_line_names_what_the_table_shows_and_what_is_left_of_it(p_values: Sequence[float], said: str) -> None:
    assert text_of(p_values) == said
