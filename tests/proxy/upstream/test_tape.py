"""The tape keeps the beginning and the end of a response, and knows what it left out."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.tape import SPILL_BYTES, Tape


class Heard:
    """What a tape has spilled."""

    def __init__(self) -> None:
        self.spilled: list[tuple[list[int], list[int], bytes]] = []

    def spill(self, arm: int, times_ns: list[int], ends: list[int], data: bytes) -> None:
        self.spilled.append((times_ns, ends, data))


pieces = st.lists(st.binary(min_size=1, max_size=3000), max_size=40)


@given(pieces, st.integers(0, 20_000), st.integers(0, 8_000), st.integers(0, 40))
def test_what_is_kept_is_the_beginning_and_the_end_whenever_it_is_bound(
    reads: list[bytes], head_bytes: int, tail_bytes: int, bind_at: int
) -> None:
    tape = Tape(head_bytes, tail_bytes)
    heard = Heard()
    for number, data in enumerate(reads):
        if number == bind_at:
            tape.bind(1, heard)
        tape.add(data, number)
    times, ends, rest = tape.rest()
    whole = b"".join(reads)
    before = b"".join(data for _, _, data in heard.spilled)
    assert tape.size == len(whole)
    assert len(before) + len(rest) + tape.gap_bytes == len(whole)
    assert whole.startswith(before)
    if tape.gap_bytes == 0:
        assert before + rest == whole
    elif bind_at < len(reads):
        assert whole.endswith(rest)
        assert len(rest) >= tail_bytes
    marks = [(t, e) for ts, es, _ in [*heard.spilled, (times, ends, rest)] for t, e in zip(ts, es, strict=True)]
    at = 0
    truth = {}
    for number, data in enumerate(reads):
        at += len(data)
        truth[number] = at
    assert all(truth[number] == end for number, end in marks)
    assert sorted(marks) == marks


def test_an_open_stream_holds_little_memory() -> None:
    tape = Tape(2**20, 2**10)
    heard = Heard()
    tape.bind(0, heard)
    for number in range(10_000):
        tape.add(b"x" * 100, number)
        assert tape._buffered < SPILL_BYTES
    assert sum(len(data) for _, _, data in heard.spilled) > 990_000


def test_a_small_answer_is_not_spilled_and_not_copied() -> None:
    tape = Tape(2**20, 2**10)
    heard = Heard()
    tape.bind(0, heard)
    data = b"answer"
    tape.add(data, 7)
    assert tape.rest() == ([7], [6], data)
    assert tape.rest()[2] is data
    assert heard.spilled == []
