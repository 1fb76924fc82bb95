"""The figures of a worker for `/metrics`, each named once; they live on its board.

A board holds whole numbers, so times are kept there in nanoseconds and say so in their names; the page of metrics shows
seconds. To add a figure: name it here, put it into `figure_names`, and say in `cli.supervisor.catalogue` what it means.
"""

from bisect import bisect_left
from typing import Final

from proxy.shadow.capture.board import Board
from record.outcome import Outcome


def in_nanoseconds(name: str) -> str:
    """How a board calls what the page shows in seconds."""
    return name.replace("_seconds", "_nanoseconds")


CONNECTIONS = "shadowbench_client_connections_total"
OPEN_TUNNELS = "shadowbench_tunnels_open"
OPEN_CONNECTIONS = "shadowbench_client_connections_open"
OPEN_REQUESTS = "shadowbench_primary_requests_open"
OPEN_COPIES = "shadowbench_candidate_legs_open"
LOOP_LAG = in_nanoseconds("shadowbench_loop_lag_peak_seconds")
CAPTURE_QUEUED = "shadowbench_capture_queued_bytes"
CAPTURE_WRITTEN = "shadowbench_capture_written_bytes_total"
CAPTURE_FRAMES = "shadowbench_capture_frames_total"
CAPTURE_REFUSED = "shadowbench_capture_frames_refused_total"
CAPTURE_FAILURES = "shadowbench_capture_write_failures_total"
PRIMARY_PRESSURE = "shadowbench_primary_pressure"
INTERNAL_ERRORS = "shadowbench_internal_errors_total"
HANDSHAKES_FAILED = "shadowbench_client_handshakes_failed_total"
PRIMARY_CONNECTIONS_MADE = "shadowbench_primary_connections_made_total"
PRIMARY_CONNECTIONS_REUSED = "shadowbench_primary_connections_reused_total"
CARRIED = (OPEN_CONNECTIONS, OPEN_REQUESTS, OPEN_TUNNELS)
"""What is open now is counted on from a board to the next one of its worker."""

CLIENT_REQUEST_BYTES = "shadowbench_client_request_body_bytes_total"
CLIENT_RESPONSE_BYTES = "shadowbench_client_response_body_bytes_total"
PRIMARY_FIRST_BYTE = in_nanoseconds("shadowbench_primary_first_byte_seconds")
PRIMARY_TOTAL = in_nanoseconds("shadowbench_primary_duration_seconds")
OVERHEAD = in_nanoseconds("shadowbench_added_overhead_seconds")

_bucket: Final = bisect_left
_FULL: Final = 2**64 - 1
"""A sum of nanoseconds gets there after a month of a thousand ten-second answers at a time."""
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")
CONNECTION_STATES = ("idle", "in_use", "connecting")
READERS = ("primary", "copies")
REFUSALS = ("bad_request", "timeout", "head_too_large", "body_too_large", "internal")
"""Why a request was answered by us with an error because of itself."""
TUNNEL_DIRECTIONS = ("to_primary", "to_client")


def refused(reason: str) -> str:
    """Requests answered by us with an error because of themselves, by reason."""
    return f'shadowbench_client_requests_refused_total{{reason="{reason}"}}'


def reads_paused(reader: str) -> str:
    """Reads after which a leg had to wait for the loop's next turn."""
    return f'shadowbench_reads_paused_total{{legs="{reader}"}}'


def primary_connections(state: str) -> str:
    """Connections to the primary, by what they do."""
    return f'shadowbench_primary_connections{{state="{state}"}}'


def candidate_connections(candidate: str, state: str) -> str:
    """Connections to a candidate, by what they do."""
    return f'shadowbench_candidate_connections{{candidate="{candidate}",state="{state}"}}'


def candidate_connections_made(candidate: str) -> str:
    """Connections made."""
    return f'shadowbench_candidate_connections_made_total{{candidate="{candidate}"}}'


def candidate_connections_reused(candidate: str) -> str:
    """Copies that began on an idle connection."""
    return f'shadowbench_candidate_connections_reused_total{{candidate="{candidate}"}}'


