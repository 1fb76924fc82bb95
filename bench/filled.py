"""Pairs of a month of traffic, made by the engine itself: a request has the same primary for every candidate.

Every number is drawn from a hash of the request's number, so that a store can be filled in pieces and always alike.
Latencies are lognormal with a daily tide; conversations of four requests run beside each other; one candidate is now
and then not there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.tables import COUNTERS, PAIRS, SKIPS

CANDIDATES = ("llama-70b", "mistral", "qwen")
_SPEEDS = {"llama-70b": 0.8, "mistral": 1.0, "qwen": 1.1}
_STEP = 500_000
"""Requests of one statement."""
# Vectors of one pair are some kilobytes while they are added up.
_BLOCKS = "SETTINGS max_insert_threads = 2, min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 0"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is stood for."""

    until: datetime
    """UTC, a full minute."""
    requests: int = 10_000_000
    days: int = 30

    @property
    def since(self) -> datetime:
        """Start of the first request."""
        return self.until - timedelta(days=self.days)


def experiment_of(candidate: str) -> str:
    """Its experiment id."""
    return f"e-{candidate}"


def statements(traffic: Traffic) -> Iterator[str]:
    """Fill `pairs`, `skips` and `counters`; the views fill the rollups."""
    for candidate in CANDIDATES:
        for first in range(0, traffic.requests, _STEP):
            count = min(_STEP, traffic.requests - first)
            yield _pairs(traffic, candidate, f"numbers({first}, {count})")
        skipped = traffic.requests // 1000
        yield _skips(traffic, candidate, skipped)
        yield _counters(traffic, candidate, skipped)


def _normal(seed: int) -> str:
    """Standard normal, of the hash of a request (Box and Muller, 1958)."""
    u, v = (f"((sipHash64(number, {2 * seed + k}) + 1) / 18446744073709551616.)" for k in (0, 1))
    return f"sqrt(-2 * log({u})) * cos(2 * pi() * {v})"


def _below(seed: int, parts: int) -> str:
    return f"sipHash64(number, {1000 + seed}) % {parts}"


def _places(traffic: Traffic, of: int) -> dict[str, str]:
    """Columns that `pairs` and `skips` share; requests lie evenly in the window."""
    step_us = int((traffic.until - traffic.since).total_seconds() * 10**6) / of
    since_us = int(traffic.since.timestamp()) * 10**6
    ts = f"fromUnixTimestamp64Micro(toInt64({since_us} + number * {step_us}), 'UTC')"
    conversation = f"sipHash64(intDiv(number, 16) * 4 + {_below(1, 4)}, 77)"
    return {
        "request_id": "reinterpretAsUUID(concat(reinterpretAsString(sipHash64(number, 78)), "
        "reinterpretAsString(toUInt64(number))))",
        "ts": ts,
        "conversation": conversation,
        "block": f"toStartOfMinute({ts})",
        "bucket": f"toUInt8({conversation} % 256)",
        "labels": "map('tenant', concat('t', toString("
        f"{_below(2, 100)})), 'route', concat('/v1/route/', toString({_below(3, 20)})))",
        "batch": "toString(intDiv(number, 1000))",
    }


def _pairs(traffic: Traffic, candidate: str, rows: str) -> str:
    seed = 100 * (CANDIDATES.index(candidate) + 1)
    columns = {
        **_places(traffic, traffic.requests),
        "candidate": f"'{candidate}'",
        "experiment": f"'{experiment_of(candidate)}'",
        "endpoint": "'chat/completions'",
        "sample_share": "0.1",
        "stream": f"{_below(4, 2)} = 0",
        "worker": "'proxy-0'",
        "config_version": "1",
        "start_skew_ms": f"{_below(seed + 5, 250)} / 1000",
        "loop_lag_ms": f"{_below(6, 30_000)} / 1000",
        "held_ms": f"if({_below(7, 200)} = 0, 12.5, 0)",
        "overhead_ms": f"{_below(8, 200)} / 1000",
        "gateway_cache": f"{_below(9, 300)} = 0",
        "changed": "['model']",
        "exact_match": f"{_below(seed + 10, 20)} = 0",
        "tool_call_agreement": f"if({_below(seed + 11, 10)} = 0, {_below(seed + 12, 3)} / 2, NULL)",
        **_leg("primary", 1.0, 0, "gpt-4o-2024-08-06"),
        **_leg("candidate", _SPEEDS[candidate], seed, candidate),
    }
    names = [name for name in PAIRS.names() if name in columns]
    listed = ", ".join(f"{columns[name]} AS {name}" for name in names)
    return f"INSERT INTO {PAIRS.name} ({', '.join(names)}) SELECT {listed} FROM {rows} {_BLOCKS}"


