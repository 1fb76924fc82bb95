"""A verdict can be computed again by anybody, and nothing in it can be changed without that being seen."""

import contextlib
import copy
import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.difference import differences
from analyzer.figures import Figures, WeighedSums
from analyzer.filed.reading import read_pairs
from analyzer.gathering import gather
from analyzer.metrics import METRICS
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.report.json_form import digest, report_id
from analyzer.study import study
from analyzer.verdict_file import VerdictFileError, contents, encoded, load, verify
from config.policy import Policy
from store.transfer.reading import PairsFile
from tests.cli.pairs_files import START, pairs_file

POLICY = Policy.model_validate(
    {
        "primary_metrics": [{"metric": "total_ms", "estimand": "p50", "margin": "5%"}],
        "guardrails": [{"metric": "error_rate", "margin": 0.02}],
        "minimum": {"pairs": 200},
        "planned_pairs": 1000,
    }
)
Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, Plan]:
    folder = tmp_path_factory.mktemp("verdict")
    tenants = {"labels": {"tenant": "acme"}}
    path = pairs_file(folder / "p.jsonl", 420, error_share=0.02, more=lambda _: tenants)
    pairs_file(path, 300, candidate="sage", speed=1.3, seed=8)
    pairs_file(path, 300, candidate="control", speed=1.0, seed=9)
    source = read_pairs(PairsFile(path), block_s=60.0, on_row=lambda _: None)
    plan = Plan(source.window(), ("swift", "sage"), policy=POLICY, block_s=60.0, config_digest="c0ffee")
    return gather(source, plan, Setting(), now=START + timedelta(days=1)), plan


@pytest.fixture(scope="module")
def verdict(gathered: tuple[Figures, Plan]) -> dict[str, Any]:
    figures, plan = gathered
    values: dict[str, Any] = json.loads(
        encoded(contents(figures, plan, study(figures, plan), shadowbench="1.2.3"), "v.json")
    )
    return values


def checked(values: dict[str, Any]) -> tuple[str, ...]:
    return verify(values, METRICS, shadowbench="1.2.3").differences


def redigested(values: dict[str, Any]) -> dict[str, Any]:
    """As somebody would who knows how digests are made."""
    values["report"]["id"] = report_id(values["report"])
    for part in ("policy", "figures", "report"):
        values[f"{part}_digest"] = digest(values[part])
    values["digest"] = digest({name: value for name, value in values.items() if name != "digest"})
    return values


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def at(values: Any, path: Path_) -> Any:
    for step in path:
        values = values[step]
    return values


