"""Recorded comparisons as pairs of a store, with request ids for which the product draws the recorded order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from analyzer.judge.drawing import uniform
from tests.fakes.judged_pairs import Asked, request_id
from tests.judged.recordings import first_shown, outputs, published

SEED = 5
"""`judge.seed`."""
_EVERY = timedelta(seconds=1)


def with_order(ts: datetime, chance: Random, *, primary_first: bool) -> UUID:
    """A request id for which `orders: random` shows the primary's answer first, or second."""
    return request_id(ts, chance, lambda made: (uniform(made, SEED, "order") < 0.5) == primary_first)


def named(judge: str, model: str) -> str:
    """What a model is called as a candidate: each judge has seen it beside a reference of its own."""
    return f"{model} by {judge}"


def alpaca_requests(judge: str, models: Sequence[str], begin: datetime) -> dict[str, Asked]:
    """Item -> the reference's and the models' recorded outputs, one request for all models; one a second.

    All models have the same reference under this judge. One without an output to an item is left out of it.
    """
    (reference,) = {published()[judge, model].reference for model in models}
    chance, asked = Random(f"{judge} {models}"), {}
    for number, (item, row) in enumerate(sorted(outputs(reference).items())):
        ts = begin + number * _EVERY
        asked[item] = Asked(
            with_order(ts, chance, primary_first=first_shown()[item]),
            ts,
            row["instruction"],
            row["output"],
            {named(judge, model): outputs(model)[item]["output"] for model in models if item in outputs(model)},
            labels={"dataset": row["dataset"]},
        )
    return asked
