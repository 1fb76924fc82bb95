"""The whole way: rows as the recorder's writer inserts them, rollups, watermark, study, and the policy's decision.

Replications stand side by side in one store, as candidates of their own. Between two looks the rows of what ended in
the meantime arrive; a look asks the store as `gate` does, behind the watermark, and each candidate is decided alone.
"""

import importlib.util
import math
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.results import Comparison, Study
from analyzer.source import Window
from analyzer.stored import StoredPairs
from analyzer.study import study
from analyzer.verdict import Verdict
from config.policy import Margin, MetricRule, Minimum, Policy
from store import tables
from store.comparison import Ask, Span
from store.locate import StoreConnection, connect
from store.reader import Reader
from store.rollups import layout
from store.writer import Writer
from tests.analyzer.rows import as_values
from tests.calibration.looking import metric
from tests.calibration.replicated import generator
from tests.calibration.tables import Bar, Section, Share, Table
from tests.calibration.traffic import LATENCIES, PER_BLOCK, BoolArray, FloatArray, Pairs
from tests.store.owners import store_at, transient

PAIRS = 3000
BLOCK_S = 120
MARGIN = 0.05
"""Of the log ratio of times; candidates at the margin are slower by just that."""
SLOW = 10.0
"""Times are so many times those of `traffic`: then many requests are under way at a look."""
TRAFFIC = ("iid", "straddling", "load-95")
LOOKS = 10
FAILED_SHARE = 0.02
ROLLUPS_FROM = 2000
"""The product reads windows of up to 200,000 pairs from the pairs themselves; here rollups are to be read, too."""
METRICS = (metric("total_ms", "log_ratio"), metric("total_ms", "mean"), metric("error_rate", "rate"))
POLICY = Policy(
    primary_metrics=(MetricRule(metric="total_ms", estimand="log_ratio", margin=Margin(value=MARGIN, relative=True)),),
    guardrails=(MetricRule(metric="error_rate", margin=Margin(value=0.02)),),
    minimum=Minimum(pairs=500, blocks=20, clusters=20),
    planned_pairs=2000,
)


@dataclass(frozen=True, slots=True)
class Replica:
    """One experiment: what it is called, its pairs, and when each begins and has ended, in seconds."""

    name: str
    traffic: str
    is_at_margin: bool
    pairs: Pairs
    begins_s: FloatArray
    is_ok: BoolArray
    """Shape (n, 2): primary, candidate; two in a hundred fail."""

    @property
    def ends_s(self) -> FloatArray:
        return self.begins_s + np.maximum(self.pairs.primary, self.pairs.candidate) / 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """What the looks at one experiment said."""

    replica: Replica
    decisions: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    """Of the log ratio."""
    stored: float
    """Difference of the log ratio at the last look."""
    direct: float
    """The same from the arrays: pairs that began before the end of the last look's window."""
    from_rollups: bool
    """The last look read rollups."""
    late: int
    """Pairs that had ended by the last look and were left out, since they began behind its window."""


def replica(traffic: str, number: int, *, is_at_margin: bool, seed: int, pairs: int) -> Replica:
    """A candidate like the primary, or slower by the margin."""
    name = f"{traffic}-{'margin' if is_at_margin else 'equal'}-{number}"
    rng = generator(seed, f"stored {name}", 0)
    drawn = LATENCIES[traffic][1](rng, pairs)
    drawn = replace(drawn, primary=drawn.primary * SLOW, candidate=drawn.candidate * SLOW)
    if is_at_margin:
        drawn = drawn.scaled(1 + MARGIN)
    # Anywhere within its block, in the order of the pairs.
    begins = np.sort(drawn.block + rng.random(drawn.n)) * BLOCK_S
    return Replica(name, traffic, is_at_margin, drawn, begins, rng.random((drawn.n, 2)) >= FAILED_SHARE)


