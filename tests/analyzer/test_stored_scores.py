"""Metrics of texts from a pair's texts to its report, and which judgements a report counts, through a store."""

import importlib.util
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from analyzer.figures import OtherMetric
from analyzer.gathering import gather
from analyzer.measures import BY_NAME, Measure
from analyzer.metrics import of_texts
from analyzer.plan import Plan
from analyzer.plugins import with_plugins
from analyzer.reading import Setting
from analyzer.results import Comparison, Study
from analyzer.source import Experiment, Window
from analyzer.stored import StoredPairs
from analyzer.study import study
from analyzer.text_metrics.regex_match import with_patterns
from analyzer.text_metrics.rouge_l import ROUGE_L
from analyzer.text_metrics.scoring import score_pair
from analyzer.text_metrics.token_f1 import TOKEN_F1
from config.judge import TextPatterns
from config.policy import Policy
from store import tables
from store.comparison import Ask, Span
from store.judged import judged_rubric
from store.judging.pair import Pair
from store.judging.rows import JudgementRow, ScoreRow, write
from store.locate import StoreConnection, close, connect
from store.parts import Part
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.fake_source import FakeSource
from tests.analyzer.rows import as_values
from tests.analyzer.text_metrics.making import metric, pair
from tests.store.owners import store_at, transient

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
WINDOW = Window(BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=3))
NOW = BEGIN + timedelta(hours=5)
SENTENCE = "the order was sent today and will be there soon if nothing goes wrong on its way to you"
Row = Mapping[str, Any]


class Filled:
    def __init__(self, writer: Writer, ask: Ask) -> None:
        self.writer = writer
        self.ask = ask
        self._tokens = iter(range(10**6))

    def source(self) -> StoredPairs:
        return StoredPairs(self.ask)

    def write(self, rows: Sequence[ScoreRow] | Sequence[JudgementRow]) -> None:
        write(self.writer, rows, f"token-{next(self._tokens)}")

    def pairs(self, pairs: Sequence[Pair]) -> None:
        rows = as_values(tables.PAIRS, [row_of(p) for p in pairs])
        self.writer.insert("pairs", rows, f"token-{next(self._tokens)}")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("stored-scores")
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        client = connect(store, access="reader", start_owner=False)
        yield Filled(writer, Reader(client).columns)
        close(client)
        writer.close()


def made(n: int, *, seed: int, candidate: str = "swift", sure: float = 0.7) -> list[Pair]:
    """Both arms say some of the same words, in their order; the candidate as `sure` as it is."""
    random = Random(seed)
    found = []
    for i in range(n):
        ts = BEGIN + timedelta(seconds=5 * i, microseconds=random.randrange(10**6))
        said = [" ".join(w for w in SENTENCE.split() if random.random() < share) for share in (0.7, sure)]
        found.append(
            pair(
                *said,
                request_id=UUID(int=random.getrandbits(128)),
                ts=ts,
                candidate=candidate,
                experiment=f"e-{candidate}-{seed}",
                block=ts.replace(second=0, microsecond=0),
                bucket=random.randrange(256),
            )
        )
    return found


def row_of(p: Pair) -> dict[str, Any]:
    names = ("request_id", "ts", "candidate", "experiment", "block", "bucket", "labels", "endpoint")
    return {name: getattr(p, name) for name in names} | {
        "conversation": p.bucket,
        "primary_outcome": "ok",
        "candidate_outcome": "ok",
    }


def scores_of(p: Pair, name: str, primary: float | None, candidate: float | None, **more: Any) -> ScoreRow:
    values: dict[str, Any] = {"inclusion_probability": 1.0, "scored_at": NOW} | more
    return ScoreRow(
        p.request_id, p.ts, p.candidate, p.experiment, p.block, p.bucket, {}, name, primary, candidate, **values
    )


