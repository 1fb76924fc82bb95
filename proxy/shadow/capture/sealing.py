"""Encryption of what lies in the capture directory: keys from the configured secret, one for each file.

The key of a file is HKDF-SHA256 (RFC 5869) of the secret with the file's own UUID as salt, so no two files share one,
and the place of a frame in its file is a nonce that never comes twice (AES-256-GCM, NIST SP 800-38D section 8.2.1).
A sealed payload is as long as the plain one and `SEAL_BYTES`; a frame's length and checksum, which is made of the
sealed bytes, stay readable: torn tails and damage are found without the key.

HKDF adds no work for somebody who guesses, so the secret must be drawn, not thought of; short ones are refused by the
configuration. Nothing here is imported before the first file is sealed or opened.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES, frame_prefix

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEAL_BYTES = 16
"""What sealing adds to a payload: the tag."""
KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_KEY_INFO = b"shadowbench capture file 1"
_ID_INFO = b"shadowbench capture key id 1"
_JOINED_BYTES = 16 * 2**10
"""Copying a small frame behind its prefix is cheaper than another buffer for the system call."""


class SealError(Exception):
    """What was sealed cannot be opened."""


class KeyMissingError(SealError):
    """No key of the ring belongs to it; with the right one it could be read."""

    def __init__(self, key_id: bytes) -> None:
        self.key_id = key_id
        super().__init__(f"it is sealed with the key {key_id.hex()}, which `capture.encrypt` does not have")


class BrokenSealError(SealError):
    """The key is the right one, and the bytes are not those that were sealed."""


class FileKey:
    """Seals and opens the payloads of one file. A file has one writer, who seals each place once."""

    def __init__(self, key_id: bytes, cipher: "AESGCM") -> None:
        self.key_id = key_id
        self._cipher = cipher

    def seal(self, place: int, payload: bytes) -> bytes:
        """`place`: of the frame in its file, in bytes; never twice the same."""
        return self._cipher.encrypt(place.to_bytes(_NONCE_BYTES, "big"), payload, None)

    def open(self, place: int, sealed: bytes | memoryview) -> bytes:
        """The payload.

        Raises:
            BrokenSealError: it was changed, or moved.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - plain use does not pay for it

        try:
            return self._cipher.decrypt(place.to_bytes(_NONCE_BYTES, "big"), sealed, None)
        except InvalidTag:
            raise BrokenSealError("a frame that was changed after it was sealed") from None


class KeyRing:
    """The secrets of the configuration: the first seals, all of them open."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        """`secrets`: none of them, and what is written is not sealed."""
        self._secrets: dict[bytes, bytes] = {}
        self._first: bytes | None = None
        self.version = 0
        """Grows whenever the secrets change."""
        self.renew(secrets)

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(key.hex() for key in self._secrets) or 'without keys'}>"

    def renew(self, secrets: Sequence[str]) -> None:
        """From now on these secrets. What is open already stays open."""
        before = list(self._secrets)
        encoded = [secret.encode() for secret in secrets]
        self._secrets = {_expanded(secret, b"", _ID_INFO)[:KEY_ID_BYTES]: secret for secret in encoded}
        self._first = next(iter(self._secrets), None)
        self.version += before != list(self._secrets)

    @property
    def seals(self) -> bool:
        """Is what is written sealed?"""
        return self._first is not None

    def sealing(self, file: UUID) -> FileKey | None:
        """The key of a new file; None when nothing is sealed."""
        return self.opening(file, self._first) if self._first is not None else None

    def opening(self, file: UUID, key_id: bytes) -> FileKey:
        """The key of a file that says which secret it was made from.

        Raises:
            KeyMissingError: that secret is not there.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - plain use does not pay for it

        secret = self._secrets.get(key_id)
        if secret is None:
            raise KeyMissingError(key_id)
        return FileKey(key_id, AESGCM(_expanded(secret, file.bytes, _KEY_INFO)))


def _expanded(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), 32 bytes: one block of its output."""
    extracted = hmac.digest(salt or bytes(hashlib.sha256().digest_size), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def sealed_frame(key: FileKey, place: int, payload: bytes) -> tuple[bytes, bytes]:
    """Prefix and sealed payload of the frame that will stand at `place`."""
    sealed = key.seal(place, payload)
    return frame_prefix(sealed), sealed


def sealed_batch(batch: Sequence[bytes], key: FileKey, place: int) -> list[bytes]:
    """The buffers of whole plain frames, sealed, as they will stand in the file from `place` on.

    Args:
        batch: a frame in one buffer, or its prefix in one and its payload in the next.
        key: of the file.
        place: where the first will stand, in bytes.
    """
    sealed: list[bytes] = []
    buffers = iter(batch)
    for buffer in buffers:
        is_whole = len(buffer) - FRAME_OVERHEAD_BYTES == int.from_bytes(buffer[:4], "little")
        payload = key.seal(place, buffer[FRAME_OVERHEAD_BYTES:] if is_whole else next(buffers))
        if len(payload) < _JOINED_BYTES:
            sealed.append(frame_prefix(payload) + payload)
        else:
            sealed += (frame_prefix(payload), payload)
        place += FRAME_OVERHEAD_BYTES + len(payload)
    return sealed
