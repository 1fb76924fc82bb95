"""What a store says of judgements, against the same worked out from its rows in Python."""

import importlib.util
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from analyzer.gathering import gather
from analyzer.measures import BY_NAME
from analyzer.plan import Plan
from analyzer.quality.agreement import agreement, stored_judgements
from analyzer.quality.figures import JudgeFigures, QualityFigures, Weighted
from analyzer.quality.stored import read_quality
from analyzer.reading import Setting
from analyzer.source import Experiment, Window
from analyzer.stored import StoredPairs
from analyzer.study import study
from store import tables
from store.comparison import Span, unix_us
from store.judging import quality as asking
from store.judging.labels import labels as stored_labels
from store.judging.rows import CallRow, JudgementRow, write
from store.locate import StoreConnection, close, connect
from store.parts import Part
from store.reader import Reader
from store.writer import Writer
from tests.analyzer.quality.judged_rows import (
    MODELS,
    OLD_RUBRIC,
    RUBRIC,
    call,
    made_calls,
    made_judgements,
    made_labels,
    made_pairs,
    probability,
)
from tests.analyzer.quality.making import One, weighted
from tests.analyzer.rows import START, as_values
from tests.store.owners import store_at, transient

ROWS = made_pairs()
JUDGED = made_judgements(ROWS)
CALLS = made_calls(ROWS, JUDGED)
LABELS = made_labels(ROWS)
STEP_S = 120
ENDS = START, START + timedelta(hours=1)
SPAN = Span(*ENDS)
WHOLE = Part(SPAN, by_block=False)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Of the reader's account. A second candidate was only ever failed on; a third was never asked about."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed: pip install shadowbench[embedded]")
    directory: Path = tmp_path_factory.mktemp("quality")
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        writer.insert("pairs", as_values(tables.PAIRS, ROWS), "pairs")
        write(writer, JUDGED, "judged")
        write(writer, CALLS, "calls")
        write(writer, LABELS, "labels")
        sage = [{**row, "candidate": "sage", "experiment": "e2"} for row in ROWS[:20]]
        write(writer, [call(row, "a", outcome="http_error", verdict=None) for row in sage], "sage")
        writer.close()
        client = connect(store, access="reader", start_owner=False)
        yield Reader(client)
        close(client)


def experiments(*names: tuple[str, str]) -> list[Experiment]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return [Experiment(name, of, 1, at, at, 0.1, 0.1, 0, 0, 0, 0, 0) for name, of in names]


@pytest.fixture(scope="module")
def found(reader: Reader) -> QualityFigures:
    return read_quality(reader.columns, WHOLE, experiments(("swift", "e1")), step_s=STEP_S)["swift"]


PLACE = {row["request_id"]: i for i, row in enumerate(ROWS)}


def newest() -> dict[tuple[UUID, str], JudgementRow]:
    """(request, judge) -> the row of the rubric that counts."""
    rows: dict[tuple[UUID, str], JudgementRow] = {}
    for row in sorted(JUDGED, key=lambda row: row.judged_at):
        if row.rung == "judge" and row.rubric == RUBRIC:
            rows[row.request_id, row.judge] = row
    return rows


def settled() -> list[JudgementRow]:
    """From the first to the last pair that a judge judged."""
    times = [row.ts for row in newest().values()]
    return [row for row in JUDGED if row.rung != "judge" and min(times) <= row.ts <= max(times)]


def people() -> dict[UUID, list[float]]:
    """Request -> what each person says of it now."""
    said: dict[tuple[UUID, str, str], float | None] = {}
    for row in sorted(LABELS, key=lambda row: row.labeled_at):
        if row.rubric in {"", RUBRIC, OLD_RUBRIC}:
            said[row.request_id, row.labeler, row.rubric] = row.preference
    found: dict[UUID, list[float]] = defaultdict(list)
    for (request, _, _), preference in said.items():
        if preference is not None:
            found[request].append(preference)
    return found


def won(preference: float) -> float:
    return 1.0 if preference > 0 else 0.5 if preference == 0 else 0.0


def sign(value: float) -> int:
    return (value > 0) - (value < 0)


