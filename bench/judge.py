"""Judged pairs per second, what judging costs, and what it takes of a core: `python -m bench.judge`.

Pairs with texts are in a store; the judge role, alone on a core, asks a judge model of the benchmark's own that answers
after 300 ms, each pair in both orders, 64 calls at a time. The judge model keeps a bill of its own, call by call, which
the store's accounts are held against.
"""

import argparse
import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median

from bench import judge_recorded
from bench.machine import BenchError, cores, say
from bench.measured import Figure, Measured, measured_now, save
from bench.owned_store import OwnedStore
from bench.results import spread, table, write_section
from config.model import Store
from tests.fakes.judge import Call, JudgeUpstream, Reply
from tests.fakes.judge_role import JudgeRole, configuration
from tests.fakes.judged_pairs import Asked, fill, request_id

SECTION = "judge"
ANSWERS_AFTER_S = 0.3
IN_FLIGHT = 64
PAIRS = 2_500
CANDIDATE = "candidate"
_TIMEOUT_S = 300.0
_POLL_S = 0.25
_MIB = 2**20
_FAULTS = (
    Reply("slow down", status=429, headers={"retry-after": "1"}),
    Reply("overloaded", status=503),
    Reply("That is hard to say."),
    Reply.winner("A", is_cut=True),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table."""

    key: str
    title: str
    fault_share: float
    """Of calls that fail, one kind of failure after the other."""


KINDS = (
    Kind("well", "every call answered", 0.0),
    Kind("faulty", "one call in 200 fails (429, 503, no verdict, cut off)", 0.005),
)


@dataclass(slots=True)
class Rounds:
    """One number per round."""

    kind: Kind
    pairs_per_s: list[float] = field(default_factory=list)
    role_ms: list[float] = field(default_factory=list)
    """CPU milliseconds per judged pair."""
    store_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    most_in_flight: list[int] = field(default_factory=list)
    calls: int = 0
    judged: int = 0
    bill_usd: Decimal = Decimal(0)
    known_usd: Decimal = Decimal(0)
    """Costs that the store knows."""
    judgements_usd: Decimal = Decimal(0)
    """The same, added up over judgements."""
    committed_usd: Decimal = Decimal(0)
    unpriced_usd: Decimal = Decimal(0)
    """On the bill for answers that never arrived whole, so that nobody here can know them."""


def requests(pairs: int, seed: int) -> list[Asked]:
    """Prompts of some forty words, answers of some two hundred."""
    chance = Random(seed)
    words = [f"{chance.choice('bdfgklmnprst')}{chance.choice('aeiou')}{chance.choice('lmnrst')}" for _ in range(400)]
    begin = datetime.now(UTC) - timedelta(hours=2)

    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(least, most)))

    made = []
    for number in range(pairs):
        ts = begin + timedelta(seconds=number)
        made.append(Asked(request_id(ts, chance), ts, text(20, 60), text(100, 300), {CANDIDATE: text(100, 300)}))
    return made


@dataclass(slots=True)
class Answering:
    """Decides."""

    fault_share: float
    chance: Random
    faults: int = 0

    def __call__(self, call: Call) -> Reply:
        if self.chance.random() < self.fault_share:
            self.faults += 1
            fault = _FAULTS[self.faults % len(_FAULTS)]
            return replace(fault, after_s=ANSWERS_AFTER_S)
        winner = self.chance.choice(("A", "B", "tie"))
        return Reply.winner(winner, "It is the better of the two answers.", after_s=ANSWERS_AFTER_S)


async def one_round(rounds: Rounds, directory: Path, pairs: int, core: int, seed: int) -> None:
    """Judges all pairs of a fresh store.

    Raises:
        BenchError: it did not come to an end, or the accounts are wrong.
    """
    async with JudgeUpstream(Answering(rounds.kind.fault_share, Random(seed))) as upstream:
        with OwnedStore(directory / "store") as store:
            await asyncio.to_thread(fill, Store(dir=str(directory / "store")), requests(pairs, seed))
            model = {
                "name": "judge",
                "url": upstream.url,
                "model": "judge-model",
                "price": upstream.price.configured(),
                "max_in_flight": IN_FLIGHT,
            }
            config = configuration(directory, [model], metrics=["rouge_l", "token_f1"])
            with JudgeRole(config, log=directory / "judge.out") as role:
                os.sched_setaffinity(role.pid, {core})
                await asyncio.to_thread(role.until_ready)
                before_s = role.cpu_s(), store.cpu_s()
                await _until_judged(store, role, pairs)
                rounds.role_ms.append((role.cpu_s() - before_s[0]) / pairs * 1e3)
                rounds.store_ms.append((store.cpu_s() - before_s[1]) / pairs * 1e3)
                rounds.memory_mib.append(role.peak_bytes() / _MIB)
                if await asyncio.to_thread(role.stop) != 0:
                    raise BenchError("the role did not end in peace")
            _note(rounds, upstream, store, pairs)


async def _until_judged(store: OwnedStore, role: JudgeRole, pairs: int) -> None:
    reader, deadline_s = store.reader(), time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline_s and role.is_running():
        rows = await asyncio.to_thread(reader.query, "SELECT count() AS n FROM judgements")
        if int(rows[0]["n"]) >= pairs:
            return
        await asyncio.sleep(_POLL_S)
    raise BenchError(f"not all was judged: {role.failure or role.figures}")


def _note(rounds: Rounds, upstream: JudgeUpstream, store: OwnedStore, pairs: int) -> None:
    """What was asked and charged, and what the store says of it."""
    n, distinct, usd = store.one("SELECT count(), uniqExact(request_id), sum(cost_usd) FROM judgements")
    if (n, distinct) != (pairs, pairs):
        raise BenchError(f"{n} judgements of {distinct} pairs; there are {pairs} pairs")
    known, committed = store.one("SELECT sum(known_usd), sum(committed_usd) FROM judge_spend")
    broken = sum((call.usd for call in upstream.calls if call.reply is not None and call.reply.is_cut), Decimal(0))
    if upstream.refused or Decimal(known) + broken != upstream.usd:
        raise BenchError(f"accounted {known}, broken off {broken}, bill {upstream.usd}; refused {upstream.refused[:1]}")
    ends = sorted(call.ended_s for call in upstream.calls if call.ended_s is not None)
    # Without the first and the last tenth: starting and running out are not the rate.
    first, last = len(ends) // 10, len(ends) * 9 // 10
    rounds.pairs_per_s.append((last - first) / (ends[last] - ends[first]) / 2)
    rounds.most_in_flight.append(upstream.most_under_way)
    rounds.calls += len(upstream.calls)
    rounds.judged += pairs
    rounds.bill_usd += upstream.usd
    rounds.known_usd += Decimal(known)
    rounds.judgements_usd += Decimal(usd or 0)
    rounds.committed_usd += Decimal(committed)
    rounds.unpriced_usd += broken


def measure(kind: Kind, pairs: int, rounds: int, core: int, seed: int = 7) -> Rounds:
    """The same number of pairs in every round, each from a fresh store."""
    found = Rounds(kind)
    for number in range(rounds):
        say(f"{kind.title}: round {number + 1} of {rounds}, {pairs:,} pairs")
        with tempfile.TemporaryDirectory(prefix="shadowbench-bench-") as name:
            asyncio.run(one_round(found, Path(name), pairs, core, seed + number))
    return found


def figures_of(found: Sequence[Rounds]) -> dict[str, Figure]:
    """For `measured/`."""
    figures = {}
    for rounds in found:
        key = rounds.kind.key
        figures[f"pairs_per_s_{key}"] = Figure.over(rounds.pairs_per_s)
        figures[f"role_ms_{key}"] = Figure.over(rounds.role_ms)
        figures[f"store_ms_{key}"] = Figure.over(rounds.store_ms)
        figures[f"memory_mib_{key}"] = Figure.over(rounds.memory_mib)
        figures[f"usd_per_1000_{key}"] = Figure.over([float(rounds.known_usd / rounds.judged * 1000)])
        apart = rounds.bill_usd - rounds.known_usd - rounds.unpriced_usd
        figures[f"bill_minus_accounts_usd_{key}"] = Figure.over([float(apart)])
    return figures


def section_of(found: Sequence[Rounds], measured: Measured, recorded: str) -> str:
    """The section of `RESULTS.md`; `recorded` is added to it."""
    speed = [
        (
            rounds.kind.title,
            spread(rounds.pairs_per_s, 1),
            spread([float(n) for n in rounds.most_in_flight]),
            spread(rounds.role_ms, 2),
            spread(rounds.store_ms, 2),
            spread(rounds.memory_mib),
            f"{rounds.judged:,}",
        )
        for rounds in found
    ]
    speed_head = (
        "",
        "judged pairs/s",
        "most calls in flight",
        "role, CPU ms/pair",
        "store, CPU ms/pair",
        "role, MiB at most",
        "pairs",
    )
    money = [
        (
            rounds.kind.title,
            f"{rounds.calls:,}",
            f"{rounds.known_usd / rounds.judged * 1000:.4f}",
            f"{rounds.known_usd:.6f}",
            f"{rounds.unpriced_usd:.6f}",
            f"{rounds.bill_usd:.6f}",
            f"{rounds.bill_usd - rounds.known_usd - rounds.unpriced_usd:.6f}",
            f"{rounds.committed_usd:.6f}",
        )
        for rounds in found
    ]
    money_head = (
        "",
        "calls",
        "$ per 1,000 judged pairs",
        "accounted, $",
        "broken off, $",
        "the judge's bill, $",
        "difference, $",
        "held against the budget, $",
    )
    most = 1 / ANSWERS_AFTER_S * IN_FLIGHT / 2
    return f"""## The judge

{measured.place}

The judge role alone on one core; store, judge model and benchmark on the other. The judge model answers after
{ANSWERS_AFTER_S * 1e3:.0f} ms, {IN_FLIGHT} calls at a time: no more than {most:.0f} pairs/s are possible in both
orders. Each cell: median of the rounds, in brackets the smallest and largest; the rate is that of the middle eight
tenths of the calls. Text metrics (ROUGE-L, token F1) are made along the way.

{table(speed_head, speed)}

Money, all rounds together. *Broken off* is on the judge's bill for answers whose connection broke before their end:
nobody here can know what they cost, so they are held against the budget with the most that they can have cost.

{table(money_head, money)}
{recorded}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it and writes the section, unless `--dry`."""
    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=__doc__)
    parser.add_argument("--full", action="store_true", help="five rounds instead of three")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="in each round (default %(default)s)")
    parser.add_argument("--recorded", action="store_true", help="recorded judges of real outputs, too (a minute)")
    parser.add_argument("--kind", action="append", choices=[kind.key for kind in KINDS])
    options = parser.parse_args(arguments)
    rounds = options.rounds or (5 if options.full else 3)
    try:
        core, other = cores()
        os.sched_setaffinity(0, {other})
        found = [
            measure(kind, options.pairs, rounds, core)
            for kind in KINDS
            if options.kind is None or kind.key in options.kind
        ]
        recorded = judge_recorded.section_of(judge_recorded.measure()) if options.recorded else ""
    except (BenchError, AssertionError) as error:
        say(f"bench.judge: {error}")
        return 1
    said = sys.argv[1:] if arguments is None else arguments
    measured = measured_now(shlex.join(["python", "-m", "bench.judge", *said]), {}, figures_of(found))
    text = section_of(found, measured, recorded)
    print(text)
    if not options.dry:
        save(SECTION, measured)
        write_section(SECTION, text)
    say(", ".join(f"{one.kind.key}: {median(one.pairs_per_s):.1f} pairs/s" for one in found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
