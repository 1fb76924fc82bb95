"""Since when a candidate is priced as it is now: an answer without a cost from before says nothing about today's terms.

A minute is the finest that the sums of the store know, so the present terms hold from the next full minute on; until
then every answer of the day counts.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from config.experiment import Experiment
from config.upstreams import Candidate

ALL = datetime(1970, 1, 1, tzinfo=UTC)
"""Every answer counts."""


class Priced(msgspec.Struct, frozen=True):
    """The terms of one candidate: what is asked of it, and its own price."""

    terms: str
    """A digest."""
    since: datetime
    """A full minute, UTC."""

    def counts_from(self, now: datetime) -> datetime:
        """Answers without a cost that began before this do not stop the candidate."""
        return self.since if now >= self.since else ALL


def terms_of(candidate: Candidate, experiment: Experiment) -> str:
    """Changes with whatever may give an answer a cost that had none; a policy does not."""
    price = candidate.price.model_dump_json() if candidate.price is not None else ""
    return hashlib.sha256(f"{experiment.question} {price}".encode()).hexdigest()[:16]


def priced_now(before: Priced | None, terms: str, *, has_price: bool, now: datetime) -> Priced:
    """What holds from now on.

    Args:
        before: what this machine knows; None: it sees the candidate for the first time.
        terms: the present ones.
        has_price: is a price of its own set? Then a machine that is new takes the operator's word for it.
        now: UTC.
    """
    if before is not None and before.terms == terms:
        return before
    if before is None and not has_price:
        return Priced(terms, ALL)
    return Priced(terms, now.replace(second=0, microsecond=0) + timedelta(minutes=1))
