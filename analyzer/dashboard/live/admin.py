"""The supervisor of this machine: which roles work, which candidates are paused; and the kill switch."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE_S = 2.0


class AdminTrouble(Exception):  # noqa: N818 - says what happened
    """The admin port gives no answer; one line that says why."""


@dataclass(frozen=True, slots=True)
class RoleLine:
    """One role."""

    name: str
    is_ready: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class Status:
    """This machine."""

    roles: tuple[RoleLine, ...]
    candidates: tuple[str, ...]
    paused: tuple[str, ...]

    @property
    def away(self) -> tuple[RoleLine, ...]:
        """Roles that do not work now."""
        return tuple(role for role in self.roles if not role.is_ready)


class AdminPort:
    """Asked over loopback; one session, closed at the end."""

    def __init__(self, url: str) -> None:
        """`url`: empty where there is no supervisor to ask."""
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def status(self, token: str | None) -> Status:
        """What runs.

        Raises:
            AdminTrouble: no answer.
        """
        found = await self._ask("GET", "/api/v1/status", token)
        roles = tuple(RoleLine(str(r["name"]), bool(r["ready"]), int(r["restarts"])) for r in found.get("roles", ()))
        return Status(roles, tuple(found.get("candidates", ())), tuple(found.get("paused", ())))

    async def switch(self, candidate: str, token: str | None, *, pause: bool) -> None:
        """Stops copies to a candidate, or lets them go on.

        Raises:
            AdminTrouble: it was not done, or nobody knows.
        """
        await self._ask("POST", f"/api/v1/{'pause' if pause else 'resume'}", token, {"candidate": candidate})

    async def _ask(
        self, method: str, path: str, token: str | None, body: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not self._url:
            raise AdminTrouble("no supervisor runs beside this page")
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(PATIENCE_S):
                async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
                    found = await answer.json()
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            raise AdminTrouble(f"the admin port gives no answer: {type(error).__name__}") from None
        if answer.status >= 400 or not isinstance(found, dict):
            raise AdminTrouble(f"the admin port refuses: {answer.status}")
        return found

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
