"""A full disk under the embedded store: rows wait, and none is acknowledged that is not there."""

import contextlib
import os
import random
import string
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from store.errors import StoreUnavailable
from store.locate import StoreConnection, close, connect_to
from store.writer import Writer
from tests.faults.disks import disk
from tests.store.owners import store_at, transient

NOW = datetime.now(UTC)


def rows(batch: str) -> list[list[object]]:
    """Two megabytes that do not compress."""
    draw = random.Random(batch)
    texts = ["".join(draw.choices(string.printable, k=400_000)) for _ in range(5)]
    return [[UUID(int=n), "primary", NOW, text, "", "", "", batch] for n, text in enumerate(texts)]


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as hole:
        for size in (2**16, 512):
            with contextlib.suppress(OSError):  # until there is no room
                while True:
                    hole.write(b"x" * size)


@pytest.mark.usefixtures("shared_dir")  # skipped with it where there is no engine
def test_an_insert_fails_in_one_clear_line_and_succeeds_when_there_is_room_again(tmp_path: Path) -> None:
    with disk(tmp_path) as place, transient(place / "store") as owner:
        writer = Writer(StoreConnection(store_at(place / "store"), access="writer"))
        writer.insert("payloads", rows("before"), "before")
        fill(place / "filled")
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=r"payloads: .*(not enough space|No space)") as caught:
                writer.insert("payloads", rows("full"), "full")
            assert "\n" not in str(caught.value)
        client = connect_to(owner.endpoint(), "reader")
        assert client.query("SELECT batch, count() FROM payloads GROUP BY batch").result_rows == [("before", 5)]
        os.unlink(place / "filled")
        for _ in range(2):
            writer.insert("payloads", rows("full"), "full")
        asked = "SELECT batch, count(), sum(length(request)) FROM payloads GROUP BY batch ORDER BY batch"
        assert client.query(asked).result_rows == [("before", 5, 2_000_000), ("full", 5, 2_000_000)]
        close(client)
        writer.close()
