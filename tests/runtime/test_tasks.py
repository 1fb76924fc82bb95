"""Background work has a name, is kept, and its failure is heard."""

import asyncio

from runtime.tasks import Tasks


async def test_a_failure_is_heard_with_its_name() -> None:
    heard: list[tuple[str, str]] = []
    tasks = Tasks(lambda name, error: heard.append((name, str(error))))

    async def fail() -> None:
        raise ValueError("why")

    await asyncio.wait([tasks.start("the work", fail())])
    await asyncio.sleep(0)
    assert heard == [("the work", "why")]
    assert tasks.names() == []


async def test_close_ends_all_and_is_no_failure() -> None:
    heard: list[str] = []
    tasks = Tasks(lambda name, _: heard.append(name))
    for name in ("b", "a"):
        tasks.start(name, asyncio.sleep(3600))
    assert tasks.names() == ["a", "b"]
    await tasks.close()
    assert tasks.names() == []
    assert heard == []