def _leg(arm: str, speed: float, seed: int, model: str) -> dict[str, str]:
    """One arm: 1 % time out, 0.5 % fail; both arms share what makes a request long."""
    tide = "0.2 * sin(2 * pi() * toHour(ts) / 24)"
    total = f"round({speed} * exp(7 + 0.5 * {_normal(20)} + 0.35 * {_normal(seed + 30)} + {tide}), 6)"
    first = f"round({speed} * exp(5 + 0.4 * {_normal(21)} + 0.3 * {_normal(seed + 31)}), 6)"
    tokens = f"toUInt32(5 + {_below(22, 500)} + {_below(seed + 32, 400)})"
    prompt = f"toUInt32(40 + {_below(23, 3000)})"
    fate = _below(seed + 33, 1000)
    outcome = f"multiIf({fate} < 10, 'timeout', {fate} < 15, 'http_error', 'ok')"

    def known(sql: str) -> str:
        return f"if({arm}_outcome = 'ok', {sql}, NULL)"

    leg = {
        "outcome": outcome,
        "model": known(f"'{model}'"),
        "status": known("200"),
        "ttfb_ms": known(f"{first} / 2"),
        "ttft_ms": f"if({arm}_outcome = 'ok' AND stream, {first}, NULL)",
        "total_ms": known(total),
        "itl_ms": f"if({arm}_outcome = 'ok' AND stream, round({total} / {tokens}, 6), NULL)",
        "connection_reused": f"{_below(seed + 34, 20)} != 0",
        "connect_ms": f"if({_below(seed + 34, 20)} != 0, NULL, {_below(seed + 35, 30_000)} / 1000)",
        "input_tokens": known(prompt),
        "output_tokens": known(tokens),
        "cached_tokens": known(f"if({_below(seed + 36, 3)} = 0, intDiv({prompt}, 2), 0)"),
        "cost_usd": known(f"toDecimal64(({prompt} * 2500 + {tokens} * 10000) / 1e9, 9)"),
        "finish_reason": known(f"if({_below(seed + 37, 50)} = 0, 'length', 'stop')"),
        "chars": known(f"{tokens} * 4"),
        "refusal": known(f"{_below(seed + 38, 100)} = 0"),
        "tool_calls": known("0"),
        "valid_json": known(f"if({_below(24, 10)} = 0, {_below(seed + 39, 50)} != 0, NULL)"),
        "raw_usage": f"if({arm}_outcome = 'ok', concat('{{\"prompt_tokens\":', toString({prompt}), "
        f"',\"completion_tokens\":', toString({tokens}), '}}'), '')",
        "estimated_input_tokens": known(f"toUInt32({prompt} * 1.02)"),
        "estimated_output_tokens": known(f"toUInt32({tokens} * 0.97)"),
    }
    return {f"{arm}_{name}": sql for name, sql in leg.items()}


def _skips(traffic: Traffic, candidate: str, count: int) -> str:
    columns = {
        **_places(traffic, count),
        "candidate": f"'{candidate}'",
        "experiment": f"'{experiment_of(candidate)}'",
        "reason": "['budget', 'overload', 'max_in_flight', 'breaker_open'][number % 4 + 1]",
        **_leg("primary", 1.0, 0, "gpt-4o-2024-08-06"),
    }
    columns = {name: sql.replace(" AND stream", "") for name, sql in columns.items()}
    names = [name for name in SKIPS.names() if name in columns]
    listed = ", ".join(f"{columns[name]} AS {name}" for name in names)
    return f"INSERT INTO {SKIPS.name} ({', '.join(names)}) SELECT {listed} FROM numbers({count}) {_BLOCKS}"


def _counters(traffic: Traffic, candidate: str, skipped: int) -> str:
    """Once a minute, as many as there are rows."""
    states: Mapping[str, int] = {
        "received": (traffic.requests + skipped) * 10,
        "unsampled": (traffic.requests + skipped) * 9,
        **dict.fromkeys(("budget", "overload", "max_in_flight", "breaker_open"), skipped // 4),
        "admitted": traffic.requests,
        "ended": traffic.requests,
    }
    minutes = traffic.days * 24 * 60
    since = f"toDateTime('{traffic.since:%Y-%m-%d %H:%M:%S}', 'UTC')"
    names, counts = list(states), list(states.values())
    place = f"number % {len(states)} + 1"
    minute = f"intDiv(number, {len(states)})"
    up_to = f"intDiv({counts}[{place}] * ({minute} + {{}}), {minutes})"
    share = f"toUInt64({up_to.format(1)} - {up_to.format(0)})"
    return (
        f"INSERT INTO {COUNTERS.name} "
        f"SELECT {since} + 60 * {minute}, 'proxy-0', '{candidate}', {names}[{place}], {share} "
        f"FROM numbers({minutes * len(states)})"
    )
