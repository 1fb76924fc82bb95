"""Names a pair on a blind sheet, and says which of its answers is called `a`.

The order follows from the key itself, so a sheet that comes back needs nothing else. It is hidden from eyes, not from
somebody who computes it.
"""

import base64
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from store.transfer.kinds import shown

NONCE_BYTES = 4
"""Drawn once per sheet: on another sheet the same pair may stand the other way round."""
_FIRST = "k"
"""Begins every key: spreadsheets take a cell that begins with `-` for a formula."""
_CHECK_BYTES = 4
_ID_BYTES = 16
_PERSON = b"label-key"


class KeyFault(ValueError):  # noqa: N818 - says what it is
    """No key of a sheet; the message says why."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """A pair, and how it is shown."""

    request_id: UUID
    candidate: str
    candidate_is_a: bool


def make_key(request_id: UUID, candidate: str, nonce: bytes) -> str:
    """The key of a pair on the sheet with this nonce, of letters, digits, `-` and `_`."""
    data = request_id.bytes + nonce + candidate.encode()
    return _FIRST + base64.urlsafe_b64encode(_digest(data)[:_CHECK_BYTES] + data).decode().rstrip("=")


def read_key(key: str) -> Pointed:
    """What a key says.

    Raises:
        KeyFault: it is none, or was changed.
    """
    text = key.strip().removeprefix(_FIRST)
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        data = whole[_CHECK_BYTES:]
        candidate = data[_ID_BYTES + NONCE_BYTES :].decode()
    except ValueError:
        raise KeyFault(f"{shown(key)} is no key of a sheet") from None
    if not candidate or _digest(data)[:_CHECK_BYTES] != whole[:_CHECK_BYTES]:
        raise KeyFault(f"{shown(key)} was changed or cut; keep the keys of the sheet as they are")
    return Pointed(UUID(bytes=data[:_ID_BYTES]), candidate, candidate_is_a=bool(_digest(data)[-1] & 1))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8, person=_PERSON).digest()
