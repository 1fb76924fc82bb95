"""The metrics page, read back by Prometheus' own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from cli.supervisor.boards import BoardTotals
from cli.supervisor.families import parse_figure
from cli.supervisor.keeper import RoleStatus
from cli.supervisor.metrics import families, page
from cli.supervisor.plan import RoleSpec

RECORDER = RoleStatus(
    RoleSpec("recorder", "recorder"), is_ready=True, restarts=3, figures={"shadowbench_lag_seconds": 0.5}
)
Sample = tuple[str, tuple[tuple[str, str], ...], float]


def read_back(text: bytes) -> set[Sample]:
    found = text_string_to_metric_families(text.decode())
    return {(s.name, tuple(sorted(s.labels.items())), s.value) for family in found for s in family.samples}


def test_roles_states_and_figures_stand_on_the_page() -> None:
    totals = BoardTotals(
        states={("proxy-0", "llama", "received"): 7},
        figures={
            ("proxy-0", 'shadowbench_primary_responses_total{class="2xx"}'): 6,
            ("proxy-0", "shadowbench_open"): 0,
        },
        read_at=12.5,
    )
    assert read_back(page(families("1.2.3", [RECORDER], totals, {}))) == {
        ("shadowbench_build_info", (("version", "1.2.3"),), 1),
        ("shadowbench_role_up", (("name", "recorder"), ("role", "recorder")), 1),
        ("shadowbench_role_restarts_total", (("name", "recorder"), ("role", "recorder")), 3),
        ("shadowbench_lag_seconds", (("name", "recorder"),), 0.5),
        ("shadowbench_requests_total", (("candidate", "llama"), ("state", "received"), ("worker", "proxy-0")), 7),
        ("shadowbench_primary_responses_total", (("class", "2xx"), ("worker", "proxy-0")), 6),
        ("shadowbench_open", (("worker", "proxy-0"),), 0),
        ("shadowbench_boards_read_timestamp_seconds", (), 12.5),
        ("shadowbench_boards_unreadable", (), 0),
    }


def test_totals_are_counters_and_the_rest_gauges() -> None:
    text = page(families("1", [RECORDER], BoardTotals(), {})).decode()
    assert "# TYPE shadowbench_role_restarts_total counter" in text
    assert "# TYPE shadowbench_role_up gauge" in text


def test_boards_that_were_never_read_are_absent_not_zero() -> None:
    assert b"shadowbench_boards_unreadable" not in page(families("1", [], BoardTotals(), {}))


def test_a_figure_that_cannot_be_read_does_not_cost_the_page() -> None:
    broken = RoleStatus(RECORDER.spec, is_ready=True, restarts=0, figures={'x{y="': 1, "": 2, "good": 3})
    names = {name for name, _, _ in read_back(page(families("1", [broken], BoardTotals(), {})))}
    assert "good" in names
    assert "x" not in names


@pytest.mark.parametrize("figure", ["", "1a", "a{", "a{b}", 'a{b="c}', 'a{b="c"}d', "a b"])
def test_what_is_no_figure_is_refused(figure: str) -> None:
    with pytest.raises(ValueError, match=r"no metric|cannot be read"):
        parse_figure(figure)


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=3))
def test_any_label_value_survives(labels: dict[str, str]) -> None:
    """Written as Prometheus' text format escapes them."""
    escaped = {k: v.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for k, v in labels.items()}
    text = ",".join(f'{k}="{v}"' for k, v in escaped.items())
    assert parse_figure(f"name{{{text}}}") == ("name", labels)
