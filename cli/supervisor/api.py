"""`/api/v1` of the admin port: what runs, reload, the kill switch. Every answer is JSON; its fields are documented."""

from typing import Any

import msgspec
from aiohttp import web

from cli.supervisor.access import refusal
from cli.supervisor.mirroring import Mirroring, UnknownCandidateError
from cli.supervisor.reload import Outcome, Reloader
from cli.supervisor.supervisor import Supervisor
from config.source import Fault


class _Which(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `pause` and `resume`."""

    candidate: str | None = None


class Api:
    """Handlers; the only ones that change anything are the three POSTs."""

    def __init__(self, version: str, supervisor: Supervisor, reloader: Reloader, mirroring: Mirroring) -> None:
        self._version = version
        self._supervisor = supervisor
        self._reloader = reloader
        self._mirroring = mirroring

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        app.router.add_get("/api/v1/status", self._status)
        app.router.add_post("/api/v1/reload", self._reload)
        app.router.add_post("/api/v1/pause", self._pause)
        app.router.add_post("/api/v1/resume", self._resume)

    async def _status(self, _request: web.Request) -> web.Response:
        roles = [
            {
                "role": s.spec.role,
                "name": s.spec.name,
                "ready": s.is_ready,
                "restarts": s.restarts,
                "pid": s.pid,
                "config_version": s.config_version,
            }
            for s in self._supervisor.statuses()
        ]
        return web.json_response(
            {
                "version": self._version,
                "ready": self._supervisor.is_ready(),
                "config_version": self._supervisor.config_version,
                **self._copies(),
                "roles": roles,
            }
        )

    async def _reload(self, _request: web.Request) -> web.Response:
        outcome = await self._reloader.reload("asked to reload")
        return web.json_response(
            _reload_answer(outcome), status=400 if outcome.faults else 202 if outcome.late else 200
        )

    async def _pause(self, request: web.Request) -> web.Response:
        return await self._switch(request, pause=True)

    async def _resume(self, request: web.Request) -> web.Response:
        return await self._switch(request, pause=False)

    async def _switch(self, request: web.Request, *, pause: bool) -> web.Response:
        try:
            which = msgspec.json.decode(await request.read() or b"{}", type=_Which)
        except msgspec.MsgspecError:
            return refusal(400, 'write {"candidate": "NAME"}, or {} for all of them')
        try:
            (self._mirroring.pause if pause else self._mirroring.resume)(which.candidate)
        except UnknownCandidateError as error:
            return refusal(404, str(error))
        return web.json_response(self._copies())

    def _copies(self) -> dict[str, Any]:
        return {"candidates": list(self._mirroring.candidates()), "paused": list(self._mirroring.paused())}


def _reload_answer(outcome: Outcome) -> dict[str, Any]:
    return {
        "reloaded": not outcome.faults,
        "config_version": outcome.version,
        "faults": [fault_form(f) for f in outcome.faults],
        "late": [{"name": name, "reason": reason} for name, reason in outcome.late.items()],
    }


def fault_form(fault: Fault) -> dict[str, str]:
    """A fault for programs, as `check --format json` says it."""
    return {"where": fault.where, "key": fault.key, "message": fault.message}
