"""Every state that requests ended in, from counts and from rows that are really there."""

from collections.abc import Mapping

from analyzer.audit import ADMITTED, ERASED, RECEIVED
from record.states import LOST, State

NOT_ELIGIBLE = (State.NO_MATCH, State.OPT_OUT, State.LOOP, State.PAUSED, State.INCOMPLETE)
"""Decided before the draw: no part of what is sampled from."""


def states_with_rows(counted: Mapping[str, int], pairs: int) -> dict[str, int]:
    """`received` and every state that requests ended in: counts of the workers, and rows that are really there.

    What was admitted and is neither a row nor lost is `open`: still under way, in the proxy or to the store. Pairs that
    `erase` took out are counted as `erased`, and are not under way.
    """
    names = [RECEIVED, *(s.value for s in State)]
    states = {name: counted[name] for name in names if counted.get(name)}
    if counted.get(ADMITTED):
        gone = sum(counted.get(s, 0) for s in (*LOST, ERASED))
        states[State.OPEN] = max(0, counted[ADMITTED] - pairs - gone)
    if pairs or counted:
        states[State.PAIR] = pairs
    return {str(name): count for name, count in states.items()}