def tunnel_bytes(direction: str) -> str:
    """Bytes through WebSocket tunnels."""
    return f'shadowbench_tunnel_bytes_total{{direction="{direction}"}}'


def primary_responses(status_class: str) -> str:
    """Answers of the primary, by class of status."""
    return f'shadowbench_primary_responses_total{{class="{status_class}"}}'


def primary_legs(outcome: Outcome) -> str:
    """Primary legs, by how they ended."""
    return f'shadowbench_primary_legs_total{{outcome="{outcome.value}"}}'


def candidate_legs(candidate: str, outcome: Outcome) -> str:
    """Candidate legs, by how they ended."""
    return f'shadowbench_candidate_legs_total{{candidate="{candidate}",outcome="{outcome.value}"}}'


def breaker_state(candidate: str) -> str:
    """0 closed, 1 half open, 2 open."""
    return f'shadowbench_breaker_state{{candidate="{candidate}"}}'


def breaker_openings(candidate: str) -> str:
    """How often it opened."""
    return f'shadowbench_breaker_openings_total{{candidate="{candidate}"}}'


def candidate_responses(candidate: str, status_class: str) -> str:
    """Answers of a candidate, by class of status."""
    return f'shadowbench_candidate_responses_total{{candidate="{candidate}",class="{status_class}"}}'


def candidate_request_bytes(candidate: str) -> str:
    """Bodies of the copies."""
    return f'shadowbench_candidate_request_body_bytes_total{{candidate="{candidate}"}}'


def candidate_response_bytes(candidate: str) -> str:
    """Bodies of their answers."""
    return f'shadowbench_candidate_response_body_bytes_total{{candidate="{candidate}"}}'


def candidate_first_byte(candidate: str) -> str:
    """A histogram: t0 to the first byte of a candidate's answer."""
    return in_nanoseconds(f'shadowbench_candidate_first_byte_seconds{{candidate="{candidate}"}}')


def candidate_total(candidate: str) -> str:
    """A histogram: t0 to the last byte of a candidate's answer."""
    return in_nanoseconds(f'shadowbench_candidate_duration_seconds{{candidate="{candidate}"}}')


def _bounds(first_ns: int, last_ns: int) -> tuple[int, ...]:
    """1, 2 and 5 of every power of ten, both ends included."""
    steps = [digit * 10**power for power in range(12) for digit in (1, 2, 5)]
    return tuple(step for step in steps if first_ns <= step <= last_ns)


LATENCY_BOUNDS_NS = _bounds(10**6, 500 * 10**9)
"""1 ms to 500 s: from an answer out of a cache to the longest chain of thought."""
OVERHEAD_BOUNDS_NS = _bounds(10**4, 10**9)
"""10 us to 1 s."""


def histogram_names(name: str, bounds_ns: tuple[int, ...]) -> tuple[str, ...]:
    """The cells of a histogram, in their order: one per bucket, the last without a bound, then the sum.

    Each bucket counts what is above the one before; only the page adds them up.
    """
    family, brace, labels = name.partition("{")
    rest = "," + labels if brace else "}"
    les = (*(str(bound) for bound in bounds_ns), "+Inf")
    return (*(f'{family}_bucket{{le="{le}"{rest}' for le in les), f"{family}_sum{brace}{labels}")


TRANSPORT_OUTCOMES = (
    Outcome.OK,
    Outcome.TIMEOUT,
    Outcome.CONNECT_ERROR,
    Outcome.TRUNCATED,
    Outcome.TOO_LARGE,
    Outcome.CLIENT_ABORT,
)
"""How a leg can end as far as the transport knows."""


