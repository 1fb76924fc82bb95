"""The figures of a worker for `/metrics`, each named once; they live on its board."""

from proxy.shadow.capture.board import Board
from record.outcome import Outcome

CONNECTIONS = "shadowbench_client_connections_total"
REFUSED = "shadowbench_client_requests_refused_total"
OPEN_CONNECTIONS = "shadowbench_client_connections_open"
OPEN_REQUESTS = "shadowbench_primary_requests_open"
OPEN_COPIES = "shadowbench_candidate_legs_open"
LOOP_LAG = "shadowbench_loop_lag_peak_nanoseconds"
CAPTURE_QUEUED = "shadowbench_capture_queued_bytes"
CAPTURE_WRITTEN = "shadowbench_capture_written_bytes_total"
CAPTURE_FRAMES = "shadowbench_capture_frames_total"
CAPTURE_REFUSED = "shadowbench_capture_frames_refused_total"
CAPTURE_FAILURES = "shadowbench_capture_write_failures_total"
INTERNAL_ERRORS = "shadowbench_internal_errors_total"

STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")


def primary_responses(status_class: str) -> str:
    """Answers of the primary, by class of status."""
    return f'shadowbench_primary_responses_total{{class="{status_class}"}}'


def primary_legs(outcome: Outcome) -> str:
    """Primary legs, by how they ended."""
    return f'shadowbench_primary_legs_total{{outcome="{outcome.value}"}}'


def candidate_legs(candidate: str, outcome: Outcome) -> str:
    """Candidate legs, by how they ended."""
    return f'shadowbench_candidate_legs_total{{candidate="{candidate}",outcome="{outcome.value}"}}'


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
    """All of them, in the order of their cells."""
    return (
        CONNECTIONS,
        REFUSED,
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
        *(primary_responses(c) for c in STATUS_CLASSES),
        *(primary_legs(o) for o in TRANSPORT_OUTCOMES),
        *(candidate_legs(c, o) for c in candidates for o in TRANSPORT_OUTCOMES),
    )


class Figures:
    """Cells of a board, by name."""

    def __init__(self, names: tuple[str, ...], board: Board) -> None:
        self._board = board
        self._index = {name: i for i, name in enumerate(names)}

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
