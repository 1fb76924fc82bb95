"""What workers hold of the shared limits never adds up to more than the limits."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.supervisor.candidate_leases import Limits
from cli.supervisor.leases import MAX_AGE_S, RENEW_S, Leases, limits_of
from config.model import Config
from proxy.recorder.spend_file import CandidateSpend, SpendReading
from runtime.link import Demand, Lease, Used

SECOND = 10**9
CENT = Decimal("0.01")


class Two:
    """Two workers, one candidate, and a clock in seconds."""

    def __init__(self, limits: Limits, workers: int = 2) -> None:
        self.names = [f"proxy-{i}" for i in range(workers)]
        self.leases = Leases({"llama": limits}, self.names, 0)
        self.now_s = 100.0
        self.terms = {name: self.leases.begin(name)["llama"] for name in self.names}
        self.used = dict.fromkeys(self.names, Used(0, 0, 0, 0))
        self.told: dict[str, Lease] = {}

    @property
    def now_ns(self) -> int:
        return int(self.now_s * SECOND)

    def plan(self, reading: SpendReading | None = None) -> dict[str, Lease]:
        found = self.leases.plan(self.now_ns, reading)
        self.told |= found
        return found

    def hear(self, name: str, in_flight: int, begun: int, refused: int = 0, *, read: bool = True) -> None:
        self.used[name] = Used(in_flight, begun, begun - in_flight, refused)
        number = self.told[name].number if read and name in self.told else 0
        self.leases.hear(name, Demand({"llama": self.used[name]}, number), self.now_ns)

    def slots(self, name: str) -> int:
        return self.told[name].terms["llama"].max_in_flight if name in self.told else self.terms[name]

    def budget(self, name: str) -> int:
        total = self.told[name].terms["llama"].budget_copies
        assert total is not None
        return total

    def rate(self, name: str) -> int:
        total = self.told[name].terms["llama"].rate_copies
        assert total is not None
        return total

    def reading(self, *, age_s: float = 1.0, rank: int | None = 0, **fields: object) -> SpendReading:
        spend = CandidateSpend(**{"largest_usd": CENT, **fields})  # type: ignore[arg-type]
        before_ns = int((self.now_s - age_s) * SECOND)
        return SpendReading(1, "m", date(2026, 1, 1), before_ns, 1, rank, {"llama": spend})


def test_workers_begin_with_even_parts_that_add_up_to_the_bound() -> None:
    leases = Leases({"a": Limits(7), "b": Limits(2)}, ["proxy-0", "proxy-1", "proxy-2"], 0)
    begun = [leases.begin(f"proxy-{i}") for i in range(3)]
    assert [b["a"] for b in begun] == [3, 2, 2]
    assert [b["b"] for b in begun] == [1, 1, 0]


def test_an_idle_part_moves_to_the_busy_worker_within_a_second_and_shrinks_first() -> None:
    two = Two(Limits(10))
    two.hear("proxy-0", 0, 0)
    two.hear("proxy-1", 5, 5, refused=3)
    assert (two.plan()["proxy-0"].terms["llama"].max_in_flight, two.slots("proxy-1")) == (1, 5)
    two.now_s += 0.25
    two.hear("proxy-1", 5, 5, refused=9)
    two.plan()
    assert two.slots("proxy-1") == 5, "nothing is given away that may still be used"
    two.hear("proxy-0", 0, 0)
    two.plan()
    assert (two.slots("proxy-0"), two.slots("proxy-1")) == (1, 9)


def test_what_is_still_under_way_is_not_given_away() -> None:
    two = Two(Limits(10))
    two.hear("proxy-0", 5, 5)
    two.hear("proxy-1", 5, 5, refused=30)
    two.plan()
    two.now_s += 0.25
    two.hear("proxy-0", 4, 5)
    two.hear("proxy-1", 5, 5, refused=60)
    two.plan()
    assert two.slots("proxy-0") + two.slots("proxy-1") <= 10
    assert two.slots("proxy-1") <= 6


@settings(max_examples=60, deadline=None)
@given(
    bound=st.integers(1, 40),
    workers=st.integers(1, 4),
    moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.booleans(), st.booleans()), max_size=80),
)
def test_copies_under_way_never_add_up_to_more_than_the_bound(
    bound: int, workers: int, moves: list[tuple[int, int, bool, bool]]
) -> None:
    """Workers that take all they may, read late, end copies at random, and are killed and started again."""
    two = Two(Limits(bound), workers)
    may = dict(two.terms)
    under_way = dict.fromkeys(two.names, 0)
    begun = dict.fromkeys(two.names, 0)
    read = dict.fromkeys(two.names, 0)
    for who, wish, reads, dies in moves:
        two.now_s += 0.25
        name = two.names[who % workers]
        if dies and wish % 5 == 0:
            two.leases.end(name, two.now_ns)
            two.told.pop(name, None)
            may[name] = two.leases.begin(name)["llama"]
            under_way[name] = begun[name] = read[name] = 0
        if reads and name in two.told:
            may[name], read[name] = two.slots(name), two.told[name].number
        fresh = max(0, min(wish, may[name]) - under_way[name])
        begun[name] += fresh
        under_way[name] = under_way[name] + fresh if fresh else min(under_way[name], wish)
        assert sum(under_way.values()) <= bound
        used = Used(under_way[name], begun[name], begun[name] - under_way[name], wish)
        two.leases.hear(name, Demand({"llama": used}, read[name]), two.now_ns)
        two.plan()


def test_a_worker_that_starts_again_has_what_its_predecessor_had() -> None:
    """Not more: the others may hold the rest."""
    two = Two(Limits(10))
    two.hear("proxy-0", 0, 0)
    two.hear("proxy-1", 5, 5, refused=3)
    two.plan()
    two.leases.end("proxy-0", two.now_ns)
    assert two.leases.begin("proxy-0")["llama"] == 1


def test_the_part_of_a_worker_that_is_gone_is_free_at_once() -> None:
    two = Two(Limits(10))
    two.hear("proxy-0", 5, 5)
    two.hear("proxy-1", 5, 5, refused=3)
    two.leases.end("proxy-0", two.now_ns)
    two.plan()
    two.now_s += 0.25
    two.hear("proxy-1", 5, 5, refused=6)
    two.plan()
    assert two.slots("proxy-1") == 9


def test_nothing_is_granted_without_a_fresh_reading() -> None:
    two = Two(Limits(10, usd_per_day=Decimal(1)))
    for reading in (
        None,
        two.reading(age_s=MAX_AGE_S + 0.1),
        two.reading(age_s=-1.0),
        two.reading(rank=None),
        two.reading(unpriced=1),
    ):
        two.plan(reading)
        assert [two.budget(name) for name in two.names] == [0, 0]
    two.plan(two.reading(age_s=MAX_AGE_S - 0.1))
    assert [two.budget(name) for name in two.names] == [50, 50]


def test_a_reading_from_before_our_start_grants_nothing() -> None:
    """What the workers of a supervisor before us had begun since is not in it."""
    two = Two(Limits(10, usd_per_day=Decimal(1)))
    two.leases = Leases({"llama": Limits(10, usd_per_day=Decimal(1))}, two.names, two.now_ns)
    two.leases.begin("proxy-0")
    two.now_s += 1.0
    two.plan(two.reading(age_s=1.5))
    assert two.budget("proxy-0") == 0
    two.plan(two.reading(age_s=0.5))
    assert two.budget("proxy-0") == 100


def test_what_was_granted_is_taken_back_when_readings_stop() -> None:
    two = Two(Limits(10, usd_per_day=Decimal(1)))
    two.plan(two.reading())
    two.hear("proxy-0", 3, 3)
    two.plan(None)
    assert (two.budget("proxy-0"), two.budget("proxy-1")) == (3, 0)


def test_a_grant_counts_until_it_is_known_that_it_was_not_used() -> None:
    """A dollar is a hundred copies; the other worker gets what is taken back only after that was read."""
    two = Two(Limits(10, usd_per_day=Decimal(1)))
    two.plan(two.reading())
    two.hear("proxy-0", 0, 0)
    two.hear("proxy-1", 10, 50, refused=100)
    two.plan(two.reading())
    assert two.budget("proxy-0") < 50
    assert two.budget("proxy-1") == 50
    two.hear("proxy-0", 0, 0, read=False)
    two.plan(two.reading())
    assert two.budget("proxy-1") == 50
    two.hear("proxy-0", 0, 0)
    two.plan(two.reading())
    assert two.budget("proxy-0") + two.budget("proxy-1") == 100
    assert two.budget("proxy-1") > 50


def test_what_a_killed_worker_may_have_begun_counts_until_a_reading_shows_it() -> None:
    two = Two(Limits(10, usd_per_day=Decimal(1)))
    two.plan(two.reading())
    two.hear("proxy-1", 0, 0)
    two.leases.end("proxy-0", two.now_ns)
    two.plan(two.reading())
    assert two.budget("proxy-1") == 50
    two.now_s += 5.0
    two.plan(two.reading())
    assert two.budget("proxy-1") == 100


def test_copies_that_no_reading_shows_yet_count() -> None:
    """Twenty were begun after the reading's moment, ten more are on boards and not in the store."""
    two = Two(Limits(10, usd_per_day=Decimal(1)), workers=1)
    two.plan(two.reading())
    two.hear("proxy-0", 0, 20)
    two.plan(two.reading(unreported=10))
    assert two.budget("proxy-0") == 20 + 70
    two.now_s += 5.0
    two.plan(two.reading(unreported=30))
    assert two.budget("proxy-0") == 20 + 70


