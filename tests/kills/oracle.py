"""The client's list against the store: what had to be there, what could be, and what is.

An answer had to be recorded when it was over, for the client and for the candidate, `GRACE_S` before its worker was
killed: `capture.flush` is 50 ms, the rest is room for a busy machine. For as long as the kernel says that the worker
had to wait for a core just before, it has that much more. Whether it was flushed is not asked of anybody.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.kills.account import Account, Row
from tests.kills.client import Asked, Kind
from tests.kills.program import Death
from tests.kills.upstreams import ARMS, PRIMARY, Served, text_of

GRACE_S = 0.2
_SHOWN = 20


@dataclass(slots=True)
class Findings:
    """Counts are of (request, candidate)."""

    due: int = 0
    """Had to be there."""
    missing: int = 0
    in_grace_found: int = 0
    in_grace_lost: int = 0
    doubled: int = 0
    texts: int = 0
    """Compared, both sides."""
    counted_lost: Counter[str] = field(default_factory=Counter)
    """`worker_lost` by candidate, as the store counts it."""
    skips: Counter[str] = field(default_factory=Counter)
    """Rows of skips by reason."""
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def shown(self) -> list[str]:
        """The first faults, and how many there are."""
        more = len(self.faults) - _SHOWN
        return self.faults[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class Lists:
    """What the test itself knows."""

    asked: list[Asked]
    served: Mapping[tuple[str, str], Served]
    deaths: Mapping[int, Death]
    """Worker process -> when it was killed."""

    def is_due(self, one: Asked, arm: str) -> bool:
        """Was everything over long enough before the death of its worker?"""
        if one.ended_s is None:
            return False
        served = self.served.get((arm, one.name))
        if served is not None and served.ended_s is None:
            return False
        over_s = max(one.ended_s, served.ended_s if served is not None and served.ended_s is not None else 0.0)
        if one.worker is not None:
            deaths = [self.deaths[one.worker]] if one.worker in self.deaths else []
        else:
            deaths = list(self.deaths.values())
        # A client may read on from its own socket when the worker is dead already: that is no answer in time.
        return not any(one.sent_s <= death.at_s < over_s + GRACE_S + death.waited_s for death in deaths)

    def story(self, one: Asked, arm: str) -> str:
        """When it was over, and what became of its worker."""
        served = self.served.get((arm, one.name))
        death = self.deaths.get(one.worker or 0)
        if death is None or one.ended_s is None:
            return "its worker was not killed"
        ended_s = served.ended_s if served is not None else None
        return (
            f"its client had it {death.at_s - one.ended_s:.3f} s before its worker {one.worker} was killed, and "
            f"{arm} had answered {f'{death.at_s - ended_s:.3f} s before' if ended_s else 'nothing'}; the worker had "
            f"waited {death.waited_s:.3f} s for a core"
        )


def judge(lists: Lists, account: Account) -> Findings:
    """All checks."""
    found = Findings()
    pairs, skips = _by_place(account.pairs), _by_place(account.skips)
    for one in lists.asked:
        for arm in ARMS:
            _judge_one(found, lists, one, arm, pairs.get((one.name, arm), []), skips.get((one.name, arm), []))
    known = {(one.name, arm) for one in lists.asked for arm in ARMS}
    for place in (pairs.keys() | skips.keys()) - known:
        found.fault(f"{place}: a row of a request that nobody made")
    for (arm, name), served in lists.served.items():
        if served.asked != 1:
            found.fault(f"{name}: {arm} was asked {served.asked} times")
    _judge_texts(found, lists, account)
    _judge_counts(found, lists, account, {**skips, **pairs}.keys())
    for what, (there, now) in account.sums.items():
        if there != now:
            found.fault(f"{what}: {there} is not {now}")
    return found


def _by_place(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    places: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        places[row["name"], row["candidate"]].append(row)
    return places


def _judge_one(found: Findings, lists: Lists, one: Asked, arm: str, pairs: list[Row], skips: list[Row]) -> None:
    rows = len(pairs) + len(skips)
    place = f"{one.name} ({one.kind.value}) {arm}"
    if rows > 1:
        found.doubled += 1
        found.fault(f"{place}: {len(pairs)} pairs and {len(skips)} skips")
    if not one.kind.leaves_rows:
        if rows:
            found.fault(f"{place}: a row of a request that is a count and nothing else")
        return
    if lists.is_due(one, arm):
        found.due += 1
        if not rows:
            found.missing += 1
            found.fault(f"{place}: missing; {lists.story(one, arm)}")
    elif rows:
        found.in_grace_found += 1
    else:
        found.in_grace_lost += 1
    is_copied = (arm, one.name) in lists.served
    if pairs and not is_copied:
        found.fault(f"{place}: a pair of a copy that was never sent")
    if skips and is_copied:
        found.fault(f"{place}: a skip of a copy that was sent")
    for row in (*pairs, *skips):
        if row["tenant"] != one.tenant:
            found.fault(f"{place}: recorded for {row['tenant']}, asked for {one.tenant}")
    for row in skips:
        found.skips[row["reason"]] += 1
        if (row["reason"] == "stateful") != (one.kind is Kind.STATEFUL):
            found.fault(f"{place}: skipped as {row['reason']}")
    for row in pairs:
        _judge_pair(found, one, arm, row, place)


def _judge_pair(found: Findings, one: Asked, arm: str, row: Row, place: str) -> None:
    if one.ended_s is not None and row["primary_outcome"] != "ok":
        found.fault(f"{place}: the client had its answer; recorded as {row['primary_outcome']}")
    if row["stream"] != (one.kind is Kind.STREAM):
        found.fault(f"{place}: recorded as stream={row['stream']}")
    if row["candidate_outcome"] == "ok":
        tokens = len(text_of(arm, one.name).split())
        # 11 tokens in at 2, the answer's words out at 8 dollars a million.
        expected = (Decimal(11 * 2) + Decimal(tokens * 8)) / 1_000_000
        if row["candidate_cost_usd"] != expected:
            found.fault(f"{place}: cost {row['candidate_cost_usd']}, not {expected}")


def _judge_texts(found: Findings, lists: Lists, account: Account) -> None:
    """Once per side of a pair, with the words that this very request was answered with."""
    asked = {one.name: one for one in lists.asked}
    outcomes = {(row["request_id"], row["candidate"]): row for row in account.pairs}
    names = {row["request_id"]: row["name"] for row in account.pairs}
    sides = Counter((row["request_id"], row["side"]) for row in account.texts)
    for place, times in sides.items():
        if times != 1:
            found.fault(f"{names.get(place[0])} {place[1]}: texts are there {times} times")
    expected = set(outcomes) | {(identifier, PRIMARY) for identifier in names}
    for identifier, side in expected ^ sides.keys():
        found.fault(f"{names.get(identifier)} {side}: texts without a pair, or a pair without texts")
    for row in account.texts:
        name, side = names.get(row["request_id"]), row["side"]
        if name not in asked:
            continue
        pair = outcomes.get((row["request_id"], side))
        is_whole = (
            asked[name].ended_s is not None
            if side == PRIMARY
            else pair is not None and pair["candidate_outcome"] == "ok"
        )
        found.texts += is_whole
        if is_whole and row["response"] != (asked[name].text if side == PRIMARY else text_of(side, name)):
            found.fault(f"{name} {side}: {row['response'][:60]!r} was not its answer")
        if side == PRIMARY and f'"I am {name}"' not in row["request"]:
            found.fault(f"{name}: another request's text")


def _judge_counts(found: Findings, lists: Lists, account: Account, rows: Collection[tuple[str, str]]) -> None:
    """Counts lie between what is certain and what is possible by the client's list."""
    for arm in ARMS:
        states = {state: n for (candidate, state), n in account.states.items() if candidate == arm}
        pairs = sum(row["candidate"] == arm for row in account.pairs)
        lost = states.get("worker_lost", 0)
        found.counted_lost[arm] = lost
        finished = sum(one.ended_s is not None for one in lists.asked)
        _within(found, f"{arm}: received", states["received"], finished, len(lists.asked))
        without = [one for one in lists.asked if one.kind.leaves_rows and (one.name, arm) not in rows]
        certain = sum((arm, one.name) in lists.served for one in without)
        # Whatever was cut may have been received and not decided on.
        undecided = sum(one.ended_s is None and not one.kind.leaves_rows for one in lists.asked)
        _within(found, f"{arm}: worker_lost", lost, certain, len(without) + undecided)
        if states.get("admitted", 0) != pairs + lost:
            found.fault(f"{arm}: {states.get('admitted', 0)} admitted, {pairs} pairs and {lost} lost")
        for state in ("disk_dropped", "quarantined", "capture_full", "memory"):
            if states.get(state, 0):
                found.fault(f"{arm}: {states[state]} counted as {state}")
        for kind, state in ((Kind.OPT_OUT, "opt_out"), (Kind.NO_MATCH, "no_match")):
            mine = [one for one in lists.asked if one.kind is kind]
            _within(found, f"{arm}: {state}", states.get(state, 0), sum(o.ended_s is not None for o in mine), len(mine))


def _within(found: Findings, what: str, count: int, at_least: int, at_most: int) -> None:
    if not at_least <= count <= at_most:
        found.fault(f"{what}: {count} counted; by the client's list {at_least} to {at_most}")
