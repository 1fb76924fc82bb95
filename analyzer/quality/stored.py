"""What a store says about judgements."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.quality.figures import (
    Calls,
    Correction,
    Groups,
    JudgeFigures,
    JudgePair,
    LabelFailures,
    Lengths,
    Part,
    PeopleFigures,
    QualityFigures,
    SignTable,
    Twice,
    Verdicts,
    Weighted,
)
from analyzer.quality.people import sign_table
from analyzer.source import Experiment
from store.comparison import Ask, Columns, records
from store.judging import answers, quality
from store.judging.quality import Judged
from store.parts import Part as StoredPart

_PARTS: tuple[Part, ...] = ("settled", "judged", "labelled")
_METRICS = ("judge_preference", "win_rate")
"""In the order in which `quality.corrections` has their values."""
MOST_JUDGES = 12
"""Of one candidate; more are read of, and not set against each other."""


def read_quality(
    ask: Ask, part: StoredPart, experiments: Sequence[Experiment], *, step_s: int
) -> dict[str, QualityFigures]:
    """By candidate; one about which no judge was ever asked is left out.

    Args:
        ask: runs a SELECT.
        part: which pairs.
        experiments: of different candidates.
        step_s: length of a time step.
    """
    under = answers.rubrics(ask, part, [e.id for e in experiments]) if experiments else {}
    found = {}
    for e in experiments:
        if (e.candidate, e.id) in under:
            by = under[e.candidate, e.id]
            of = Judged(part, e.candidate, e.id, by.rubric, by.first_us, by.last_us)
            found[e.candidate] = _Reading(ask, of, step_s).figures()
    return found


class _Reading:
    """Of one experiment."""

    def __init__(self, ask: Ask, of: Judged, step_s: int) -> None:
        self._ask = ask
        self._of = of
        self._step_s = step_s

    def figures(self) -> QualityFigures:
        ask, of = self._ask, self._of
        counts = list(records(quality.verdict_counts(ask, of)))
        calls = list(records(answers.calls(ask, of)))
        judges = sorted({row["judge"] for row in (*counts, *calls) if row["judge"]})
        people = self._people()
        corrections = self._corrections(judges, has_labels=people is not None)
        has_failed = any(
            row["stage"] == "ended" and row["kind"] == "verdict" and row["is_final"] and row["outcome"] != "ok"
            for row in calls
        )
        unjudged = answers.unjudged(ask, of) if has_failed else (0, 0.0)
        judgements = sum(int(row["n"]) for row in counts if row["judge"])
        return QualityFigures(
            rubric=of.rubric,
            rungs=_rungs(counts, corrections),
            judges=self._judges(judges, counts, calls, has_labels=people is not None, has_failed=has_failed),
            between=self._between() if 1 < len(judges) <= MOST_JUDGES else (),
            corrections=corrections,
            people=people,
            unjudged=unjudged[0],
            unjudged_weight=unjudged[1],
            failures=self._failures(judgements) if has_failed else (),
        )

    def _people(self) -> PeopleFigures | None:
        rows = list(records(quality.label_patterns(self._ask, self._of)))
        if not rows:
            return None
        patterns = tuple((int(r["wins"]), int(r["ties"]), int(r["losses"]), int(r["pairs"])) for r in rows)
        labelled = sum(pairs for *_, pairs in patterns)
        lengths = quality.lengths_of_people(self._ask, self._of, labelled=labelled)
        return PeopleFigures(quality.labelers(self._ask, self._of), patterns, _lengths(lengths, labelled))

    def _corrections(self, judges: Sequence[str], *, has_labels: bool) -> tuple[Correction, ...]:
        rows = list(
            records(
                quality.corrections(self._ask, self._of, judges=len(judges), has_labels=has_labels, step_s=self._step_s)
            )
        )
        found = []
        for k, metric in enumerate(_METRICS):
            parts = {_PARTS[int(key)]: sums for (key,), sums in _weighted(rows, ("part",), k).items()}
            if parts:
                found.append(Correction(metric, parts))
        return tuple(found)

    def _between(self) -> tuple[JudgePair, ...]:
        rows = list(records(quality.between_judges(self._ask, self._of, step_s=self._step_s)))
        return tuple(
            JudgePair(first, second, sums) for (first, second), sums in _weighted(rows, ("first", "second"), 0).items()
        )

    def _failures(self, judgements: int) -> tuple[LabelFailures, ...]:
        rows = records(answers.failures_by_label(self._ask, self._of, judgements=judgements))
        return tuple(LabelFailures(r["label"], r["value"], int(r["failed"]), int(r["judged"])) for r in rows)

    def _judges(
        self,
        judges: Sequence[str],
        counts: Sequence[Mapping[str, Any]],
        calls: Sequence[Mapping[str, Any]],
        *,
        has_labels: bool,
        has_failed: bool,
    ) -> tuple[JudgeFigures, ...]:
        ask, of, step_s = self._ask, self._of, self._step_s
        wins = _weighted(list(records(quality.of_judges(ask, of, step_s=step_s))), ("judge",), 0)
        people: dict[tuple[str, ...], Weighted] = {}
        tables: dict[str, SignTable] = {}
        if has_labels:
            people = _weighted(list(records(quality.against_people(ask, of, step_s=step_s))), ("judge",), 0)
            tables = _tables(quality.agreement_counts(ask, of))
        judgements = {judge: sum(int(r["n"]) for r in counts if r["judge"] == judge) for judge in judges}
        drawn = _by_judge(quality.lengths(ask, of, judgements=sum(judgements.values())))
        failed = _by_judge(answers.failures(ask, of)) if has_failed else {}
        twice = _by_judge(answers.repeats(ask, of)) if _asked(calls, "repeat") else {}
        canaries = _by_judge(answers.canaries(ask, of)) if _asked(calls, "canary") else {}
        return tuple(
            JudgeFigures(
                judge=judge,
                models=_models([r for r in counts if r["judge"] == judge]),
                **_verdicts([r for r in counts if r["judge"] == judge]),
                wins=wins.get((judge,)),
                against_people=people.get((judge,)),
                agreement=tables.get(judge),
                lengths=_lengths(drawn.get(judge, {}), judgements[judge]),
                calls=tuple(_calls(r) for r in calls if r["judge"] == judge),
                failures=tuple((r["reason"], int(r["pairs"])) for r in records(failed.get(judge, {}))),
                twice=tuple(_twice(r) for r in records(twice.get(judge, {}))),
                canaries=_canaries(records(canaries.get(judge, {}))),
            )
            for judge in judges
        )


def _asked(calls: Sequence[Mapping[str, Any]], kind: str) -> bool:
    return any(row["kind"] == kind for row in calls)


def _rungs(counts: Sequence[Mapping[str, Any]], corrections: Sequence[Correction]) -> tuple[tuple[str, int], ...]:
    """Of several judges each has its own row of a pair; such pairs are counted where they were put together."""
    found = Counter[str]()
    for row in counts:
        found[row["rung"]] += int(row["n"])
    judged = sum(sum(s.buckets.n) for c in corrections[:1] for part, s in c.parts.items() if part != "settled")
    if judged and len({row["judge"] for row in counts if row["judge"]}) > 1:
        found["judge"] = judged
    return tuple((rung, found[rung]) for rung in ("equal", "structure", "judge") if found[rung])


def _weighted(rows: Sequence[Mapping[str, Any]], keys: Sequence[str], k: int) -> dict[tuple[str, ...], Weighted]:
    """Of the k-th pair of values, by the values of the keys."""
    found: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(str(row[name]) for name in keys), []).append(row)
    return {who: _sums(own, k) for who, own in found.items()}


def _sums(rows: Sequence[Mapping[str, Any]], k: int) -> Weighted:
    blocks = [row for row in rows if int(row["time_s"]) > 0]

    def groups(of: Sequence[Mapping[str, Any]], key: str) -> Groups:
        columns = (tuple(float(row[name]) for row in of) for name in ("w", f"a_{k}", f"b_{k}"))
        return Groups(tuple(int(row[key]) for row in of), tuple(int(row["n"]) for row in of), *columns)

    def whole(name: str) -> float:
        return float(sum(row[name] for row in blocks))

    names = [f"{x}{y}_{k}" for x, y in quality.PRODUCTS]
    aa, ab, aw, bb, bw = (whole(name) for name in names)
    buckets = [row for row in rows if int(row["time_s"]) == 0]
    return Weighted(groups(blocks, "time_s"), groups(buckets, "bucket"), (aa, ab, aw, bb, bw, whole("ww")))


def _by_judge(columns: Columns) -> dict[str, Columns]:
    """The same answer, one for each judge."""
    places: dict[str, list[int]] = {}
    for i, judge in enumerate(columns["judge"]):
        places.setdefault(str(judge), []).append(i)
    return {judge: {name: [of[i] for i in mine] for name, of in columns.items()} for judge, mine in places.items()}


def _lengths(columns: Columns, of: int) -> Lengths | None:
    if not columns or not len(columns["won"]):
        return None
    won = tuple(float(x) for x in columns["won"])
    weight = tuple(float(x) for x in columns["w"]) if "w" in columns else (1.0,) * len(won)
    longer, bucket = (tuple(int(x) for x in columns[name]) for name in ("longer", "bucket"))
    return Lengths(of, won, longer, weight, bucket)


def _sign(value: object) -> int | None:
    return None if value == quality.UNKNOWN_SIGN else int(value)  # type: ignore[call-overload]


def _models(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
    counted = Counter[str]()
    for row in rows:
        counted[row["judge_model"]] += int(row["n"])
    return tuple(counted.most_common(quality.MOST_MODELS))


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Without the names of models, which part rows that say the same."""
    counted = Counter[tuple[int | None, int | None, int | None]]()
    for row in rows:
        counted[_sign(row["said"]), _sign(row["pc"]), _sign(row["cp"])] += int(row["n"])
    return {
        "verdicts": tuple(Verdicts(*signs, n) for signs, n in counted.items()),
        "scored": sum(int(row["scored"]) for row in rows),
        "score_primary": float(sum(row["primary_sum"] for row in rows)),
        "score_candidate": float(sum(row["candidate_sum"] for row in rows)),
    }


def _tables(columns: Columns) -> dict[str, SignTable]:
    counts: dict[str, list[list[int]]] = {}
    for row in records(columns):
        table = counts.setdefault(row["judge"], [[0, 0, 0] for _ in range(3)])
        table[int(row["judge_said"]) + 1][int(row["people_said"]) + 1] = int(row["pairs"])
    return {judge: sign_table(rows) for judge, rows in counts.items()}


def _calls(row: Mapping[str, Any]) -> Calls:
    return Calls(
        row["kind"],
        row["stage"],
        row["outcome"],
        bool(row["is_final"]),
        int(row["n"]),
        int(row["cost_nanousd"]),
        int(row["unpriced"]),
        int(row["input_sum"]),
        int(row["output_sum"]),
    )


def _twice(row: Mapping[str, Any]) -> Twice:
    return Twice(bool(row["is_score"]), float(row["first"]), float(row["again"]), int(row["n"]))


def _canaries(rows: Iterator[Mapping[str, Any]]) -> tuple[int, int, int]:
    counted = Counter[int]()
    for row in rows:
        counted[int(row["said"])] += int(row["n"])
    return counted[-1], counted[0], counted[1]
