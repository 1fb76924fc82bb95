"""Asks the admin port of a running `serve`."""

import http.client
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from config.model import Config

TIMEOUT_S = 40.0
"""A little more than the admin port itself allows for its slowest answer."""
TOKEN_VARIABLE = "SHADOWBENCH_ADMIN_TOKEN"  # noqa: S105 - a name
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to connect to instead
_MAX_ANSWER_BYTES = 2**20
_HINT = "start it, or name its port with --admin [HOST:]PORT"


class AdminTrouble(click.ClickException):
    """The admin port did not answer as it should: no fault of the command line."""

    exit_code = 70


@dataclass(frozen=True, slots=True)
class AdminPort:
    """Where it is, and what it wants to be told."""

    host: str
    port: int
    token: str | None

    @classmethod
    def of(cls, config: Config | None, address: str | None) -> "AdminPort":
        """From the configuration that `serve` was started with, or from `[HOST:]PORT`.

        Raises:
            click.UsageError: the port cannot be known.
        """
        token = os.environ.get(TOKEN_VARIABLE)
        if config is not None and config.admin.token is not None:
            token = config.admin.token.get_secret_value()
        if address is not None:
            host, _, port = address.rpartition(":")
            if not port.isdecimal() or not 0 < int(port) < 65536:
                raise click.UsageError(f"--admin {address}: write HOST:PORT or PORT, for example 127.0.0.1:8081")
            return cls(host.strip("[]") or "127.0.0.1", int(port), token)
        if config is None or config.admin.port == 0:
            raise click.UsageError("admin.port is 0, a free one each time; say which it is with --admin [HOST:]PORT")
        return cls(_ANY.get(config.admin.host, config.admin.host), config.admin.port, token)

    def post(self, path: str, body: dict[str, Any], *lists: str) -> dict[str, Any]:
        """The answer; it has these lists.

        Raises:
            AdminTrouble: nobody is there, or it is not `serve`.
            click.UsageError: it says that the question is wrong.
        """
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read(_MAX_ANSWER_BYTES))
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise AdminTrouble(f"no `serve` answers on {self._address()} ({reason}); {_HINT}") from None
        except ValueError:
            raise self._stranger() from None
        finally:
            connection.close()
        return self._judged(response.status, answer, lists)

    def _stranger(self) -> AdminTrouble:
        return AdminTrouble(f"what answers on {self._address()} is no `serve`; name its port with --admin")

    def _judged(self, status: int, answer: Any, lists: Sequence[str]) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise self._stranger()
        if status < 300:
            if not all(isinstance(answer.get(name), list) for name in lists):
                raise self._stranger()
            return answer
        reason = str(answer.get("error", f"status {status}"))
        if status == 401:
            hint = f"it wants admin.token: name the configuration with -c FILE, or set {TOKEN_VARIABLE}"
            raise click.UsageError(f"{self._address()}: {hint}")
        if status in {400, 404}:
            raise click.UsageError(reason)
        raise AdminTrouble(f"{self._address()}: {reason}")

    def _address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
