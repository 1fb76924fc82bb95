"""What the store holds in the end, read by plain questions."""

import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.model import Store
from store.endpoint.place import read_endpoint
from store.locate import close, connect
from store.reader import Reader
from tests.fakes.running import until_gone
from tests.kills.rebuilt import sums_and_rebuilt

_PAIRS = """
SELECT labels['name'] AS name, labels['tenant'] AS tenant, candidate, request_id, stream, primary_outcome,
    candidate_outcome, candidate_status, candidate_cost_usd
FROM pairs
"""
_SKIPS = "SELECT labels['name'] AS name, labels['tenant'] AS tenant, candidate, reason, primary_outcome FROM skips"
_TEXTS = "SELECT request_id, side, request, response FROM payloads"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """Tables of the store, whole."""

    pairs: list[Row]
    skips: list[Row]
    texts: list[Row]
    states: Counter[tuple[str, str]]
    """(candidate, counted state) -> requests."""
    sums: dict[str, tuple[list[Row], list[Row]]]
    """What is added up as rows arrive, by table -> (as it stands there, as the rows give it now)."""


def read_account(store: Path) -> Account:
    """Starts an owner of the store for the question, and ends it."""
    # As the writer: a database of the test's own is made beside it.
    client = connect(Store(dir=str(store)), access="writer", start_owner=True)
    try:
        reader = Reader(client)
        states: Counter[tuple[str, str]] = Counter()
        for (_, candidate, state), count in reader.counter_totals().items():
            states[candidate, state] += count
        return Account(
            pairs=reader.query(_PAIRS),
            skips=reader.query(_SKIPS),
            texts=reader.query(_TEXTS),
            states=states,
            sums=sums_and_rebuilt(client, reader),
        )
    finally:
        close(client)
        end_owner(store)


def end_owner(store: Path) -> None:
    """It would leave by itself, but later."""
    if (endpoint := read_endpoint(store)) is not None:
        os.kill(endpoint.pid, signal.SIGTERM)
        until_gone(endpoint.pid)
