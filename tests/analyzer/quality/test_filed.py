"""What a file of pairs says of its judgements: as far as its columns go."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from analyzer.filed.source import FilePairs
from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.quality import filed
from analyzer.quality.figures import QualityFigures, Verdicts
from analyzer.reading import Setting
from analyzer.study import study
from tests.analyzer.filed.making import Row, jsonl, plain, read
from tests.analyzer.quality.making import One, weighted
from tests.analyzer.rows import START

IDS = [str(UUID(int=(4 << 76) | (2 << 62) | i)) for i in range(200)]


def quality(file: FilePairs) -> dict[str, QualityFigures]:
    window = file.window()
    return file.quality(window, file.experiments(window))


def judged(n: int = 60) -> list[Row]:
    """Judge a says a win, a tie and a loss in turn; b of every second pair a win by little."""
    rows = []
    for i in range(n):
        ts = START.replace(minute=i % 50)
        more = {"request_id": IDS[i], "ts": ts.isoformat(), "block": ts.isoformat(), "conversation": f"c{i % 9}"}
        lengths = {"primary_chars": 100, "candidate_chars": 100 + 10 * i} if i % 4 else {}
        rows.append(plain(i, **more, **lengths, judge="a", preference=(1.0, 0.0, -0.5)[i % 3]))
        if i % 2 == 0:
            rows.append(plain(i, **more, judge="b", preference=0.25, score_primary=4, score_candidate=6))
    return rows


def test_verdicts_lengths_and_scores_by_judge(tmp_path: Path) -> None:
    (found,) = quality(read(jsonl(tmp_path / "a.jsonl", judged()))).values()
    assert (found.rubric, found.rungs, found.people, found.corrections) == ("", (("judge", 60),), None, ())
    first, second = found.judges
    assert (first.judge, second.judge) == ("a", "b")
    assert set(first.verdicts) == {Verdicts(sign, None, None, 20) for sign in (-1, 0, 1)}
    assert (second.scored, second.score_primary, second.score_candidate) == (30, 120.0, 180.0)
    assert first.lengths is not None
    assert (first.lengths.of, len(first.lengths.won)) == (60, 45)
    said = {longer: won for won, longer in zip(first.lengths.won, first.lengths.longer, strict=True)}
    assert said == {10 * i: (1.0, 0.5, 0.0)[i % 3] for i in range(60) if i % 4}
    assert second.lengths is None
    assert (first.calls, first.canaries, first.agreement) == ((), (0, 0, 0), None)


def test_sums_by_time_and_conversation(tmp_path: Path) -> None:
    file = read(jsonl(tmp_path / "a.jsonl", judged()))
    (found,) = quality(file).values()
    pairs = file.loaded.pairs
    places = [(int(block) // 60, int(bucket)) for block, bucket in zip(pairs.block_s, pairs.bucket, strict=True)]
    wins = [One((1.0, 0.5, 0.0)[i % 3], 0.0, 1.0, *places[i]) for i in range(60)]
    assert found.judges[0].wins == weighted(wins)
    (two,) = found.between
    assert (two.first, two.second) == ("a", "b")
    both = [One((1.0, 0.0, -0.5)[i % 3], 0.25, 1.0, *places[i]) for i in range(0, 60, 2)]
    assert two.preferences.products == pytest.approx(weighted(both).products)
    assert two.preferences.buckets == weighted(both).buckets


def test_candidates_are_told_apart_and_those_without_judges_left_out(tmp_path: Path) -> None:
    rows = [*judged(10), *(plain(i, candidate="sage", preference=1.0) for i in range(5)), plain(0, candidate="rook")]
    found = quality(read(jsonl(tmp_path / "a.jsonl", rows)))
    assert set(found) == {"swift", "sage"}
    assert [(j.judge, j.verdicts) for j in found["sage"].judges] == [("imported", (Verdicts(1, None, None, 5),))]


def test_of_many_verdicts_some_are_kept_with_their_lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filed, "SAMPLED_ROWS", 20)
    (found,) = quality(read(jsonl(tmp_path / "a.jsonl", judged()))).values()
    lengths = found.judges[0].lengths
    assert lengths is not None
    assert (lengths.of, len(lengths.won)) == (60, 10)
    assert list(np.diff(lengths.longer) > 0) == [True] * 9


def test_a_report_of_a_file_has_a_section_about_its_judges(tmp_path: Path) -> None:
    file = read(jsonl(tmp_path / "a.jsonl", judged()))
    plan = Plan(file.window(), ("swift",))
    (candidate,) = study(gather(file, plan, Setting(), now=START), plan).candidates
    assert candidate.quality is not None
    judge = candidate.quality.judges[0]
    assert (judge.wins, judge.ties, judge.losses, judge.spending, judge.failed) == (20, 20, 20, None, None)
    assert judge.length is not None
    assert judge.length.mean_longer == pytest.approx(np.mean([10 * i for i in range(60) if i % 4]))
    assert (candidate.quality.basis, candidate.quality.unjudged_share) == ("judge-relative", None)