def judged(p: Pair, preference: float | None, **more: Any) -> JudgementRow:
    values: dict[str, Any] = {
        "judge": "a",
        "rubric": "old@1",
        "rung": "judge",
        "mode": "pairwise",
        "inclusion_probability": 0.25,
        "judged_at": NOW,
        **more,
    }
    unknown: dict[str, Any] = dict.fromkeys(
        ("preference_pc", "preference_cp", "score_primary", "score_candidate", "temperature", "seed", "cost_usd")
    )
    return JudgementRow(
        **{name: getattr(p, name) for name in ("request_id", "ts", "candidate", "experiment", "block", "bucket")},
        labels={},
        preference=preference,
        rationale="",
        order_probability=None,
        judge_model="",
        **(unknown | values),
    )


def settled(p: Pair, preference: float = 0.0) -> JudgementRow:
    return judged(p, preference, judge="", rubric="", rung="equal", mode="", inclusion_probability=1.0)


def experiments(*pairs: Pair) -> list[Experiment]:
    return [Experiment(p.candidate, p.experiment, 1, NOW, NOW, 1, 1, 0, 0, 0, 0, 0) for p in pairs]


def others(filled: Filled, measures: Sequence[Measure], *of: Pair) -> dict[str, dict[str, OtherMetric]]:
    """Candidate -> metric -> its sums."""
    found = filled.source().others(WINDOW, experiments(*of), measures)
    return {name: {o.metric: o for o in those} for name, those in found.items()}


Expected = Sequence[tuple[Pair, Sequence[float]]]
"""(pair, (x_c, y_c, x_p, y_p))"""


def holds(found: OtherMetric, expected: Expected) -> None:
    """The sums are those of these pairs, group by group."""
    by_time: Callable[[Pair], int] = lambda p: int(p.block.timestamp())  # noqa: E731
    for table, key in ((found.blocks, by_time), (found.buckets, lambda p: p.bucket)):
        groups: dict[int, list[Sequence[float]]] = defaultdict(list)
        for p, values in expected:
            groups[key(p)].append(values)
        assert dict(zip(table.keys, table.n, strict=True)) == {k: len(of) for k, of in groups.items()}
        for k, sums in zip(table.keys, table.sums, strict=True):
            assert sums == pytest.approx([sum(column) for column in zip(*groups[k], strict=True)])
        for i, products in enumerate(table.products):
            assert products == pytest.approx([sum(v[i] * v[j] for _, v in expected) for j in range(4)])


METRICS = with_plugins((), [metric()])
PATTERNED = with_patterns(TextPatterns(must=("order",), must_not=("wrong",)))


def reported(source: StoredPairs | FakeSource, policy: Policy | None = None) -> Study:
    plan = Plan(WINDOW, ("swift",), kind="fixed", metrics=METRICS, policy=policy)
    return study(gather(source, plan, Setting(), now=NOW), plan)


def row_in(found: Study, name: str) -> Comparison:
    return next(row for row in found.candidates[0].comparisons if row.metric.name == name)


