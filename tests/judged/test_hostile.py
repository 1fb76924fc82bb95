"""Every awkward pair and every misbehaving judge model at once, through the role in its own process."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analyzer.quality.results import Quality
from tests.fakes.judge import JudgeUpstream
from tests.fakes.judge_role import JudgeRole, configuration, until
from tests.fakes.judged_pairs import Asked
from tests.judged.hostile import (
    CANDIDATE,
    CASES,
    FAILURES,
    FINE,
    GULLIBLE,
    HONEST,
    MAX_INPUT,
    NOBODY,
    POISON,
    SETTLED,
    TIMEOUT_S,
    Moody,
    asked,
    fill,
)
from tests.judged.judging import Judged, opened
from tests.judged.reported import of, reported

Row = Mapping[str, Any]
_ATTEMPTS = 2
_VERDICTS = ("pairwise_pc", "pairwise_cp", "pointwise_primary", "pointwise_candidate")
_JUDGED = [name for name in CASES if name not in {*SETTLED, *FAILURES, *NOBODY, *POISON, "arm"}]


def _models(upstream: JudgeUpstream) -> list[dict[str, Any]]:
    shared = {
        "url": upstream.url,
        "price": upstream.price.configured(),
        "attempts": _ATTEMPTS,
        "max_input": MAX_INPUT,
        "timeout": {"total": f"{TIMEOUT_S}s"},
        "api_key": "secret",
    }
    return [
        {"name": "one", "model": GULLIBLE, **shared},
        {"name": "two", "model": HONEST, "api": "anthropic", **shared},
    ]


@dataclass(frozen=True, slots=True)
class World:
    """What came of it."""

    requests: Mapping[str, Asked]
    moody: Moody
    upstream: JudgeUpstream
    judgements: Sequence[Row]
    calls: Sequence[Row]
    scores: Sequence[Row]
    quality: Quality
    """What the report says of it."""

    def of(self, name: str, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row["request_id"] == self.requests[name].request_id]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Judged once for all tests."""
    return asyncio.run(_judged(tmp_path_factory.mktemp("hostile")))


async def _judged(directory: Path) -> World:
    requests, moody = asked(but=POISON), Moody()
    with opened(directory) as judged:
        async with JudgeUpstream(moody, key="secret") as upstream:
            await asyncio.to_thread(fill, judged.store, requests)
            config = configuration(
                directory,
                _models(upstream),
                mode="both",
                repeats=1,
                canaries=1,
                metrics=["token_f1", "rouge_l", "embedding_similarity", "regex_match"],
                patterns={"must": ["plain"]},
                embeddings={"url": upstream.url, "model": "vectors", "price": upstream.price.configured()},
            )
            await judged.judge(config, 0, until_so=lambda: _is_over(judged))
        return World(
            requests,
            moody,
            upstream,
            judged.rows("SELECT * FROM judgements"),
            judged.rows("SELECT * FROM judge_calls"),
            judged.rows("SELECT * FROM text_scores"),
            _reported(judged),
        )


def _reported(judged: Judged) -> Quality:
    quality = of(reported(judged.reader(), datetime.now(UTC) - timedelta(hours=2), (CANDIDATE,)), CANDIDATE).quality
    assert quality is not None
    return quality


def _is_over(judged: Judged) -> bool:
    """Both judges have judged what can be, or have said why not; checks of the judges have ended, too."""
    (row,) = judged.rows(
        """
        SELECT (SELECT count() FROM judgements WHERE judge != '') AS judged,
            (SELECT uniqExact(request_id, judge) FROM judge_calls
             WHERE is_final AND outcome != 'ok' AND kind = 'verdict') AS failed,
            (SELECT countIf(stage = 'asked') - countIf(stage = 'ended') FROM judge_calls) AS under_way
        """
    )
    # One judge is an arm of one pair, and may not judge it.
    failed = 2 * len(FAILURES) + 1
    return bool(row["judged"] >= 2 * len(_JUDGED) + 1 and row["failed"] >= failed and row["under_way"] <= 0)


def test_no_call_was_one_that_a_real_api_refuses(world: World) -> None:
    """Strict schemas, the forced tool, headers, credentials: by what both APIs document."""
    assert world.upstream.refused == []
    assert {call.api for call in world.upstream.calls} == {"openai", "anthropic", "embeddings"}
    keys = {call.api: call.key for call in world.upstream.calls}
    assert (keys["openai"], keys["anthropic"]) == ("secret", "secret")


def test_free_rungs_settle_what_is_equal_or_means_the_same_and_nobody_is_asked(world: World) -> None:
    for name, (rung, preference) in SETTLED.items():
        (row,) = world.of(name, world.judgements)
        assert (row["rung"], row["preference"]) == (rung, preference), name
        assert (row["judge"], row["rubric"], row["cost_usd"]) == ("", "", Decimal(0))
        assert row["inclusion_probability"] == 1.0
        assert [c for c in world.of(name, world.calls) if c["kind"] != "embedding"] == []


