"""Opens what lies sealed in quarantine: `python -m proxy.recorder.unseal -c FILE SEALED > OPENED`.

What was sealed there comes out as it was. Of a stretch of a damaged segment every record that is whole comes out as one
line of JSON, bodies in base64; what is damaged in between is passed over and counted.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from config.load import load_config
from config.source import ConfigError
from proxy.recorder.sealed_file import HEADER_BYTES, Lock, SealedHeader, lock_of
from proxy.shadow.capture.frames import decode
from proxy.shadow.capture.framing import FRAME_OVERHEAD_BYTES
from proxy.shadow.capture.sealing import BrokenSealError, KeyMissingError, KeyRing
from proxy.shadow.capture.segment import SegmentError, read_frames


class Unsealed:
    """The payloads of one sealed file. Memory: the whole file, at most the bound of the quarantine."""

    def __init__(self, data: bytes, keys: KeyRing) -> None:
        """Raises:
        SegmentError: it is not a sealed file, or its header is damaged.
        KeyMissingError: it is sealed with another key.
        """
        lock = lock_of(data[:HEADER_BYTES], keys)
        found = SealedHeader.unpack(data[:HEADER_BYTES]) if lock is not None else None
        if lock is None or found is None:
            raise SegmentError("not a sealed file")
        self._lock: Lock = lock
        self._data = data
        self._begin = found[1]
        self.is_stretch = found[0].first is not None
        """Its payloads are records of the log."""
        self.damaged = 0
        """Frames that were passed over, and a rest that is none."""

    def payloads(self) -> Iterator[bytes]:
        """Every one that is whole."""
        at, view = self._begin, memoryview(self._data)
        while at + FRAME_OVERHEAD_BYTES <= len(view):
            end = at + FRAME_OVERHEAD_BYTES + int.from_bytes(view[at : at + 4], "little")
            whole = next(read_frames(view[:end], at), None) if end <= len(view) else None
            try:
                if whole is not None:
                    yield self._lock.open(at, whole[1])
                else:
                    self.damaged += 1
            except BrokenSealError:
                self.damaged += 1
            if end > len(view):
                return
            at = end
        self.damaged += at < len(view)


@click.command()
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), required=True, help="Has the keys.")
@click.argument("sealed", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(config_file: Path, sealed: Path) -> None:
    """Writes what is in a sealed file of the quarantine to standard output."""
    try:
        unsealed = Unsealed(sealed.read_bytes(), KeyRing(load_config(config_file).capture.secrets()))
    except (ConfigError, KeyMissingError, SegmentError, OSError) as error:
        raise click.ClickException(f"{sealed}: {error}") from None
    for payload in unsealed.payloads():
        sys.stdout.buffer.write(_record(payload) if unsealed.is_stretch else payload)
    if unsealed.damaged:
        click.echo(f"{sealed}: {unsealed.damaged} damaged frames were passed over", err=True)


def _record(payload: bytes) -> bytes:
    try:
        return msgspec.json.encode(decode(payload)) + b"\n"
    except msgspec.MsgspecError:
        return b""


if __name__ == "__main__":
    main()
