"""A supervisor over fake roles: `python supervised.py SETTINGS`, a JSON object.

Its keys: `behaviours` (role -> arguments of `role.py`), `directory`, `workers`, `drain_s`, `primary`; or `file`, a
configuration that can be reloaded.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.settings import Loaded, Overrides, from_file
from cli.supervisor.child import Command
from cli.supervisor.plan import RoleSpec
from cli.supervisor.serve import serve_until_stopped
from config.load import located
from config.model import Config
from config.source import Source

ROLE = Path(__file__).with_name("role.py")


def main() -> int:
    settings = json.loads(sys.argv[1])

    def command(spec: RoleSpec, link_fd: int) -> Sequence[str]:
        names = ["--role", spec.role, "--name", spec.name, "--link-fd", str(link_fd)]
        return [sys.executable, "-P", str(ROLE), *names, *settings["behaviours"][spec.role]]

    if settings.get("file"):
        return _with_file(Path(settings["file"]), command)
    config = Config.model_validate(
        {
            "listen": {"host": "127.0.0.1", "port": 0, "workers": settings["workers"]},
            "admin": {"port": 0},
            "dashboard": {"port": 0},
            "primary": {"url": settings["primary"]},
            "drain": f"{settings['drain_s']}s",
        }
    )
    config = located(config, Path(settings["directory"]))
    return serve_until_stopped(Loaded(config, Source("test", {}, {})), None, command=command)


def _with_file(file: Path, command: Command) -> int:
    def load() -> Loaded:
        return from_file(file, Overrides("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"))

    return serve_until_stopped(load(), load, command=command)


if __name__ == "__main__":
    sys.exit(main())