def test_scores_of_texts_become_rows_of_the_report(filled: Filled) -> None:
    """By the way of the store, and once more by sums in memory; levels worked out here."""
    mine, own = made(400, seed=1, sure=0.6), made(400, seed=2, candidate="control")
    rows: list[dict[str, Any]] = []
    scores: list[ScoreRow] = []
    for p in (*mine, *own):
        found = dict(score_pair(p, (ROUGE_L, TOKEN_F1, PATTERNED, metric()), lambda name, error: None))
        scores += [scores_of(p, name, s.primary, s.candidate) for name, s in found.items()]
        flat = {"rouge_l": found["rouge_l"].candidate, "token_f1": found["token_f1"].candidate}
        for name in ("regex_match", "length"):
            flat |= {f"{name}_primary": found[name].primary or 0.0, f"{name}_candidate": found[name].candidate}
        rows.append(row_of(p) | flat)
    filled.write(scores)
    filled.pairs([*mine, *own])
    stored, in_memory = reported(filled.source()), reported(FakeSource(rows))
    for name in ("rouge_l", "token_f1", "regex_match", "length"):
        a, b = row_in(stored, name), row_in(in_memory, name)
        assert a.n == 400
        assert a.interval is not None
        for field in ("primary", "candidate", "difference", "p_value", "p_margin", "design_effect"):
            expected = getattr(b, field)
            near = None if expected is None else pytest.approx(expected, rel=1e-9)
            assert getattr(a, field) == near, (name, field)
    rouge, length, matched = (row_in(stored, name) for name in ("rouge_l", "length", "regex_match"))
    assert rouge.candidate == pytest.approx(sum(r["rouge_l"] for r in rows[:400]) / 400)
    assert rouge.primary == pytest.approx(sum(r["rouge_l"] for r in rows[400:]) / 400), "the control's own"
    assert length.difference == pytest.approx(sum(len(p.answer.text) - len(p.primary.text) for p in mine) / 400)
    says = [("order" in t and "wrong" not in t) for p in mine for t in (p.primary.text, p.answer.text)]
    assert (matched.primary, matched.candidate) == (sum(says[::2]) / 400, sum(says[1::2]) / 400)
    assert row_in(stored, "embedding_similarity").reason == "no pair has been scored; judge.metrics names what is"


def test_a_policy_decides_by_a_metric_of_texts(filled: Filled) -> None:
    """Answers shorter by a tenth share fewer words with the primary's than its own do."""
    rule = {"metric": "rouge_l", "margin": 0.02}
    found = reported(filled.source(), Policy.model_validate({"primary_metrics": [rule]}))
    assert (row_in(found, "rouge_l").role, row_in(found, "rouge_l").verdict) == ("primary", "worse")
    checks = {check.metric: check for check in found.candidates[0].integrity.control or ()}
    assert "regex_match" not in checks, "the policy asks nothing of it"
    without = {check.metric for check in reported(filled.source()).candidates[0].integrity.control or ()}
    assert {"regex_match"} <= without
    assert not {"rouge_l", "embedding_similarity"} & without


def test_the_newest_score_counts_and_weighs_by_its_probability(filled: Filled) -> None:
    pairs, random = made(60, seed=3), Random(5)
    other = made(3, seed=4)
    expected: list[tuple[Pair, Sequence[float]]] = []
    before, now = [], []
    for i, p in enumerate(pairs):
        p_drawn, score = random.choice([0.25, 0.5, 1.0]), random.random()
        if i % 3 == 0:
            before.append(scores_of(p, "token_f1", None, 0.999, scored_at=NOW - timedelta(seconds=1)))
        now.append(scores_of(p, "token_f1", None, None if i % 7 == 0 else score, inclusion_probability=p_drawn))
        if i % 7:
            expected.append((p, (score / p_drawn, 1 / p_drawn, 0.0, 1 / p_drawn)))
    # Whatever comes first: the engine keeps the newest of what it merges, and some it has not merged yet.
    for rows in (before[:10], now, before[10:], [scores_of(p, "token_f1", None, 0.5) for p in other]):
        filled.write(rows)
    filled.write([scores_of(pairs[0], "rouge_l", None, 0.5, inclusion_probability=0.0)])
    filled.write([scores_of(pairs[0], "regex_match", None, 1.0), scores_of(pairs[1], "regex_match", 1.0, 0.0)])
    measures = [BY_NAME[name] for name in ("rouge_l", "token_f1", "regex_match")]
    found = others(filled, measures, pairs[0])["swift"]
    assert set(found) == {"token_f1", "regex_match"}
    holds(found["token_f1"], expected)
    holds(found["regex_match"], [(pairs[1], (0.0, 1.0, 1.0, 1.0))])
    assert found["token_f1"].blocks.cubes is None
    assert found["regex_match"].blocks.cubes == -1.0, "all weigh the same"


