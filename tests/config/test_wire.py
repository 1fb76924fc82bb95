"""A configuration survives the way from one process of ours to another, secrets and all."""

import json
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from config.model import Config
from config.wire import from_wire, to_wire

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True).filter(lambda n: n not in {"control", "primary"})
shares = st.one_of(st.floats(0, 1), st.integers(0, 100).map(lambda n: f"{n}%"))
durations = st.one_of(st.integers(1, 10**6).map(lambda n: f"{n}ms"), st.integers(1, 1000).map(lambda n: f"{n}h"))
sizes = st.one_of(st.integers(1, 2**40), st.integers(1, 1000).map(lambda n: f"{n}MiB"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
prices = st.decimals(0, 1000, places=6)


@st.composite
def candidates(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "url": "http://vllm:8000/base",
        "sample": draw(shares),
        "params": draw(st.dictionaries(st.text(max_size=5).filter(lambda k: k != "model"), json_values, max_size=3)),
        "headers": draw(st.dictionaries(st.sampled_from(["x-a", "X-B"]), st.text("abc ${}", max_size=5))),
        "max_response": draw(sizes),
        "timeout": {"total": draw(durations)},
        "price": draw(st.none() | st.fixed_dictionaries({"input_per_mtok": prices, "output_per_mtok": prices})),
    }


@st.composite
def configurations(draw: st.DrawFn) -> Config:
    arm_names = draw(st.lists(names, max_size=3, unique=True))
    return Config.model_validate(
        {
            "primary": {"url": "https://api.example.com"},
            "candidates": [draw(candidates(name)) for name in arm_names],
            "sampling": {"from": ["header:x-id", "prefix"], "seed": draw(st.integers(0, 2**63 - 1))},
            "labels": {"tenant": {"header": "X-Tenant"}, "route": {"path": True}},
            "store": {"url": "clickhouse://u:p@h:8123/db"},
            "drain": draw(durations),
        }
    )


@given(configurations())
def test_every_configuration_survives(config: Config) -> None:
    encoded = msgspec.json.encode(to_wire(config))
    assert from_wire(msgspec.json.decode(encoded)) == config
    assert from_wire(json.loads(encoded)) == config


def test_money_stays_exact() -> None:
    config = Config.model_validate(
        {"primary": {"url": "http://p", "price": {"input_per_mtok": "0.1", "output_per_mtok": 3}}}
    )
    price = from_wire(json.loads(json.dumps(to_wire(config)))).primary.price
    assert price is not None
    assert price.input_per_mtok == Decimal("0.1")