def one(row: JudgementRow, a: float, b: float = 0.0) -> One:
    return One(a, b, 1 / row.inclusion_probability, unix_us(row.block) // 10**6, row.bucket)


def steps(pairs: list[One]) -> Weighted:
    """With time blocks added up to steps."""
    return weighted([One(p.a, p.b, p.w, p.block // STEP_S * STEP_S // 60, p.bucket) for p in pairs])


def same(ours: Weighted | None, pairs: list[One]) -> None:
    expected = steps(pairs)
    assert ours is not None
    for mine, theirs in ((ours.blocks, expected.blocks), (ours.buckets, expected.buckets)):
        assert (mine.keys, mine.n) == (theirs.keys, theirs.n)
        for name in ("w", "a", "b"):
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name)), name
    assert ours.products == pytest.approx(expected.products)


def of(found: QualityFigures, judge: str) -> JudgeFigures:
    return next(j for j in found.judges if j.judge == judge)


def test_the_material_has_all_that_may_happen() -> None:
    assert {row.rung for row in JUDGED} == {"equal", "structure", "judge"}
    assert {row.judge for row in newest().values()} == {"a", "b"}
    assert len(settled()) < sum(row.rung != "judge" for row in JUDGED)
    assert {len(of) for of in people().values()} == {1, 2}


def test_pairs_by_what_settled_them(found: QualityFigures) -> None:
    assert found.rubric == RUBRIC
    counted = Counter(row.rung for row in settled())
    judged = {request for (request, _), row in newest().items() if row.preference is not None}
    assert dict(found.rungs) == {**counted, "judge": len(judged)}


@pytest.mark.parametrize("judge", ["a", "b"])
def test_verdicts_and_scores_of_each_judge(found: QualityFigures, judge: str) -> None:
    mine = [row for (_, name), row in newest().items() if name == judge]

    def signs(row: JudgementRow) -> tuple[int | None, ...]:
        said = (row.preference, row.preference_pc, row.preference_cp)
        return tuple(None if x is None else sign(x) for x in said)

    ours = {(v.said, v.primary_first, v.candidate_first): v.n for v in of(found, judge).verdicts}
    assert ours == Counter(map(signs, mine))
    scored = [row for row in mine if row.score_primary is not None]
    assert of(found, judge).scored == len(scored)
    assert of(found, judge).score_candidate == 7.5 * len(scored)
    assert of(found, judge).models == ((MODELS[judge], len(mine)),)


@pytest.mark.parametrize("judge", ["a", "b"])
def test_wins_by_time_and_conversation(found: QualityFigures, judge: str) -> None:
    mine = [row for (_, name), row in newest().items() if name == judge]
    same(of(found, judge).wins, [one(row, won(row.preference)) for row in mine if row.preference is not None])


@pytest.mark.parametrize("judge", ["a", "b"])
def test_each_judge_beside_people(found: QualityFigures, judge: str) -> None:
    said = people()
    known = [(who, row) for who, row in newest().items() if row.preference is not None]
    mine = [row for (request, name), row in known if name == judge and request in said]
    means = {request: sum(of) / len(of) for request, of in said.items()}
    same(of(found, judge).against_people, [one(row, row.preference or 0.0, means[row.request_id]) for row in mine])
    table = [[0, 0, 0] for _ in range(3)]
    for row in mine:
        votes = Counter(sign(x) for x in said[row.request_id])
        most = [s for s, n in votes.items() if n == max(votes.values())]
        table[sign(row.preference or 0.0) + 1][(most[0] if len(most) == 1 else 0) + 1] += 1
    assert of(found, judge).agreement == tuple(map(tuple, table))


def test_two_judges_on_the_same_pairs(found: QualityFigures) -> None:
    rows = newest()
    both = [
        one(row, row.preference or 0.0, other.preference or 0.0)
        for (request, name), row in rows.items()
        if name == "a" and row.preference is not None and (other := rows.get((request, "b"))) is not None
    ]
    (pair,) = found.between
    assert (pair.first, pair.second) == ("a", "b")
    same(pair.preferences, both)


@pytest.mark.parametrize("metric", ["judge_preference", "win_rate"])
def test_pairs_by_who_knows_them(found: QualityFigures, metric: str) -> None:
    taken = won if metric == "win_rate" else float
    said, by_pair = people(), defaultdict(list)
    for (request, _), row in newest().items():
        if row.preference is not None:
            by_pair[request].append(row)
    parts: dict[str, list[One]] = {"settled": [one(row, taken(row.preference or 0.0)) for row in settled()]}
    for request, rows in by_pair.items():
        mean = taken(sum(row.preference or 0.0 for row in rows) / len(rows))
        if request in said:
            of_people = sum(map(taken, said[request])) / len(said[request])
            parts.setdefault("labelled", []).append(one(rows[0], of_people, mean))
        else:
            parts.setdefault("judged", []).append(one(rows[0], mean))
    ours = next(c for c in found.corrections if c.metric == metric)
    assert set(ours.parts) == set(parts)
    for part, weighted_ in ours.parts.items():
        same(weighted_, parts[part])


def test_people_and_how_they_split(found: QualityFigures) -> None:
    assert found.people is not None
    assert found.people.labelers == 2
    patterns = Counter(tuple(sum(sign(x) == s for x in of) for s in (1, 0, -1)) for of in people().values())
    assert {pattern[:3]: pattern[3] for pattern in found.people.patterns} == patterns


@pytest.mark.parametrize("judge", ["a", "b"])
def test_verdicts_beside_lengths(found: QualityFigures, judge: str) -> None:
    mine = [row for (_, name), row in newest().items() if name == judge and row.preference is not None]
    expected: Counter[tuple[float, ...]] = Counter()
    for row in mine:
        pair = ROWS[PLACE[row.request_id]]
        if pair["primary_chars"] is not None:
            longer = pair["candidate_chars"] - pair["primary_chars"]
            expected[won(row.preference or 0.0), longer, 1 / row.inclusion_probability, row.bucket] += 1
    ours = of(found, judge).lengths
    assert ours is not None
    assert Counter(zip(ours.won, ours.longer, ours.weight, ours.bucket, strict=True)) == expected
    assert ours.of == sum(name == judge for _, name in newest())


def test_people_beside_lengths(found: QualityFigures) -> None:
    expected: Counter[tuple[float, ...]] = Counter()
    for request, said in people().items():
        pair = ROWS[PLACE[request]]
        if pair["primary_chars"] is not None:
            mean = sum(map(won, said)) / len(said)
            expected[mean, pair["candidate_chars"] - pair["primary_chars"], pair["bucket"]] += 1
    assert found.people is not None
    ours = found.people.lengths
    assert ours is not None
    assert Counter(zip(ours.won, ours.longer, ours.bucket, strict=True)) == expected


def ended(judge: str, **fields: Any) -> list[CallRow]:
    return [
        row
        for row in CALLS
        if row.stage == "ended" and row.judge == judge and all(getattr(row, k) == v for k, v in fields.items())
    ]


@pytest.mark.parametrize("judge", ["a", "b"])
def test_calls_and_what_they_cost(found: QualityFigures, judge: str) -> None:
    ours = [c for c in of(found, judge).calls if c.stage == "ended"]
    mine = ended(judge)
    assert sum(c.n for c in ours) == len(mine)
    assert sum(c.cost_nanousd for c in ours) == sum(row.cost_usd or 0 for row in mine) * 10**9
    assert sum(c.unpriced for c in ours) == sum(row.cost_usd is None for row in mine)
    assert sum(c.input_tokens for c in ours) == 900 * len(mine)
    counted = Counter((row.kind, row.outcome, row.is_final) for row in mine)
    assert {(c.kind, c.outcome, c.is_final): c.n for c in ours} == counted
    asked = sum(c.n for c in of(found, judge).calls if c.stage == "asked")
    assert asked - len(mine) == (1 if judge == "b" else 0)


def test_what_failed_for_good(found: QualityFigures) -> None:
    """Not what was judged later; of both judges, and of one of them."""
    both = [i for i in range(len(ROWS)) if i % 60 == 6]
    alone = [i for i in range(len(ROWS)) if i % 60 == 11]
    assert dict(of(found, "a").failures) == {"timeout": len(both), "refusal": len(alone)}
    assert dict(of(found, "b").failures) == {"timeout": len(both)}
    seen = {request for request, _ in newest()}
    unjudged = [i for i in (*both, *alone) if ROWS[i]["request_id"] not in seen]
    assert set(both) <= set(unjudged)
    assert found.unjudged == len(unjudged)
    assert found.unjudged_weight == pytest.approx(sum(1 / probability(ROWS[i]) for i in unjudged))


def test_failures_by_label(found: QualityFigures) -> None:
    failed: Counter[tuple[str, str]] = Counter()
    judged: Counter[tuple[str, str]] = Counter()
    both = [(i, judge) for i in range(len(ROWS)) if i % 60 == 6 for judge in "ab"]
    for i, _ in [*both, *((i, "a") for i in range(len(ROWS)) if i % 60 == 11)]:
        failed.update([("", ""), *ROWS[i]["labels"].items()])
    for request, _ in newest():
        judged.update([("", ""), *ROWS[PLACE[request]]["labels"].items()])
    ours = {(f.label, f.value): (f.failed, f.judged) for f in found.failures}
    assert ours == {key: (failed[key], judged[key]) for key in {*failed, *judged}}


def test_questions_asked_twice(found: QualityFigures) -> None:
    expected: Counter[tuple[str, int, int]] = Counter()
    for judge in "ab":
        for again in ended(judge, kind="repeat"):
            (first,) = ended(judge, kind="verdict", request_id=again.request_id, question=again.question, outcome="ok")
            expected[judge, sign(first.verdict or 0.0), sign(again.verdict or 0.0)] += 1
    assert sum(expected.values()) > 20
    ours = {(j.judge, int(t.first), int(t.again)): t.n for j in found.judges for t in j.twice}
    assert ours == expected


def test_attacks(found: QualityFigures) -> None:
    said = Counter(row.verdict for row in ended("a", kind="canary"))
    assert of(found, "a").canaries == (said[-1.0], said[0.0], said[1.0])
    assert of(found, "b").canaries == (0, 0, 0)


def test_a_judge_that_only_fails_is_seen(reader: Reader) -> None:
    """Nothing was judged: the rubric is that of the calls."""
    ours = read_quality(reader.columns, WHOLE, experiments(("sage", "e2"), ("rook", "e3")), step_s=STEP_S)
    assert set(ours) == {"sage"}
    sage = ours["sage"]
    assert (sage.rubric, sage.corrections, sage.people, sage.unjudged) == (RUBRIC, (), None, 20)
    (judge,) = sage.judges
    assert (judge.judge, judge.verdicts, judge.wins, dict(judge.failures)) == ("a", (), None, {"http_error": 20})
    assert read_quality(reader.columns, WHOLE, [], step_s=STEP_S) == {}


def test_by_whole_blocks_and_with_half_of_the_time(reader: Reader) -> None:
    """Three minutes of it, chosen by block."""
    part = Part(Span(START + timedelta(minutes=2), START + timedelta(minutes=5)), by_block=True)
    ours = read_quality(reader.columns, part, experiments(("swift", "e1")), step_s=60)["swift"]
    within = [row for row in newest().values() if timedelta(minutes=2) <= row.block - START < timedelta(minutes=5)]
    assert sum(v.n for j in ours.judges for v in j.verdicts) == len(within)
    assert {key for j in ours.judges if j.wins for key in j.wins.blocks.keys} == {
        unix_us(row.block) // 10**6 for row in within
    }


def test_of_many_judgements_lengths_are_sampled(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """By request, so that judges of one pair stay together; the rest is of all."""
    monkeypatch.setattr(asking, "SAMPLED_ROWS", 100)
    ours = read_quality(reader.columns, WHOLE, experiments(("swift", "e1")), step_s=STEP_S)["swift"]
    drawn = [len(j.lengths.won) for j in ours.judges if j.lengths is not None]
    assert 40 < sum(drawn) < 200
    assert sum(j.lengths.of for j in ours.judges if j.lengths is not None) == len(newest())
    assert sum(v.n for j in ours.judges for v in j.verdicts) == len(newest())


def test_agreement_from_stored_rows(reader: Reader, found: QualityFigures) -> None:
    """The command reads rows and comes to the same tables."""
    labels = stored_labels(reader, *ENDS, "swift")
    judged = stored_judgements(reader.columns, *ENDS, candidate="swift")
    ours = agreement(labels, judged)
    tables_ = {one.judge: one.agreement.table for one in ours.judges if one.rubric == RUBRIC}
    assert tables_ == {j.judge: j.agreement for j in found.judges}
    assert {one.rubric for one in ours.judges} == {RUBRIC, OLD_RUBRIC}
    assert {row.rubric for row in stored_judgements(reader.columns, *ENDS, rubric=OLD_RUBRIC)} == {OLD_RUBRIC}


def test_a_report_with_labels_from_a_store(reader: Reader) -> None:
    """The whole way: corrected metrics are rows of the report, and `quality` has what was read."""
    source, plan = StoredPairs(reader.columns), Plan(Window(*ENDS), ("swift",))
    gathered = gather(source, plan, Setting(block_s=60.0), now=SPAN.until)
    (candidate,) = study(gathered, plan).candidates
    assert candidate.quality is not None
    assert (candidate.quality.rubric, candidate.quality.basis) == (RUBRIC, "judge-relative")
    row = next(r for r in candidate.comparisons if r.metric.key == ("win_rate", "corrected"))
    assert row.n == len({request for request, _ in newest() if request in people()})
    assert row.reason == f"{row.n} labels by people; a corrected value is shown from 100 on"
    assert any("judges failed for good on" in text for text in candidate.integrity.warnings)


@pytest.mark.parametrize("metric", ["judge_preference", "win_rate"])
def test_the_judges_own_mean_is_that_of_the_report(reader: Reader, found: QualityFigures, metric: str) -> None:
    """What is corrected is what is shown beside it: the same pairs and weights, read in another way."""
    source, window = StoredPairs(reader.columns), Window(*ENDS)
    source.cut(window, ENDS[1])
    measure = BY_NAME[metric]
    (raw,) = source.others(window, experiments(("swift", "e1")), (measure,))["swift"]
    x_c, y_c, _, _ = (sum(column) for column in zip(*raw.buckets.sums, strict=True))
    of_metric = next(c for c in found.corrections if c.metric == metric)
    judges = sum(sum(s.buckets.b if part == "labelled" else s.buckets.a) for part, s in of_metric.parts.items())
    assert (judges, sum(sum(s.buckets.w) for s in of_metric.parts.values())) == pytest.approx((x_c, y_c))
    assert sum(sum(s.buckets.n) for s in of_metric.parts.values()) == sum(raw.buckets.n)
