"""Which answer a person sees first: drawn per pair and person, and the same whenever that pair is shown to them again.

It follows from names alone, so nothing about it is stored: labels say which arm was preferred.
"""

from hashlib import blake2b
from typing import Literal
from uuid import UUID

Choice = Literal["first", "second", "tie"]
_PERSON = b"label-order"


def is_candidate_first(labeler: str, request_id: UUID, candidate: str) -> bool:
    """Does the candidate's answer stand first? For one person and many pairs: for half of them."""
    digest = blake2b(request_id.bytes, digest_size=1, person=_PERSON)
    for name in (candidate, labeler):
        digest.update(b"\0" + name.encode(errors="surrogatepass"))
    return bool(digest.digest()[0] & 1)


def preference_of(choice: Choice, *, is_candidate_first: bool) -> float:
    """-1, 0 or 1; positive: the candidate's answer is better."""
    if choice == "tie":
        return 0.0
    return 1.0 if (choice == "first") == is_candidate_first else -1.0


def choice_of(preference: float | None, *, is_candidate_first: bool) -> Choice | None:
    """What a person chose, by what is stored; None: nothing."""
    if preference is None:
        return None
    if preference == 0:
        return "tie"
    return "first" if (preference > 0) == is_candidate_first else "second"
