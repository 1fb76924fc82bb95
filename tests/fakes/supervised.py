"""A supervisor over fake roles: `python supervised.py SETTINGS`, a JSON object.

Its keys: `behaviours` (role -> arguments of `role.py`), `directory`, `workers`, `drain_s`, `primary`.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.supervisor.plan import RoleSpec
from cli.supervisor.serve import serve_until_stopped
from config.load import located
from config.model import Config

ROLE = Path(__file__).with_name("role.py")


def main() -> int:
    settings = json.loads(sys.argv[1])

    def command(spec: RoleSpec, link_fd: int) -> Sequence[str]:
        names = ["--role", spec.role, "--name", spec.name, "--link-fd", str(link_fd)]
        return [sys.executable, "-P", str(ROLE), *names, *settings["behaviours"][spec.role]]

    config = Config.model_validate(
        {
            "listen": {"host": "127.0.0.1", "port": 0, "workers": settings["workers"]},
            "admin": {"port": 0},
            "primary": {"url": settings["primary"]},
            "drain": f"{settings['drain_s']}s",
        }
    )
    return serve_until_stopped(located(config, Path(settings["directory"])), command=command)


if __name__ == "__main__":
    sys.exit(main())
