"""What is reported has a meaning that is written down, and adds up."""

from decimal import Decimal

from analyzer.judge.figures import BOUNDS_S, Figures
from cli.supervisor.catalogue import JUDGE
from cli.supervisor.families import Families


def filled() -> Figures:
    figures = Figures()
    figures.ended("a", "ok")
    figures.ended("a", "ok")
    figures.ended("a", "judge_is_arm")
    figures.ended("embeddings", "timeout")
    for seconds in (0.01, 0.3, 0.3, 1000.0):
        figures.took("a", seconds)
    figures.pair("judged")
    figures.pair("equal")
    figures.retries["a"] += 1
    figures.paid(Decimal("0.25"))
    figures.paid(None)
    return figures


def names(report: dict[str, float]) -> set[str]:
    bare = {name.partition("{")[0] for name in report}
    return {name.removesuffix("_bucket").removesuffix("_sum") if "call_seconds" in name else name for name in bare}


def test_every_figure_that_is_counted_is_explained() -> None:
    assert names(filled().report({})) <= set(JUDGE)


def test_a_histogram_is_read_as_one() -> None:
    families = Families()
    for name, value in filled().report({}).items():
        families.add_figure(name, {"name": "judge"}, value)
    (histogram,) = [family for family in families.all() if family.name == "shadowbench_judge_call_seconds"]
    samples = {(s.name.rpartition("_")[2], s.labels.get("le")): s.value for s in histogram.samples}
    assert samples["count", None] == 4
    assert samples["sum", None] == 0.01 + 0.3 + 0.3 + 1000.0
    assert samples["bucket", "0.05"] == 1
    assert samples["bucket", "0.5"] == 3
    assert samples["bucket", "+Inf"] == 4
    assert len([key for key in samples if key[0] == "bucket"]) == len(BOUNDS_S) + 1


def test_what_is_unknown_is_left_out() -> None:
    report = Figures().report({"spent_usd": None, "budget_usd": 3.0})
    assert report["shadowbench_judge_budget_usd"] == 3.0
    assert "shadowbench_judge_spent_usd" not in report


def test_sums_are_of_what_was_asked_for() -> None:
    figures = filled()
    assert (figures.pairs(), figures.pairs("judged"), figures.pairs("judged", "equal")) == (2, 1, 2)
    assert (figures.usd, figures.unpriced) == (Decimal("0.25"), 1)
    assert figures.calls == 3  # what failed without a call is none
