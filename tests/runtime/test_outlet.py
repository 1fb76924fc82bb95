"""Lines leave without anybody waiting for their reader; what has no room is counted and said."""

import os
import threading
import time

from runtime.outlet import Outlet


def left_out(lines: int) -> bytes:
    return b"%d left out\n" % lines


def fill(fd: int) -> None:
    """A pipe that takes nothing more."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)


def drain(fd: int, until: bytes) -> bytes:
    data = b""
    while until not in data:
        data += os.read(fd, 65536)
    return data


def test_lines_arrive_whole_and_in_order() -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer)
    for i in range(100):
        outlet.say(b"line %d\n" % i, left_out)
    assert outlet.flush(10)
    assert os.read(reader, 65536) == b"".join(b"line %d\n" % i for i in range(100))


def test_a_reader_that_stops_reading_keeps_nobody_waiting_and_the_gap_is_said() -> None:
    reader, writer = os.pipe()
    fill(writer)
    outlet = Outlet(writer, max_waiting_bytes=100)
    said = threading.Event()

    def say() -> None:
        for _ in range(1000):
            outlet.say(b"0123456789", left_out)
        said.set()

    threading.Thread(target=say, daemon=True).start()
    assert said.wait(10)
    assert outlet.left_out == 990
    assert b"990 left out\n" in drain(reader, b"left out\n")
    assert outlet.flush(10)
    assert outlet.left_out == 0


def test_the_end_does_not_wait_long_for_a_reader_that_stopped() -> None:
    _reader, writer = os.pipe()
    fill(writer)
    outlet = Outlet(writer)
    outlet.say(b"line\n", left_out)
    began_s = time.monotonic()
    assert not outlet.flush(0.1)
    assert time.monotonic() - began_s >= 0.1


def test_a_reader_that_went_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    outlet = Outlet(writer)
    outlet.say(b"line\n", left_out)
    assert outlet.flush(10)


def test_a_descriptor_that_does_not_block_is_waited_for() -> None:
    reader, writer = os.pipe()
    fill(writer)
    os.set_blocking(writer, False)
    outlet = Outlet(writer)
    outlet.say(b"the line\n", left_out)
    assert b"the line\n" in drain(reader, b"the line\n")
    assert outlet.flush(10)