def rows(of: Replica, begin: datetime, chosen: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Rows of `pairs`."""
    for i in chosen:
        ts = begin + timedelta(seconds=float(of.begins_s[i]))
        spread = uuid.uuid5(uuid.NAMESPACE_URL, f"{of.name}/{i}").int
        yield {
            "request_id": uuid.UUID(int=spread),
            "ts": ts,
            "candidate": of.name,
            "experiment": f"e-{of.name}",
            "conversation": int(of.pairs.conversation[i]),
            "block": ts - timedelta(seconds=ts.timestamp() % BLOCK_S),
            "bucket": int(of.pairs.bucket[i]),
            "sample_share": 1.0,
            **_leg("primary", float(of.pairs.primary[i]), is_ok=bool(of.is_ok[i, 0])),
            **_leg("candidate", float(of.pairs.candidate[i]), is_ok=bool(of.is_ok[i, 1])),
        }


def _leg(arm: str, total_ms: float, *, is_ok: bool) -> dict[str, Any]:
    if not is_ok:
        return {f"{arm}_outcome": "http_error", f"{arm}_status": 500}
    leg = {"outcome": "ok", "status": 200, "total_ms": round(total_ms, 3), "ttfb_ms": round(total_ms, 3)}
    return {f"{arm}_{name}": value for name, value in leg.items()}


def experiments(
    replications: int, *, seed: int, traffic: Sequence[str] = TRAFFIC, pairs: int = PAIRS, looks: int = LOOKS
) -> list[Seen]:
    """`replications` equal candidates and as many at the margin of each traffic, each traffic in a store of its own."""
    found: list[Seen] = []
    for name in traffic:
        replicas = [
            replica(name, i, is_at_margin=is_at_margin, seed=seed, pairs=pairs)
            for i in range(replications)
            for is_at_margin in (False, True)
        ]
        with tempfile.TemporaryDirectory(prefix="calibration-") as directory:
            found += _looked_at(replicas, Path(directory), looks)
    return found


def is_possible() -> bool:
    """The embedded engine is installed."""
    return importlib.util.find_spec("chdb") is not None


def _looked_at(replicas: Sequence[Replica], directory: Path, looks: int) -> list[Seen]:
    # The engine merges what is older than 36 hours, by its own clock.
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)
    span_s = max(float(of.begins_s[-1]) for of in replicas)
    told: dict[str, list[Study]] = {of.name: [] for of in replicas}
    at_s, before_s = 0.0, -1.0
    with _opened(directory) as (writer, ask), mock.patch.object(layout, "DIRECT_PAIRS", ROLLUPS_FROM):
        source = StoredPairs(ask)
        for look in range(1, looks + 1):
            before_s, at_s = at_s, span_s * look / looks
            _arrive(writer, replicas, begin, before_s, at_s)
            for one in _look(source, replicas, begin, at_s):
                told[one.candidates[0].name].append(one)
        last = told[replicas[0].name][-1].window
        how = layout.layout(ask, Span(last.since, last.until), begin + timedelta(seconds=at_s))
    return [_seen(of, told[of.name], begin, at_s, from_rollups=how.middle is not None) for of in replicas]


def _seen(of: Replica, told: Sequence[Study], begin: datetime, at_s: float, *, from_rollups: bool) -> Seen:
    said = [_log_ratio(one) for one in told]
    until_s = (told[-1].window.until - begin).total_seconds()
    inside = of.begins_s < until_s
    counts = inside & of.is_ok.all(axis=1)
    stored = said[-1].difference
    return Seen(
        replica=of,
        decisions=tuple(one.candidates[0].decision for one in told),
        verdicts=tuple(row.verdict for row in said),
        stored=math.nan if stored is None else stored,
        direct=float(np.log(of.pairs.candidate[counts] / of.pairs.primary[counts]).mean()),
        from_rollups=from_rollups,
        late=int(((of.ends_s <= at_s) & ~inside).sum()),
    )


def _log_ratio(of: Study) -> Comparison:
    return next(row for row in of.candidates[0].comparisons if row.metric == METRICS[0])


@contextmanager
def _opened(directory: Path) -> Iterator[tuple[Writer, Ask]]:
    with transient(directory):
        store = store_at(directory)
        writer = Writer(StoreConnection(store, access="writer"))
        client = connect(store, access="reader", start_owner=False)
        try:
            yield writer, Reader(client).columns
        finally:
            client.close()
            writer.close()


def _arrive(writer: Writer, replicas: Sequence[Replica], begin: datetime, before_s: float, at_s: float) -> None:
    """What ended since the last look, what was counted, and how far the recorder has come."""
    batch: list[list[Any]] = []
    for of in replicas:
        ended = np.flatnonzero((of.ends_s > before_s) & (of.ends_s <= at_s))
        batch += as_values(tables.PAIRS, list(rows(of, begin, ended.tolist())))
        if len(batch) > 10_000:
            _insert(writer, "pairs", batch, f"{of.name}-{at_s}")
            batch = []
    _insert(writer, "pairs", batch, f"rest-{at_s}")
    now = begin + timedelta(seconds=at_s)
    counted = [
        [now, "proxy-0", of.name, state, int(((of.begins_s > before_s) & (of.begins_s <= at_s)).sum())]
        for of in replicas
        for state in ("received", "admitted")
    ]
    _insert(writer, "counters", counted, f"counters-{at_s}")
    mark = begin + timedelta(seconds=_oldest_open(replicas, at_s))
    _insert(writer, tables.WATERMARKS.name, [[uuid.UUID(int=1), "proxy-0", mark, False, now]], f"mark-{at_s}")


def _oldest_open(replicas: Sequence[Replica], at_s: float) -> float:
    still = [float(of.begins_s[(of.begins_s <= at_s) & (of.ends_s > at_s)].min(initial=at_s)) for of in replicas]
    return min(still)


def _insert(writer: Writer, table: str, batch: list[list[Any]], token: str) -> None:
    if batch:
        writer.insert(table, batch, token)


def _look(source: StoredPairs, replicas: Sequence[Replica], begin: datetime, at_s: float) -> Iterator[Study]:
    now = begin + timedelta(seconds=at_s)
    names = tuple(of.name for of in replicas)
    plan = Plan(Window(begin, now), names, policy=POLICY, block_s=BLOCK_S, metrics=METRICS)
    figures = gather(source, plan, Setting(block_s=BLOCK_S), now=now)
    for name in names:
        # Alone: beside others Holm's correction would ask more of it.
        yield study(figures, replace(plan, candidates=(name,)))


def section(seen: Sequence[Seen]) -> Section:
    """Tables and bars."""
    table, bars = [], []
    for name in dict.fromkeys(one.replica.traffic for one in seen):
        equal, margin = (
            [one for one in seen if one.replica.traffic == name and one.replica.is_at_margin is at]
            for at in (False, True)
        )
        alarms = _share([bool({Verdict.BETTER, Verdict.WORSE} & set(one.verdicts)) for one in equal])
        passed = _share(["promote" in one.decisions for one in equal])
        wrong = _share(["promote" in one.decisions for one in margin])
        rejected = _share(["reject" in one.decisions for one in equal])
        table.append([LATENCIES[name][0], str(len(equal)), *map(str, (alarms, rejected, passed, wrong))])
        for says, share in (("equal arms called better or worse", alarms), ("promoted at the margin", wrong)):
            bound = 0.06 if name == "load-95" else 0.05
            bars.append(
                Bar(
                    f"through the store, {name}: {says}: at most {100 * bound:.0f} % within chance",
                    f"{share} %",
                    not share.surely_above(bound),
                )
            )
    worst = max(abs(one.stored - one.direct) for one in seen)
    says = "the store's log ratio is that of the same pairs in arrays, to 1e-6"
    bars.append(Bar(says, f"{worst:.1e}", worst < 1e-6))
    is_rolled = all(one.from_rollups for one in seen)
    bars.append(Bar("the last look read rollups", "it did" if is_rolled else "it did not", is_rolled))
    late = float(np.mean([one.late for one in seen]))
    return Section(
        "Through the store",
        f"{PAIRS:,} pairs for each candidate, at {PER_BLOCK:.0f} a block of {BLOCK_S} s, inserted by the product's "
        f"writer as they end; {LOOKS} looks behind an advancing watermark, through gathering, study and policy, from "
        f"pairs while there are few in the store and from rollups as soon as there are {ROLLUPS_FROM:,}. Candidates "
        f"are like the primary, or slower by just the margin ({100 * MARGIN:g} %). At the last look {late:.1f} pairs "
        "of a candidate, on average, had ended and were left out because they began behind the watermark.",
        (
            Table(
                [
                    "traffic",
                    "candidates of each kind",
                    "equal: better or worse at any look, %",
                    "equal: rejected, %",
                    "equal: promoted, %",
                    "at the margin: promoted, %",
                ],
                table,
            ),
        ),
        bars,
    )


def _share(happened: Sequence[bool]) -> Share:
    return Share(sum(happened), len(happened))