def test_a_rate_is_shared_and_moves_to_who_asks() -> None:
    """Sixty a minute are one at a time; the idle worker's goes to the other one."""
    two = Two(Limits(10, requests_per_minute=60))
    two.plan(two.reading())
    assert (two.rate("proxy-0"), two.rate("proxy-1")) == (1, 0)
    two.hear("proxy-1", 0, 0, refused=1)
    two.plan(two.reading())
    assert (two.rate("proxy-0"), two.rate("proxy-1")) == (0, 0)
    two.hear("proxy-0", 0, 0)
    two.plan(two.reading())
    assert two.rate("proxy-1") == 1


def test_what_a_killed_worker_may_have_begun_counts_against_the_rate() -> None:
    two = Two(Limits(10, requests_per_minute=60))
    two.plan(two.reading())
    two.leases.end("proxy-0", two.now_ns)
    two.plan(two.reading())
    assert two.rate("proxy-1") == 0


def test_leases_are_renewed_while_dollars_or_a_rate_limit_and_only_then() -> None:
    quiet, limited = Two(Limits(10)), Two(Limits(10, requests_per_minute=60))
    for two, times in ((quiet, 1), (limited, 2)):
        sent = 0
        for _ in range(int(RENEW_S * 8)):
            sent += "proxy-0" in two.plan(two.reading())
            two.now_s += 0.25
        assert sent >= times
        if two is quiet:
            assert sent == 1


