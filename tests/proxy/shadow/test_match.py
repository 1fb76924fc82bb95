"""Which requests are meant for a candidate: against Python's own regular expressions, and by example."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.upstreams import Match
from proxy.shadow.match import Patterns, matcher_of
from proxy.wire.heads import Headers

texts = st.text("ab*", max_size=8)
values = st.text("ab", max_size=10)


def headers(**values: str) -> Headers:
    return [(n.encode(), n.replace("_", "-").encode(), v.encode()) for n, v in values.items()]


def expected(pattern: str, value: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None


@given(texts.filter(bool), values)
def test_a_star_stands_for_any_text(pattern: str, value: str) -> None:
    assert Patterns([pattern]).hold(value.encode()) == expected(pattern, value)


@given(st.lists(texts.filter(bool), max_size=4), st.lists(texts.filter(bool), max_size=3), values)
def test_entries_are_alternatives_and_those_with_a_mark_rule_out(
    wanted: list[str], refused: list[str], value: str
) -> None:
    holds = not any(expected(p, value) for p in refused) and (not wanted or any(expected(p, value) for p in wanted))
    assert Patterns([*wanted, *("!" + p for p in refused)]).hold(value.encode()) == holds


def test_a_value_that_is_not_there_fits_no_entry_and_is_ruled_out_by_none() -> None:
    assert not Patterns(["*"]).hold(None)
    assert Patterns(["!acme"]).hold(None)
    assert not Patterns(["acme", "!x"]).hold(None)


def test_a_pattern_of_many_stars_takes_time_in_proportion() -> None:
    """As a regular expression this would not end within a lifetime."""
    assert not Patterns(["*a" * 30 + "b"]).hold(b"a" * 60_000)


FREE = {"headers": {"x-tier": "free"}}


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, None),
        ({"paths": ["/v1/chat/*"]}, True),
        ({"paths": ["/v2/*"]}, False),
        ({"paths": ["*", "!*/completions"]}, False),
        ({"headers": {"X-Tier": ["paid", "free"]}}, True),
        ({"headers": {"x-tier": "paid"}}, False),
        ({"headers": {"x-other": "*"}}, False),
        ({"headers": {"x-other": "!no"}}, True),
        ({"labels": {"tenant": "ac*"}}, True),
        ({"labels": {"tenant": "!acme"}}, False),
        ({"labels": {"route": "/v1/chat/completions"}}, True),
        ({"labels": {"route": "/v1"}}, False),
        ({"paths": ["*"], "headers": {"x-tier": "free"}, "labels": {"tenant": "!beta"}}, True),
        ({"paths": ["*"], "headers": {"x-tier": "free"}, "labels": {"tenant": "beta"}}, False),
    ],
)
def test_every_group_that_is_named_must_hold(match: dict[str, object], fits: bool | None) -> None:
    matcher = matcher_of(Match.model_validate(match), {"tenant": b"x-tenant"})
    if fits is None:
        assert matcher is None
        return
    assert matcher is not None
    assert matcher.fits_head(b"/v1/chat/completions", headers(x_tier="free", x_tenant="acme")) is fits
    assert matcher.fits_model(None)


def test_models_are_asked_for_only_where_they_are_named() -> None:
    named = matcher_of(Match(models=("gpt-4o*", "!gpt-4o-mini")), {})
    other = matcher_of(Match.model_validate(FREE), {})
    assert named is not None
    assert other is not None
    assert (named.names_models, other.names_models) == (True, False)
    assert [named.fits_model(m) for m in (b"gpt-4o", b"gpt-4o-2024", b"gpt-4o-mini", b"o1", None)] == [
        True, True, False, False, False,
    ]  # fmt: skip
