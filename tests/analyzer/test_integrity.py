import pytest

from analyzer import integrity
from analyzer.integrity import Missing, SampleRatio
from analyzer.source import Experiment
from record.states import CLASS_OF, LOST, SKIPS, State, StateClass
from tests.analyzer.rows import START


def experiment(pairs: int = 100, *, low: float = 0.1, high: float = 0.1, failures: int = 0) -> Experiment:
    return Experiment("swift", "e1", pairs, START, START, low, high, 0, 0, 0, 0, failures)


COUNTED = {
    "received": 1000,
    "no_match": 200,
    "unsampled": 700,
    "budget": 4,
    "breaker_open": 3,
    "memory": 2,
    "admitted": 91,
}


def test_open_is_what_was_admitted_and_is_neither_pair_nor_lost() -> None:
    states = integrity.states_with_rows({**COUNTED, "worker_lost": 5, "ended": 90}, pairs=80)
    assert (states["open"], states["pair"], states["received"]) == (91 - 80 - 5, 80, 1000)
    assert "admitted" not in states
    assert "ended" not in states


def test_every_received_request_is_in_one_state() -> None:
    states = integrity.states_with_rows(COUNTED, pairs=80)
    assert sum(count for name, count in states.items() if name != "received") == states["received"]


def test_without_counters_nothing_is_claimed_but_the_pairs() -> None:
    assert integrity.states_with_rows({}, pairs=7) == {"pair": 7}
    assert integrity.states_with_rows({}, pairs=0) == {}


def test_the_share_is_taken_of_what_could_have_been_sampled() -> None:
    ratio = integrity.sample_ratio(COUNTED, [experiment()], 1.0)
    assert (ratio.expected, ratio.observed) == (0.1, 100 / 800)
    assert ratio.p_value is not None


def test_a_share_that_changed_is_not_tested() -> None:
    ratio = integrity.sample_ratio(COUNTED, [experiment(low=0.1, high=0.2)], 1.0)
    assert (ratio.expected, ratio.observed, ratio.p_value) == (None, 0.125, None)


def test_without_counts_the_ratio_is_unknown() -> None:
    assert integrity.sample_ratio({}, [experiment()], 1.0) == SampleRatio()


def test_missing_is_split_by_whose_fault_it_is() -> None:
    lost = integrity.missing(COUNTED)
    assert (lost.by_design, lost.candidate, lost.ours) == (4, 3, 2)
    assert lost.ours_share == pytest.approx(2 / 100)


@pytest.mark.parametrize("state", [*SKIPS, *LOST])
def test_every_state_without_a_pair_is_somebodys(state: State) -> None:
    lost = integrity.missing({"received": 1, state.value: 1})
    by_class = {StateClass.BY_DESIGN: lost.by_design, StateClass.CANDIDATE: lost.candidate, StateClass.OURS: lost.ours}
    assert by_class == {cls: int(CLASS_OF[state] is cls) for cls in by_class}


UNKNOWN = SampleRatio()
NONE_LOST = Missing(0, 0, 0, 0.0)


def _warnings(
    ratio: SampleRatio = UNKNOWN,
    lost: Missing = NONE_LOST,
    *experiments: Experiment,
    open_now: int = 0,
) -> str:
    return "\n".join(integrity.warnings(ratio, lost, None, experiments, {"open": open_now}))


def test_a_quiet_candidate_has_no_warnings() -> None:
    assert _warnings(SampleRatio(0.1, 0.101, 0.4), Missing(5, 1, 0, 0.0), experiment()) == ""


def test_a_mismatched_sample_is_warned_of() -> None:
    assert "sampled 12.5 % instead of 10 %" in _warnings(SampleRatio(0.1, 0.125, 1e-5))


def test_own_losses_above_one_percent_are_warned_of() -> None:
    assert "shadowbench itself lost 30" in _warnings(SampleRatio(), Missing(0, 0, 30, 0.03))
    assert _warnings(SampleRatio(), Missing(0, 0, 5, 0.005)) == ""


def test_earlier_experiments_and_open_requests_are_warned_of() -> None:
    text = _warnings(SampleRatio(0.1, 0.1, 1.0), Missing(0, 0, 0, 0.0), experiment(40), experiment(60), open_now=3)
    assert "40 pairs of earlier experiments" in text
    assert "3 requests are still under way" in text


def test_failures_narrow_what_latency_speaks_of() -> None:
    assert "the candidate in 9 of 100" in _warnings(UNKNOWN, NONE_LOST, experiment(failures=9))
