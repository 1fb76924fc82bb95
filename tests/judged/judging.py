"""The worker in its own process over a store, until everything is judged or has failed for good."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from config.model import Config
from store.locate import close, connect
from store.reader import Reader
from tests.fakes.judge_role import JudgeRole, until
from tests.store.owners import store_at, transient

_DONE = """
SELECT (SELECT uniqExact(request_id, candidate, judge) FROM judgements)
    + (SELECT uniqExact(request_id, candidate, judge) FROM judge_calls
       WHERE stage = 'ended' AND is_final AND outcome != 'ok' AND kind = 'verdict') AS n
"""


class Judged:
    """A store whose pairs are judged, and a reader of it."""

    def __init__(self, directory: Path, client: Client) -> None:
        self.directory = directory
        self.store = store_at(directory / "store")
        self._reader = Reader(client)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        return self._reader.query(sql, parameters)

    def reader(self) -> Reader:
        """For one thread."""
        return self._reader

    async def judge(self, config: Config, expected: int, *, until_so: Callable[[], bool] | None = None) -> JudgeRole:
        """Runs the role until so many pairs, times judges, have a judgement or a final failure; it has ended then.

        Raises:
            AssertionError: it does not come to that, or does not end in peace.
        """

        def is_done() -> bool:
            return bool(self.rows(_DONE)[0]["n"] >= expected)

        log = self.directory / "judge.out"
        with JudgeRole(config, log=log) as role:
            try:
                await asyncio.to_thread(role.until_ready)
                await until(until_so or is_done, f"{expected} judgements", role)
                assert await asyncio.to_thread(role.stop) == 0
            except AssertionError as error:
                raise AssertionError(f"{error}\n{log.read_text()[-4000:]}") from error
        return role


@contextmanager
def opened(directory: Path) -> Iterator[Judged]:
    """A store of its own in `directory / "store"`."""
    with transient(directory / "store"):
        client = connect(store_at(directory / "store"), access="reader", start_owner=False)
        try:
            yield Judged(directory, client)
        finally:
            close(client)
