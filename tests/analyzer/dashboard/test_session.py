"""Signed dates: only the holder of the token can make one, and it ends."""

import pytest

from analyzer.dashboard.session import LIFETIME_S, is_valid, issue

NOW_S = 1_800_000_000.5


def test_an_issued_value_holds_until_its_end_and_for_its_token_alone() -> None:
    value = issue("secret", NOW_S)
    assert "secret" not in value
    assert is_valid(value, "secret", NOW_S)
    assert is_valid(value, "secret", NOW_S + LIFETIME_S - 1)
    assert not is_valid(value, "secret", NOW_S + LIFETIME_S)
    assert not is_valid(value, "another", NOW_S)


def test_a_longer_life_cannot_be_written_into_it() -> None:
    ends, _, signature = issue("secret", NOW_S).partition(".")
    assert not is_valid(f"{int(ends) + 1}.{signature}", "secret", NOW_S)
    far = issue("secret", NOW_S + 10 * LIFETIME_S)
    assert not is_valid(far, "secret", NOW_S), "not even one that is signed, of a clock that was wrong"


@pytest.mark.parametrize(
    "value", [None, "", ".", "1", "1.", "x.y", "١٢٣.ab", "9" * 400 + ".ab", "-5.ab", "1e9.ab", "\ud800"]
)
def test_whatever_is_none_is_refused_and_raises_nothing(value: str | None) -> None:
    assert not is_valid(value, "secret", NOW_S)