def test_every_other_pair_has_one_judgement_of_each_judge(world: World) -> None:
    """Both orders and both scores; a judge that always likes what stands first has no preference in the mean."""
    for name in _JUDGED:
        rows = {row["judge"]: row for row in world.of(name, world.judgements)}
        assert sorted(rows) == ["one", "two"], name
        for row in rows.values():
            assert (row["rung"], row["mode"]) == ("judge", "both")
            assert (row["score_primary"], row["score_candidate"]) == (7.0, 7.0)
            assert row["order_probability"] is None
            assert row["preference"] == (row["preference_pc"] + row["preference_cp"]) / 2
        if name.startswith("fine"):
            assert (rows["one"]["preference_pc"], rows["one"]["preference_cp"]) == (-1.0, 1.0)
            assert (rows["two"]["preference_pc"], rows["two"]["preference_cp"]) == (0.0, 0.0)


@pytest.mark.parametrize(("name", "reason"), FAILURES.items())
def test_a_failure_is_missing_with_its_reason_and_never_a_tie(world: World, name: str, reason: str) -> None:
    """Every question of the pair ends for good, after as many attempts as were configured, or at once."""
    assert world.of(name, world.judgements) == []
    for judge in ("one", "two"):
        ended = [
            row
            for row in world.of(name, world.calls)
            if row["judge"] == judge and row["stage"] == "ended" and row["kind"] == "verdict"
        ]
        # A short answer beside a huge one can be scored alone; the pair cannot be judged all the same.
        assert {row["outcome"] for row in ended if row["question"] != "pointwise_primary" or name != "huge"} == {reason}
        finals = Counter(row["question"] for row in ended if row["is_final"])
        assert finals
        assert set(finals.values()) == {1}
        is_tried_again = reason not in {"refusal", "input_too_long"}
        for question in finals:
            attempts = [row for row in ended if row["question"] == question]
            # One that is taken for a fault of the judge itself is not counted as an attempt.
            assert len(attempts) >= _ATTEMPTS if is_tried_again else len(attempts) == 1, (judge, question)
    if name == "half":
        assert not any(key[1] == name for key in world.moody.asked), "nothing was to be asked"


def test_a_judge_does_not_judge_itself_under_another_name(world: World) -> None:
    """The answer names a snapshot of the judge's own model; the other judge of the panel judges the pair."""
    (row,) = world.of("arm", world.judgements)
    assert row["judge"] == "two"
    refused = [row for row in world.of("arm", world.calls) if row["judge"] == "one"]
    assert {(row["outcome"], row["is_final"]) for row in refused if row["stage"] == "ended"} == {("judge_is_arm", True)}
    assert (GULLIBLE, "arm") not in world.moody.asked


def test_what_is_no_pair_of_answers_is_left_alone(world: World) -> None:
    """A second answer of the primary, a failed arm, vectors, texts that are gone."""
    for name in NOBODY:
        assert world.of(name, world.judgements) == []
        assert [row for row in world.of(name, world.calls) if row["kind"] != "embedding"] == []


def test_what_was_no_verdict_at_first_is_asked_again_and_a_broken_connection_too(world: World) -> None:
    for name in ("garbage-once", "broken"):
        failed = [r for r in world.of(name, world.calls) if r["stage"] == "ended" and r["outcome"] != "ok"]
        assert len(failed) == 2, "once for each judge"
        assert not any(row["is_final"] for row in failed)


def test_repeats_and_canaries_are_kept_apart_from_verdicts(world: World) -> None:
    """Each asked once of each pair and judge. Who obeys its material prefers every attack, who does not none."""
    for name in (f"fine{n}" for n in range(FINE)):
        rows = [r for r in world.of(name, world.calls) if r["stage"] == "ended" and r["judge"]]
        kinds = Counter((row["judge"], row["kind"]) for row in rows)
        usual = {"verdict": 4, "repeat": 1, "canary": 1}
        assert kinds == {(judge, kind): times for judge in ("one", "two") for kind, times in usual.items()}
        for row in rows:
            if row["kind"] == "canary":
                assert row["question"] in {"canary_first", "canary_second"}
                assert row["verdict"] == (-1.0 if row["judge"] == "one" else 1.0)
            if row["kind"] == "repeat":
                assert row["question"] == "pairwise_pc"
                assert row["verdict"] == (-1.0 if row["judge"] == "one" else 0.0)
    places = {r["question"] for r in world.calls if r["kind"] == "canary"}
    assert places == {"canary_first", "canary_second"}


def test_every_cent_that_can_be_known_is_accounted_for_and_the_rest_is_held_against_the_budget(world: World) -> None:
    ended = [row for row in world.calls if row["stage"] == "ended"]
    known = sum((row["cost_usd"] for row in ended if row["cost_usd"] is not None), Decimal(0))
    # Who was cut off cannot know what it cost; the judge model charges it all the same.
    lost = [call for call in world.upstream.answered() if call.reply is not None and call.reply.is_cut]
    assert len(lost) == 2
    assert known == world.upstream.usd - sum((call.usd for call in lost), Decimal(0))
    committed = sum((row["committed_usd"] for row in world.calls), Decimal(0))
    assert committed >= world.upstream.usd
    assert {row["outcome"] for row in ended if row["cost_usd"] is None} == {"connect_error"}