def test_scores_of_other_windows_and_metrics_are_left_out(filled: Filled) -> None:
    """Names of metrics that a package gives are texts from outside, and go in as such."""
    (p,) = made(1, seed=6)
    (late,) = made(1, seed=6)
    late = replace(late, ts=WINDOW.until, request_id=UUID(int=1))
    filled.write([scores_of(p, "tone", 1.0, 2.0), scores_of(late, "tone", 9.0, 9.0)])
    tone, odd = (of_texts(metric(name)).measure for name in ("tone", "x') OR 1=1 --"))
    assert others(filled, [tone], p)["swift"]["tone"].blocks.sums == ((2.0, 1.0, 1.0, 1.0),)
    assert others(filled, [odd], p) == {"swift": {}}
    assert others(filled, [tone], replace(p, experiment="none")) == {"swift": {}}


PREFERENCE = [BY_NAME["judge_preference"]]
WEIGHT = 1 / 0.25


def test_the_rubric_that_was_judged_by_last_counts_alone(filled: Filled) -> None:
    pairs = made(40, seed=10)
    filled.write([judged(p, 1.0, judged_at=NOW - timedelta(hours=1)) for p in pairs])
    part = Part(Span(WINDOW.since, WINDOW.until), by_block=False)
    who = ("swift", pairs[0].experiment)
    assert judged_rubric(filled.ask, part)[who].rubric == "old@1"
    holds(
        others(filled, PREFERENCE, pairs[0])["swift"]["judge_preference"],
        [(p, (WEIGHT, WEIGHT, 0.0, WEIGHT)) for p in pairs],
    )
    anew = pairs[10:20]
    filled.write([judged(p, -0.5, rubric="new@2") for p in anew])
    expected = [(p, (-2.0, WEIGHT, 0.0, WEIGHT)) for p in anew]
    holds(others(filled, PREFERENCE, pairs[0])["swift"]["judge_preference"], expected)
    under = judged_rubric(filled.ask, part, [pairs[0].experiment])
    assert {key: of.rubric for key, of in under.items()} == {who: "new@2"}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert epoch + timedelta(microseconds=under[who].first_us) == min(p.ts for p in anew)
    assert epoch + timedelta(microseconds=under[who].last_us) == max(p.ts for p in anew)
    assert judged_rubric(filled.ask, part, ["e-none"]) == {}


def test_what_free_rungs_settled_counts_for_the_time_of_the_judged_pairs(filled: Filled) -> None:
    """Before the first pair that a judge was asked about under this rubric, and after the last, ties say nothing."""
    pairs = made(60, seed=11)
    asked, free = pairs[20:40:2], [p for p in pairs if p not in pairs[20:40:2]]
    filled.write([settled(p) for p in free])
    assert others(filled, PREFERENCE, pairs[0]) == {"swift": {}}, "ties alone are no sample of all pairs"
    filled.write([judged(p, 1.0) for p in asked])
    expected: list[tuple[Pair, Sequence[float]]] = [(p, (WEIGHT, WEIGHT, 0.0, WEIGHT)) for p in asked]
    expected += [(p, (0.0, 1.0, 0.0, 1.0)) for p in pairs[21:38:2]]
    holds(others(filled, PREFERENCE, pairs[0])["swift"]["judge_preference"], expected)


def test_each_candidate_has_its_own_rubric_and_a_panel_is_averaged(filled: Filled) -> None:
    first, second = made(30, seed=12), made(30, seed=13, candidate="sage")
    filled.write([judged(p, 0.5) for p in first] + [judged(p, 0.0, judge="b") for p in first])
    filled.write([judged(p, -1.0, rubric="new@2") for p in second])
    found = others(filled, PREFERENCE, first[0], second[0])
    holds(found["swift"]["judge_preference"], [(p, (0.25 * WEIGHT, WEIGHT, 0.0, WEIGHT)) for p in first])
    holds(found["sage"]["judge_preference"], [(p, (-WEIGHT, WEIGHT, 0.0, WEIGHT)) for p in second])
