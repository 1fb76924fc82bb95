"""What a file compares: every field of an experiment, by a plain loop over its rows."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from analyzer.filed.rows import rows_loaded
from analyzer.filed.source import FilePairs
from analyzer.source import Experiment, Window
from tests.analyzer.filed.making import varied
from tests.analyzer.rows import START, random_rows, skip_row


def described(candidate: str, experiment: str, rows: Sequence[Mapping[str, Any]]) -> Experiment:
    aborted = [row for row in rows if "client_abort" in {row["primary_outcome"], row["candidate_outcome"]}]
    stayed = [row for row in rows if row not in aborted]
    estimated = [(row["primary_tokens_estimated"], row["candidate_tokens_estimated"]) for row in rows]
    return Experiment(
        candidate,
        experiment,
        pairs=len(rows),
        first=min(row["ts"] for row in rows),
        last=max(row["ts"] for row in rows),
        share_low=min(row["sample_share"] for row in rows),
        share_high=max(row["sample_share"] for row in rows),
        held=sum(row["held_ms"] > 0 for row in rows),
        gateway_cached=sum(row["gateway_cache"] for row in rows),
        client_aborts=len(aborted),
        failures_primary=sum(row["primary_outcome"] != "ok" for row in stayed),
        failures_candidate=sum(row["candidate_outcome"] != "ok" for row in stayed),
        estimated_primary=sum(p for p, _ in estimated),
        estimated_candidate=sum(c for _, c in estimated),
        estimated_both=sum(p and c for p, c in estimated),
        estimator_error_primary=estimator_error("primary", rows),
        estimator_error_candidate=estimator_error("candidate", rows),
    )


def estimator_error(arm: str, rows: Sequence[Mapping[str, Any]]) -> float | None:
    names = [f"{arm}_{how}{kind}_tokens" for kind in ("input", "output") for how in ("", "estimated_")]
    known = [[row.get(name) for name in names] for row in rows if not row[f"{arm}_tokens_estimated"]]
    both: list[list[Any]] = [numbers for numbers in known if None not in numbers]
    if len(both) < 30:
        return None
    reported_in, estimated_in, reported_out, estimated_out = (sum(column) for column in zip(*both, strict=True))
    off: float = max(abs(reported_in / estimated_in - 1), abs(reported_out / estimated_out - 1))
    return off


@pytest.mark.parametrize("n", [1, 40, 700])
def test_every_field_of_an_experiment(n: int) -> None:
    rows = varied(n, seed=n)
    for i, row in enumerate(rows):
        row["sample_share"] = 0.05 + 0.01 * (i % 4)
    other = random_rows(20, seed=9, candidate="sage", experiment="e2")
    source = FilePairs(rows_loaded([*rows, *other], what="rows"))
    found = source.experiments(source.window())
    assert found == [described("sage", "e2", other), described("swift", "e1", rows)]


def test_only_what_was_sent_is_a_pair() -> None:
    rows, more = random_rows(30, seed=1), random_rows(5, seed=2, candidate="sage")
    never = [{**skip_row(row, "breaker_open"), "candidate_outcome": "unavailable"} for row in (*rows[:3], *more)]
    source = FilePairs(rows_loaded([*rows, *never], what="rows"))
    assert [(e.candidate, e.pairs) for e in source.experiments(source.window())] == [("swift", 30)]


def test_a_window_without_pairs_has_no_experiments() -> None:
    source = FilePairs(rows_loaded(random_rows(30, seed=1), what="rows"))
    assert source.experiments(Window(START - timedelta(days=2), START)) == []