def changed(values: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(values)
    at(copied, path[:-1])[path[-1]] = value
    return copied


def another(value: Any) -> Any:
    """Of the same kind, and plainly different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.001 + 1e-6
    return f"{value}x" if isinstance(value, str) else 1


def test_what_was_written_verifies(verdict: dict[str, Any]) -> None:
    found = verify(verdict, METRICS, shadowbench="1.2.3")
    assert (found.differences, found.notes) == ((), ())
    assert found.exit_code == {"pass": 0, "fail": 1, "undecided": 2}[verdict["result"]]
    assert set(found.decisions) == {"swift", "sage"}


def test_the_file_says_what_decided_and_what_it_was_computed_from(verdict: dict[str, Any]) -> None:
    assert verdict["policy"] == POLICY.model_dump(mode="json")
    assert verdict["policy_digest"] == digest(verdict["policy"])
    assert verdict["config_digest"] == "c0ffee"
    assert set(verdict["versions"]) == {"shadowbench", "numpy", "scipy", "python", "store"}
    assert verdict["window"]["asked"] == {"since": "2026-03-01T10:00:00Z", "until": "2026-03-01T10:20:58Z"}
    assert set(verdict["figures"]["compared"]) == {"swift", "sage", "control"}
    assert sum(verdict["figures"]["compared"]["swift"]["blocks"]["sums"]["pairs"]) == 420


def test_figures_survive_the_file(gathered: tuple[Figures, Plan], tmp_path: Path) -> None:
    """To the last digit, with numbers that JSON cannot write."""
    figures, plan = gathered
    odd = WeighedSums((0,), (1,), ((math.inf, -math.inf, 1e300, 0.1),), ((0.0,) * 16,), math.nan)
    swift = figures.compared["swift"]
    others = tuple(replace(o, blocks=odd, buckets=odd) for o in swift.others)
    figures = replace(figures, compared={**figures.compared, "swift": replace(swift, others=others)})
    path = tmp_path / "v.json"
    path.write_bytes(encoded(contents(figures, plan, study(figures, plan), shadowbench="1.2.3"), path.name))
    assert checked(load(path)) == ()


def test_a_verdict_about_one_of_several_candidates_verifies(gathered: tuple[Figures, Plan]) -> None:
    """Its p-values are corrected over all of them, and the others are not in its report."""
    figures, plan = gathered
    plan = replace(plan, shown=("sage",))
    values = contents(figures, plan, study(figures, plan), shadowbench="1.2.3")
    found = verify(json.loads(encoded(values, "v.json")), METRICS, shadowbench="1.2.3")
    assert (found.differences, set(found.decisions)) == ((), {"sage"})


def test_every_part_of_a_plan_is_in_the_file(verdict: dict[str, Any]) -> None:
    own = {field.name for field in fields(Plan)}
    assert own - {"policy", "config_digest"} == set(verdict["plan"])


@pytest.mark.parametrize("name", ["v.json", "v.json.gz"])
def test_a_file_is_read_back_packed_or_not(name: str, verdict: dict[str, Any], tmp_path: Path) -> None:
    data = encoded(verdict, name)
    assert data.startswith(b"\x1f\x8b") == name.endswith(".gz")
    assert encoded(verdict, name) == data, "equal verdicts have equal bytes"
    (tmp_path / "renamed").write_bytes(data)
    assert load(tmp_path / "renamed") == verdict


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_change_of_anything_is_seen(verdict: dict[str, Any], data: st.DataObject) -> None:
    """One figure, one rule, one number, one word, wherever it stands."""
    parts = sorted(verdict)
    part = data.draw(st.sampled_from(parts))
    path = (part, *data.draw(st.sampled_from(list(leaves(verdict[part])))))
    altered = changed(verdict, path, another(at(verdict, path)))
    with contextlib.suppress(VerdictFileError):
        assert checked(altered)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_changed_report_is_seen_though_every_digest_was_made_anew(
    verdict: dict[str, Any], data: st.DataObject
) -> None:
    """It does not follow from figures and policy."""
    names = [n for n in verdict["report"] if n not in {"id", "schema_version", "versions"}]
    name = data.draw(st.sampled_from(names))
    within = list(leaves(verdict["report"][name]))
    if not within:
        return
    path = ("report", name, *data.draw(st.sampled_from(within)))
    altered = redigested(changed(verdict, path, another(at(verdict, path))))
    lines = checked(altered)
    assert lines
    assert all(line.startswith(("report.", "window.")) for line in lines)
    assert len(lines) == 1, "and only that one is named"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_changed_policy_is_seen_though_every_digest_was_made_anew(
    verdict: dict[str, Any], data: st.DataObject
) -> None:
    path = ("policy", *data.draw(st.sampled_from(list(leaves(verdict["policy"])))))
    altered = redigested(changed(verdict, path, another(at(verdict, path))))
    with contextlib.suppress(VerdictFileError):
        assert any(line.startswith("report.policy") for line in checked(altered))


@pytest.mark.parametrize(
    "path",
    [
        ("figures", "compared", "swift", "blocks", "sums", "total_us_n", 3),
        ("figures", "compared", "swift", "totals", "error_n"),
        ("figures", "compared", "swift", "quantiles", 0, "at", "candidate_ms"),
        ("figures", "generated_at"),
        ("figures", "experiments", "swift", 0, "pairs"),
        ("plan", "kind"),
    ],
)
def test_a_changed_figure_gives_another_report(verdict: dict[str, Any], path: Path_) -> None:
    """The report names what does not follow any more."""
    before = at(verdict, path)
    after = {"anytime": "fixed", verdict["figures"]["generated_at"]: "2027-01-01T00:00:00Z"}.get(before) or another(
        before
    )
    lines = checked(redigested(changed(verdict, path, after)))
    assert lines
    assert all(line.startswith("report.") for line in lines)


def test_rounding_of_another_processor_is_no_difference(verdict: dict[str, Any]) -> None:
    path = ("report", "candidates", 0, "metrics", 0, "difference")
    number = at(verdict, path)
    assert isinstance(number, float)
    assert checked(redigested(changed(verdict, path, number * (1 + 1e-11)))) == ()
    (line,) = checked(redigested(changed(verdict, path, number * (1 + 1e-8))))
    assert line.startswith("report.candidates[swift].metrics[total_ms mean].difference: stored ")


@pytest.mark.parametrize(("name", "value"), [("exit_code", 0), ("result", "pass"), ("decisions", {"swift": "promote"})])
def test_a_better_result_is_not_taken_from_the_file(verdict: dict[str, Any], name: str, value: object) -> None:
    assert verdict[name] != value
    lines = checked(redigested(changed(verdict, (name,), value)))
    assert lines
    assert lines[0].startswith(name)


def test_other_versions_are_a_note_and_no_difference(verdict: dict[str, Any]) -> None:
    found = verify(verdict, METRICS, shadowbench="9.9.9")
    assert found.differences == ()
    assert found.notes == ("the verdict was made with shadowbench 1.2.3 (here 9.9.9)",)


def test_a_metric_that_is_not_known_here_is_named(verdict: dict[str, Any]) -> None:
    with pytest.raises(VerdictFileError, match="needs the metric judge_score mean"):
        verify(verdict, [m for m in METRICS if m.name != "judge_score"], shadowbench="1.2.3")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "is no verdict file"),
        (b'{"kind": "another"}', "is no verdict file"),
        (b'{"kind": "shadowbench verdict", "schema_version": 2}', "schema version 2"),
        (b'{"kind": "shadowbench verdict", "schema_version": true}', "schema version True"),
        (b'{"kind": "shadowbench verdict", "schema_version": 1}', "'plan' is missing"),
        (b'{"kind": "shadowbench verdict", "schema_version": 1, "plan": NaN}', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (gzip.compress(b"{}" * 1000)[:-9], "cannot be unpacked"),
        (b"\x1f\x8bnothing", "cannot be unpacked"),
    ],
)
def test_what_is_no_verdict_file_is_said_in_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(data)
    with pytest.raises(VerdictFileError, match=said) as error:
        load(tmp_path / "v")
    assert "\n" not in str(error.value)


def test_a_small_file_cannot_unpack_to_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.verdict_file.MAX_BYTES", 2**20)
    for name, data in (("packed", gzip.compress(b" " * 2**21)), ("plain", b" " * (2**20 + 1))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VerdictFileError, match="holds more than 1 MiB"):
            load(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(VerdictFileError, match="No such file"):
        load(tmp_path / "none")


@pytest.mark.parametrize("part", ["figures", "plan"])
def test_parts_that_are_not_what_they_should_be_are_damage(verdict: dict[str, Any], part: str) -> None:
    with pytest.raises(VerdictFileError, match=f"damaged: {part}"):
        verify(redigested(changed(verdict, (part,), {})), METRICS, shadowbench="1.2.3")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert differences(value, json.loads(json.dumps(value))) == []


@pytest.mark.parametrize(
    ("stored", "computed", "lines"),
    [
        (1, True, [": stored 1, computed True"]),
        (1, 1.0, []),
        (0.1 + 0.2, 0.3, []),
        (1.0, None, [": stored 1.0, computed None"]),
        ({"a": 1}, {}, ["a: stored 1, computed nothing"]),
        ({}, {"a": 1}, ["a: stored nothing, computed 1"]),
        ([1], [1, 2], [": stored 1 entries, computed 2"]),
        ({"m": [{"metric": "x", "estimand": "p95", "n": 1}]}, {"m": [{"metric": "x", "estimand": "p95", "n": 2}]},
         ["m[x p95].n: stored 1, computed 2"]),
    ],
)  # fmt: skip
def test_each_difference_has_one_line(stored: object, computed: object, lines: list[str]) -> None:
    assert differences(stored, computed) == lines
