"""Which process holds the other end of a loopback connection: asked of the kernel, not of the program."""

import os
from pathlib import Path


def inode_of(server_port: int, client_port: int) -> str | None:
    """Of the server's end of a connection; None when it is gone."""
    wanted = f"0100007F:{server_port:04X}", f"0100007F:{client_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            return fields[9]
    return None


def opened_by(pid: int, inode: str | None) -> bool:
    """Does this process have that socket open? None: it is gone."""
    try:
        return inode is not None and any(
            _target(entry) == f"socket:[{inode}]" for entry in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:
        return False


def _target(entry: Path) -> str | None:
    try:
        return os.readlink(entry)
    except OSError:
        return None