def figure_names(candidates: tuple[str, ...]) -> tuple[str, ...]:
    """All of them, in the order of their cells: first those that every worker has, in the same places everywhere."""
    return (
        CONNECTIONS,
        OPEN_TUNNELS,
        OPEN_CONNECTIONS,
        OPEN_REQUESTS,
        OPEN_COPIES,
        LOOP_LAG,
        CAPTURE_QUEUED,
        CAPTURE_WRITTEN,
        CAPTURE_FRAMES,
        CAPTURE_REFUSED,
        CAPTURE_FAILURES,
        INTERNAL_ERRORS,
        HANDSHAKES_FAILED,
        PRIMARY_CONNECTIONS_MADE,
        PRIMARY_CONNECTIONS_REUSED,
        *(primary_connections(s) for s in CONNECTION_STATES),
        *(reads_paused(r) for r in READERS),
        *(refused(r) for r in REFUSALS),
        *(tunnel_bytes(d) for d in TUNNEL_DIRECTIONS),
        *(primary_responses(c) for c in STATUS_CLASSES),
        *(primary_legs(o) for o in TRANSPORT_OUTCOMES),
        CLIENT_REQUEST_BYTES,
        CLIENT_RESPONSE_BYTES,
        *histogram_names(PRIMARY_FIRST_BYTE, LATENCY_BOUNDS_NS),
        *histogram_names(PRIMARY_TOTAL, LATENCY_BOUNDS_NS),
        *histogram_names(OVERHEAD, OVERHEAD_BOUNDS_NS),
        PRIMARY_PRESSURE,
        *(name for c in candidates for name in _of_candidate(c)),
    )


def _of_candidate(candidate: str) -> tuple[str, ...]:
    return (
        *(candidate_legs(candidate, o) for o in TRANSPORT_OUTCOMES),
        *(candidate_responses(candidate, c) for c in STATUS_CLASSES),
        *(candidate_connections(candidate, s) for s in CONNECTION_STATES),
        candidate_connections_made(candidate),
        candidate_connections_reused(candidate),
        breaker_state(candidate),
        breaker_openings(candidate),
        candidate_request_bytes(candidate),
        candidate_response_bytes(candidate),
        *histogram_names(candidate_first_byte(candidate), LATENCY_BOUNDS_NS),
        *histogram_names(candidate_total(candidate), LATENCY_BOUNDS_NS),
    )


class Figures:
    """Cells of a board, by name.

    Gauges and what must survive a kill to the last one are counted there at once (`add`). Histograms and bytes are
    tallied here and reach the board with the next `flush`: ten times cheaper, and a kill takes a second of them.
    """

    def __init__(self, names: tuple[str, ...], board: Board) -> None:
        self._board = board
        self._index = {name: i for i, name in enumerate(names)}
        self._tallied: list[int] = [0] * len(names)

    def knows(self, name: str) -> bool:
        """Is it on this board?"""
        return name in self._index

    def index(self, name: str) -> int:
        """Where a figure lies; look it up once."""
        return self._index[name]

    def add(self, index: int, amount: int = 1) -> None:
        """Adds to a figure; a gauge may be lowered, never below 0."""
        self._board.add_figure(index, amount)

    def set(self, index: int, value: int) -> None:
        """Sets a gauge."""
        self._board.set_figure(index, value)

    def get(self, index: int) -> int:
        """The present value."""
        return self._board.figure(index)

    def tally(self, index: int, amount: int) -> None:
        """Adds to a counter, at the next `flush`."""
        self._tallied[index] += amount

    def flush(self) -> None:
        """Brings what was tallied to the board; a cell that is full stays so."""
        for index, amount in enumerate(self._tallied):
            if amount:
                self._board.set_figure(index, min(_FULL, self._board.figure(index) + amount))
                self._tallied[index] = 0


class Histogram:
    """Where the cells of one histogram lie; the same on every board of a worker as long as its candidates are."""

    __slots__ = ("_bounds_ns", "_first", "_sum")

    def __init__(self, figures: Figures, name: str, bounds_ns: tuple[int, ...]) -> None:
        cells = histogram_names(name, bounds_ns)
        self._bounds_ns = bounds_ns
        self._first = figures.index(cells[0])
        self._sum = figures.index(cells[-1])

    def observe(self, figures: Figures, value_ns: int) -> None:
        """Counts one."""
        figures.tally(self._first + _bucket(self._bounds_ns, value_ns), 1)
        figures.tally(self._sum, value_ns)
