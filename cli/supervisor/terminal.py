"""What the operator reads: one clear line per event."""

from runtime.outlet import STDOUT, Outlet


class Terminal:
    """Lines `who  state  detail` on standard output. A reader that stalls, or goes away, does not stop the service."""

    def __init__(self, outlet: Outlet = STDOUT) -> None:
        self._outlet = outlet

    def say(self, who: str, state: str, detail: str) -> None:
        """One line; never waits."""
        self._outlet.say(_line(who, state, detail), _left_out)


def _line(who: str, state: str, detail: str) -> bytes:
    return f"{who:<11} {state:<9} {' '.join(detail.split())}\n".encode(errors="replace")


def _left_out(lines: int) -> bytes:
    return _line("supervisor", "warning", f"{lines} lines were left out here: nobody read them")