def test_the_report_knows_a_judge_by_what_it_did(world: World) -> None:
    """One obeys its material and likes what stands first, the other does not: by both orders, repeats and canaries."""
    one, two = world.quality.judges
    assert (one.judge, two.judge) == ("one", "two")
    for judge in (one, two):
        judged = [row for row in world.judgements if row["judge"] == judge.judge]
        assert judge.judgements == len(judged) == judge.wins + judge.ties + judge.losses
        assert judge.repeats is not None
        assert judge.repeats.verdicts is not None
        assert judge.repeats.verdicts.value == 1.0
        assert judge.scores == (len(judged), 7.0, 7.0)
        (position,) = judge.position
        assert position.orders == "both"
        assert (position.consistent, position.first, position.second, position.tied) == _places(judged)
    assert one.canaries is not None
    assert two.canaries is not None
    # Where the honest answer is nothing but a tool call, the gullible one goes by the place.
    assert one.canaries.fell.value > 0.9
    assert two.canaries.fell.value == 0.0
    assert one.position[0].p_value < 1e-6 < two.position[0].p_value


def _places(judged: Sequence[Row]) -> tuple[int, int, int, int]:
    orders = [(row["preference_pc"], row["preference_cp"]) for row in judged]
    return (
        sum(pc == cp != 0 for pc, cp in orders),
        sum(pc < 0 < cp for pc, cp in orders),
        sum(cp < 0 < pc for pc, cp in orders),
        sum(0 in both for both in orders),
    )


def test_the_report_counts_failures_by_reason_and_money_by_the_bill(world: World) -> None:
    reasons = Counter(FAILURES.values())
    for judge in world.quality.judges:
        expected = reasons + Counter({"judge_is_arm": 1} if judge.judge == "one" else {})
        assert dict(judge.failures) == expected
        assert judge.failed is not None
        assert (judge.failed.count, judge.failed.n) == (expected.total(), expected.total() + judge.judgements)
        calls = [row for row in world.calls if row["judge"] == judge.judge]
        assert judge.spending is not None
        assert judge.spending.calls == sum(row["stage"] == "asked" for row in calls)
        known = sum((r["cost_usd"] for r in calls if r["stage"] == "ended" and r["cost_usd"] is not None), Decimal(0))
        assert judge.spending.usd == pytest.approx(float(known), abs=1e-9)
    assert world.quality.unjudged == len(FAILURES)
    rungs = Counter(rung for rung, _ in SETTLED.values())
    assert dict(world.quality.rungs) == {**rungs, "judge": len(_JUDGED) + 1}


def test_texts_are_scored_without_a_model_control_pairs_and_failures_of_the_judge_too(world: World) -> None:
    f1 = {name: _score(world, name, "token_f1") for name in ("fine0", "equal", "control", "refused")}
    # A plain answer / Another plain answer: two tokens of three in common, articles and all.
    assert f1["equal"] == 1.0
    assert 0 < f1["fine0"] < 1
    assert f1["control"] == f1["refused"] == f1["fine0"]
    assert _score(world, "equal", "embedding_similarity") == pytest.approx(1.0)
    assert _score(world, "fine0", "embedding_similarity") == pytest.approx(2 / 3, abs=1e-6)
    (row,) = [r for r in world.of("fine0", world.scores) if r["metric"] == "regex_match"]
    assert (row["score_primary"], row["score_candidate"]) == (1.0, 1.0)
    for name in ("failed", "vectors", "textless"):
        assert world.of(name, world.scores) == []


def _score(world: World, name: str, metric: str) -> float:
    (row,) = [row for row in world.of(name, world.scores) if row["metric"] == metric]
    assert row["score_primary"] is None
    score: float = row["score_candidate"]
    return score


async def test_pairs_that_break_the_judge_do_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """Prompts on which the judge model falls over, or never ends, every time: they may come last, but not first."""
    others = [f"fine{n}" for n in range(8)]
    requests = {name: one for name, one in asked().items() if name in {*others, *POISON}}
    moody = Moody(after_s=0.05)
    with opened(tmp_path) as judged:
        async with JudgeUpstream(moody) as upstream:
            await asyncio.to_thread(fill, judged.store, requests)
            config = configuration(tmp_path, [{**_models(upstream)[0], "max_in_flight": 4}])
            with JudgeRole(config, log=tmp_path / "judge.out") as role:
                await until(lambda: len(judged.rows("SELECT 1 FROM judgements")) == len(others), "all others", role)
                assert await asyncio.to_thread(role.stop) == 0
    assert all(moody.asked[GULLIBLE, name] for name in POISON)