def test_a_reload_keeps_what_was_leased_and_begins_what_is_new() -> None:
    two = Two(Limits(10))
    two.hear("proxy-1", 5, 5, refused=3)
    two.plan()
    two.leases.configure({"llama": Limits(10, usd_per_day=Decimal(1)), "qwen": Limits(4)})
    two.plan(two.reading())
    terms = two.told["proxy-0"].terms
    # Of a hundred copies five are begun; the other worker wants eight more, and of 87 this one gets the larger half.
    assert (terms["llama"].max_in_flight, terms["llama"].budget_copies) == (1, 44)
    assert terms["qwen"].max_in_flight == 2


def test_limits_come_from_the_configuration() -> None:
    config = Config.model_validate(
        {
            "primary": {"url": "http://p:1"},
            "candidates": [
                {"name": "a", "url": "http://a:1", "max_in_flight": 3, "budget": {"usd_per_day": "2.5"}},
                {"name": "b", "url": "http://b:1", "budget": {"requests_per_minute": 9}},
            ],
            "control": {"sample": 0.1, "max_in_flight": 5},
        }
    )
    assert limits_of(config) == {
        "a": Limits(3, Decimal("2.5")),
        "b": Limits(64, None, 9),
        "control": Limits(5),
    }


def rated(two: Two, name: str) -> int:
    """Copies a minute that a worker may still begin by what it was told last."""
    return two.rate(name) - two.used[name].begun


def test_a_candidate_that_comes_back_is_not_charged_for_its_former_life() -> None:
    """The workers count on from their start; 500 copies of before are no copies of now."""
    limits = {"llama": Limits(9, requests_per_minute=60)}
    two = Two(limits["llama"])
    two.plan(two.reading())
    for name in two.names:
        two.hear(name, 0, 250)
    two.leases.configure({})
    two.now_s += 120
    two.plan(None)
    two.hear("proxy-0", 0, 250)
    two.leases.configure(limits)
    two.hear("proxy-0", 0, 250)
    two.plan(two.reading())
    two.now_s += 2
    two.hear("proxy-0", 0, 250, refused=5)
    two.plan(two.reading())
    assert rated(two, "proxy-0") == 1


def test_copies_without_a_limit_are_no_debt_once_there_is_one_again() -> None:
    two = Two(Limits(9, requests_per_minute=60))
    two.plan(two.reading())
    two.leases.configure({"llama": Limits(9)})
    two.hear("proxy-0", 0, 100_000)
    two.now_s += 120
    two.leases.configure({"llama": Limits(9, requests_per_minute=60)})
    two.plan(two.reading())
    two.now_s += 2
    two.hear("proxy-0", 0, 100_000, refused=5)
    two.plan(two.reading())
    assert rated(two, "proxy-0") == 1
