"""Histograms on the page of metrics: counted on boards by the product's own figures, read by Prometheus' own parser."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from cli.supervisor.boards import Boards, BoardTotals
from cli.supervisor.candidate_leases import Limits
from cli.supervisor.catalogue import METRICS
from cli.supervisor.leases import CandidateState
from cli.supervisor.leasing import LeasingStatus
from cli.supervisor.metrics import families, page
from proxy import figures as names
from proxy.figures import LATENCY_BOUNDS_NS, OVERHEAD_BOUNDS_NS, Figures, Histogram, figure_names, histogram_names
from proxy.recorder.spend_file import CandidateSpend
from proxy.shadow.capture.board import Board, board_path
from tests.fakes.boards import kept_board

LISTED = figure_names(("llama", "qwen"))
MS = 10**6


class Worker:
    """The figures of one life of a worker."""

    def __init__(self, stack: ExitStack, directory: Path, number: int, name: str = "proxy-0") -> None:
        board = kept_board(directory, UUID(int=number), name, ("llama", "qwen"), LISTED)
        self.board = stack.enter_context(closing(board))
        self.figures = Figures(LISTED, self.board)

    def observe(self, name: str, *values_ns: int, bounds_ns: tuple[int, ...] = LATENCY_BOUNDS_NS) -> None:
        histogram = Histogram(self.figures, name, bounds_ns)
        for value_ns in values_ns:
            histogram.observe(self.figures, value_ns)
        self.figures.flush()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def shown(totals: BoardTotals, leasing: LeasingStatus | None = None) -> dict[str, Metric]:
    text = page(families("1", [], totals, {}, leasing)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples(family: Metric, suffix: str) -> dict[tuple[str | None, str | None], float]:
    """(candidate, le) -> value."""
    return {(s.labels.get("candidate"), s.labels.get("le")): s.value for s in family.samples if s.name.endswith(suffix)}


def test_latencies_are_histograms_in_seconds_over_all_workers(tmp_path: Path, stack: ExitStack) -> None:
    one, other = Worker(stack, tmp_path, 1), Worker(stack, tmp_path, 2, "proxy-1")
    one.observe(names.PRIMARY_TOTAL, 3 * MS, 5 * MS, 5 * MS + 1)
    other.observe(names.PRIMARY_TOTAL, 40 * MS, 10**12)
    family = shown(Boards(tmp_path).read())["shadowbench_primary_duration_seconds"]
    assert family.type == "histogram"
    buckets = samples(family, "_bucket")
    assert [buckets[None, le] for le in ("0.002", "0.005", "0.01", "0.05", "500.0", "+Inf")] == [0, 2, 3, 4, 4, 5]
    assert samples(family, "_count") == {(None, None): 5}
    assert samples(family, "_sum")[None, None] == pytest.approx(0.003 + 0.005 + 0.005 + 0.04 + 1000, abs=1e-8)


def test_candidates_have_histograms_of_their_own(tmp_path: Path, stack: ExitStack) -> None:
    worker = Worker(stack, tmp_path, 1)
    worker.observe(names.candidate_first_byte("llama"), 20 * MS)
    worker.observe(names.candidate_first_byte("qwen"), 30 * MS, 40 * MS)
    family = shown(Boards(tmp_path).read())["shadowbench_candidate_first_byte_seconds"]
    assert samples(family, "_count") == {("llama", None): 1, ("qwen", None): 2}
    assert samples(family, "_sum")["qwen", None] == pytest.approx(0.07)


def test_a_histogram_without_values_is_shown_as_such(tmp_path: Path, stack: ExitStack) -> None:
    Worker(stack, tmp_path, 1)
    family = shown(Boards(tmp_path).read())["shadowbench_added_overhead_seconds"]
    assert samples(family, "_count") == {(None, None): 0}
    assert len(samples(family, "_bucket")) == len(OVERHEAD_BOUNDS_NS) + 1


def test_no_counter_or_bucket_falls_when_a_worker_starts_again_and_its_board_is_put_away(
    tmp_path: Path, stack: ExitStack
) -> None:
    boards = Boards(tmp_path)
    before: dict[tuple[object, ...], float] = {}
    old = Worker(stack, tmp_path, 1)
    old.observe(names.PRIMARY_TOTAL, 3 * MS)
    old.figures.add(old.figures.index(names.CLIENT_REQUEST_BYTES), 7)
    new = old
    for event in ("counted", "started again", "put away", "counted again"):
        if event == "started again":
            new = Worker(stack, tmp_path, 2)
        elif event == "put away":
            board_path(tmp_path, old.board.header.stream).unlink()
        elif event == "counted again":
            new.observe(names.PRIMARY_TOTAL, 3 * MS)
        now: dict[tuple[object, ...], float] = {
            (s.name, *sorted(s.labels.items())): s.value
            for family in shown(boards.read()).values()
            for s in family.samples
            if family.type in {"counter", "histogram"}
        }
        assert all(now[sample] >= value for sample, value in before.items()), event
        before = now
    assert before["shadowbench_primary_duration_seconds_count",] == 2
    assert before["shadowbench_client_request_body_bytes_total", ("worker", "proxy-0")] == 7


def test_gauges_in_nanoseconds_are_shown_in_seconds(tmp_path: Path, stack: ExitStack) -> None:
    worker = Worker(stack, tmp_path, 1)
    worker.figures.set(worker.figures.index(names.LOOP_LAG), 1_500_000)
    (sample,) = shown(Boards(tmp_path).read())["shadowbench_loop_lag_peak_seconds"].samples
    assert (sample.labels, sample.value) == ({"worker": "proxy-0"}, 0.0015)


def test_every_metric_of_a_worker_keeps_to_the_conventions_and_is_documented(tmp_path: Path, stack: ExitStack) -> None:
    """Base units, `_total` for counters and for nothing else, one unit per name."""
    Worker(stack, tmp_path, 1)
    found = shown(Boards(tmp_path).read())
    assert len(found) > 20
    for name, family in found.items():
        full = f"{name}_total" if family.type == "counter" else name
        assert full in METRICS, full
        assert family.documentation == METRICS[full]
        assert not any(unit in name for unit in ("nanosecond", "millisecond", "_ms", "_ns", "_us", "kilobyte"))
        assert ("_bytes" in name) == name.endswith("_bytes")
        assert "_seconds" not in name or name.endswith("_seconds")
        if family.type != "counter":
            assert not name.endswith(("_total", "_count", "_sum", "_bucket"))


@given(st.integers(0, 10**13), st.sampled_from([LATENCY_BOUNDS_NS, OVERHEAD_BOUNDS_NS]))
def test_a_value_falls_into_the_first_bucket_that_holds_it(value_ns: int, bounds_ns: tuple[int, ...]) -> None:
    listed = histogram_names("shadowbench_x_nanoseconds", bounds_ns)
    with closing(Board(UUID(int=1), "w", (), listed)) as board:
        figures = Figures(listed, board)
        Histogram(figures, "shadowbench_x_nanoseconds", bounds_ns).observe(figures, value_ns)
        figures.flush()
        cells = {name: board.figure(index) for index, name in enumerate(listed)}
    les = [bound for bound in bounds_ns if value_ns <= bound]
    assert cells[f'shadowbench_x_nanoseconds_bucket{{le="{les[0] if les else "+Inf"}"}}'] == 1
    assert cells["shadowbench_x_nanoseconds_sum"] == value_ns
    assert sum(cells.values()) == 1 + value_ns


def test_figures_that_every_worker_has_lie_in_the_same_place_on_every_board() -> None:
    """A reload moves counting to another board, whose candidates may be others."""
    common = figure_names(())
    assert figure_names(("a", "b"))[: len(common)] == common
    assert len(set(LISTED)) == len(LISTED)


def test_a_board_whose_last_bucket_is_missing_shows_no_histogram() -> None:
    totals = BoardTotals(figures={("proxy-0", 'shadowbench_x_seconds_bucket{le="5"}'): 1})
    assert samples(shown(totals)["shadowbench_x_seconds"], "_bucket") == {}


def test_leases_stand_on_the_page_and_what_is_unknown_is_absent() -> None:
    limits = Limits(4, Decimal("2.5"), 60)
    spend = CandidateSpend(cost_usd=Decimal("1.25"), unpriced=1)
    known = LeasingStatus({"llama": CandidateState(limits, spend, 7, 3)}, 3.5, 2)
    found = shown(BoardTotals(), known)
    values = {name: family.samples[0].value for name, family in found.items() if "budget" in name or "lease" in name}
    assert values == {
        "shadowbench_budget_usd": 2.5,
        "shadowbench_budget_spent_usd": 1.25,
        "shadowbench_budget_unpriced_copies": 1,
        "shadowbench_lease_unused_copies": 7,
        "shadowbench_lease_refused_copies": 3,
        "shadowbench_lease_reading_age_seconds": 3.5,
        "shadowbench_lease_machines": 2,
    }
    assert found["shadowbench_rate_limit_per_minute"].samples[0].value == 60
    unknown = shown(BoardTotals(), LeasingStatus({"llama": CandidateState(limits, None, 0, 0)}, None, None))
    assert "shadowbench_budget_spent_usd" not in unknown
    assert "shadowbench_lease_reading_age_seconds" not in unknown
    assert all(name in METRICS or f"{name}_total" in METRICS for name in found)


def test_a_tally_reaches_the_board_with_the_next_flush_and_a_full_cell_stays_full(
    tmp_path: Path, stack: ExitStack
) -> None:
    worker = Worker(stack, tmp_path, 1)
    at = worker.figures.index(names.CLIENT_REQUEST_BYTES)
    worker.figures.tally(at, 5)
    assert worker.figures.get(at) == 0
    for _ in range(2):
        worker.figures.flush()
        assert worker.figures.get(at) == 5
    worker.figures.tally(at, 2**64)
    worker.figures.flush()
    assert worker.figures.get(at) == 2**64 - 1
