"""The short form of the way through the store."""

import pytest

from tests.calibration import stored


@pytest.mark.skipif(not stored.is_possible(), reason="the embedded engine is not installed")
def test_pairs_that_arrive_are_decided_about_as_if_they_had_been_in_arrays() -> None:
    """The first look reads pairs, the later ones rollups, since there are many: the same estimate as of arrays."""
    seen = stored.experiments(2, seed=7, traffic=("straddling",), pairs=1500, looks=4)
    assert [one.replica.is_at_margin for one in seen] == [False, True, False, True]
    assert all(one.stored == pytest.approx(one.direct, abs=1e-6) for one in seen)
    assert all(one.from_rollups for one in seen)
    assert all("promote" not in one.decisions for one in seen if one.replica.is_at_margin)
    assert all(one.decisions[0] == "wait" for one in seen)
