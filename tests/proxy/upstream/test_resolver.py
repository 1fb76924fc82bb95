"""Names are looked up beside the loop, and the last good answer outlives a DNS that fails, hangs or lies late."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from proxy.upstream.resolver import (
    PATIENCE_S,
    REFRESH_AFTER_S,
    RETRY_AFTER_S,
    SHUN_S,
    TTL_S,
    Resolver,
    UnknownHostError,
    system_lookup,
)

TIMEOUT_S = 5.0


class Dns:
    """Answers by script, on the resolver's own thread."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        self.threads.add(threading.get_ident())
        self.gate.wait(TIMEOUT_S)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gates() -> Iterator[list[threading.Event]]:
    """Opened at the end, whatever happens: no thread outlives its test."""
    opened: list[threading.Event] = []
    yield opened
    for gate in opened:
        gate.set()


async def settled(dns: Dns, asked: int) -> None:
    """Until that many look-ups have been made and taken note of."""
    async with asyncio.timeout(TIMEOUT_S):
        while dns.asked < asked:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.1.2.3"])
async def test_an_address_is_never_looked_up(host: str, clock: Clock) -> None:
    dns = Dns(OSError("asked"))
    assert await Resolver(host, 80, dns, clock).addresses() == [host]
    assert dns.asked == 0


async def test_a_name_is_looked_up_off_the_loop_and_once_for_all_who_wait(clock: Clock) -> None:
    dns = Dns(["10.0.0.1", "10.0.0.2"])
    resolver = Resolver("api.example", 443, dns, clock)
    found = await asyncio.gather(*(resolver.addresses() for _ in range(20)))
    assert found == [["10.0.0.1", "10.0.0.2"]] * 20
    assert dns.asked == 1
    assert threading.get_ident() not in dns.threads


async def test_a_changed_address_is_used_within_the_ttl(clock: Clock) -> None:
    dns = Dns(["10.0.0.1"], ["10.0.0.2"])
    resolver = Resolver("api.example", 443, dns, clock)
    await resolver.addresses()
    clock.now_s += TTL_S + 1
    assert await resolver.addresses() == ["10.0.0.2"]


async def test_addresses_are_refreshed_in_the_background_before_they_are_too_old(clock: Clock) -> None:
    dns = Dns(["10.0.0.1"], ["10.0.0.2"])
    dns.gate.set()
    resolver = Resolver("api.example", 443, dns, clock)
    await resolver.addresses()
    clock.now_s += REFRESH_AFTER_S + 1
    assert await resolver.addresses() == ["10.0.0.1"]
    await settled(dns, 2)
    assert await resolver.addresses() == ["10.0.0.2"]
    assert dns.asked == 2


@pytest.mark.parametrize("failure", [OSError("no answer"), UnicodeError("label too long")])
async def test_when_dns_fails_the_last_good_address_is_used(failure: Exception, clock: Clock) -> None:
    dns = Dns(["10.0.0.1"], failure)
    resolver = Resolver("api.example", 443, dns, clock)
    await resolver.addresses()
    clock.now_s += 100 * TTL_S
    assert await resolver.addresses() == ["10.0.0.1"]
    assert dns.asked == 2


async def test_when_dns_hangs_only_the_first_who_ask_wait_and_only_a_little(
    clock: Clock, gates: list[threading.Event]
) -> None:
    dns = Dns(["10.0.0.1"])
    gates.append(dns.gate)
    resolver = Resolver("api.example", 443, dns, clock)
    await resolver.addresses()
    clock.now_s += 2 * TTL_S
    dns.gate.clear()
    assert await resolver.addresses() == ["10.0.0.1"]  # after PATIENCE_S
    clock.now_s += PATIENCE_S
    waiting = asyncio.gather(*(resolver.addresses() for _ in range(100)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert waiting.done()
    assert dns.asked == 2


async def test_a_name_that_was_never_found_is_an_error_in_words(clock: Clock) -> None:
    resolver = Resolver("nowhere.example", 80, Dns(OSError(-2, "Name or service not known")), clock)
    with pytest.raises(
        UnknownHostError, match=r"^the name nowhere\.example has no address: Name or service not known$"
    ):
        await resolver.addresses()


async def test_a_failed_look_up_is_not_repeated_within_a_second(clock: Clock) -> None:
    dns = Dns(OSError("no answer"))
    resolver = Resolver("nowhere.example", 80, dns, clock)
    for _ in range(10):
        with pytest.raises(UnknownHostError):
            await resolver.addresses()
    assert dns.asked == 1
    clock.now_s += RETRY_AFTER_S
    with pytest.raises(UnknownHostError):
        await resolver.addresses()
    assert dns.asked == 2


async def test_an_address_that_failed_is_tried_last_for_a_while(clock: Clock) -> None:
    resolver = Resolver("api.example", 443, Dns(["10.0.0.1", "10.0.0.2", "10.0.0.3"]), clock)
    await resolver.addresses()
    resolver.shun("10.0.0.1")
    assert await resolver.addresses() == ["10.0.0.2", "10.0.0.3", "10.0.0.1"]
    clock.now_s += SHUN_S
    await resolver.addresses()
    assert await resolver.addresses() == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


async def test_a_fault_in_the_look_up_leaves_nobody_waiting(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises(UnknownHostError):
        await Resolver("api.example", 443, Dns(ZeroDivisionError()), clock).addresses()


def test_the_system_gives_each_address_once() -> None:
    found = system_lookup("localhost", 80)
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= {"127.0.0.1", "::1"}
