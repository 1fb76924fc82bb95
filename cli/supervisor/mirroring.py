"""The kill switch: which candidates get no copies for now."""

from collections.abc import Sequence

from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import Terminal
from config.model import Config
from record.pair import CONTROL

ALL = "*"


class UnknownCandidateError(Exception):
    """Names the known ones; one line."""


def candidates(config: Config) -> tuple[str, ...]:
    """Everything that can be paused: the candidates, and the control leg when it is on."""
    control = (CONTROL,) if config.control.sample > 0 else ()
    return (*(c.name for c in config.candidates), *control)


class Mirroring:
    """Holds for workers that start later and over reloads; a restart of `serve` forgets it."""

    def __init__(self, supervisor: Supervisor, terminal: Terminal) -> None:
        self._supervisor = supervisor
        self._terminal = terminal
        self._paused: frozenset[str] = frozenset()

    def candidates(self) -> tuple[str, ...]:
        """Everything that can be paused now."""
        return candidates(self._supervisor.config)

    def paused(self) -> tuple[str, ...]:
        """Those without copies, in the order of the configuration."""
        return tuple(name for name in self.candidates() if name in self._paused or ALL in self._paused)

    def pause(self, name: str | None) -> None:
        """Stops copies to one candidate, or to all, those of later reloads among them.

        Raises:
            UnknownCandidateError: there is none of that name.
        """
        self._require(name)
        self._set(frozenset({ALL}) if name is None else self._paused | {name})
        self._terminal.say(name or "supervisor", "paused", f"no copies to {name or 'any candidate'} until `resume`")

    def resume(self, name: str | None) -> None:
        """Lets copies to one candidate, or to all, go on.

        Raises:
            UnknownCandidateError: there is none of that name.
        """
        self._require(name)
        if name is None:
            self._set(frozenset())
        else:
            # Of all but one, the others stay paused by their names.
            paused = self._paused - {ALL} | set(self.candidates()) if ALL in self._paused else self._paused
            self._set(paused - {name})
        self._terminal.say(name or "supervisor", "resumed", f"copies to {name or 'all candidates'} go on")

    def _require(self, name: str | None) -> None:
        known: Sequence[str] = self.candidates()
        if name is not None and name not in known:
            said = f"known here: {', '.join(known)}" if known else "none is configured"
            raise UnknownCandidateError(f"there is no candidate {name[:100]!r}; {said}")

    def _set(self, paused: frozenset[str]) -> None:
        self._paused = paused
        self._supervisor.pause(sorted(paused))
