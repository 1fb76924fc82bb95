"""chDB, opened once with limits that suit a guest on a proxy's machine.

Only the owner imports it: the import loads some 200 MB, prints, and takes most of a second.
"""

import contextlib
import os
import re
import resource
import threading
import time
from pathlib import Path
from typing import Any

from store.endpoint.incoming import emptied
from store.endpoint.place import DATABASE
from store.endpoint.tokens import forget_lost
from store.errors import DirectoryHeld, EngineFailed, EngineMissing

_GIB = 2**30
_MIB = 2**20
_SHARE_OF_MEMORY = 0.25
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SERVER_SETTINGS = {
    # The defaults reserve gigabytes of caches and hundreds of threads for a machine of its own.
    "mark_cache_size": 64 * _MIB,
    "primary_index_cache_size": 32 * _MIB,
    "index_mark_cache_size": 16 * _MIB,
    "index_uncompressed_cache_size": 0,
    "uncompressed_cache_size": 0,
    "mmap_cache_size": 100,
    "background_pool_size": 4,
    "background_schedule_pool_size": 8,
    "background_common_pool_size": 2,
    "background_move_pool_size": 1,
    "background_fetches_pool_size": 1,
}
_MERGE_TREE_SETTINGS = {
    # An acknowledged insert is dropped from the capture log, so it has to survive a power loss.
    "fsync_after_insert": 1,
    "fsync_part_directory": 1,
    # Merges are not fsynced; their sources stay until the kernel has surely written the merged part.
    "old_parts_lifetime": 480,
    # These must stay below background_pool_size * 2, or nothing merges.
    "number_of_free_entries_in_pool_to_execute_mutation": 2,
    "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 2,
    "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 2,
}
_SAFE_PATH = re.compile(r"[^?#&'\\]+")
_STATUS_PID = re.compile(r"PID: (\d+)")


def memory_limit_bytes() -> int:
    """A quarter of the memory of the machine, or of the container; at least 512 MiB and at most 4 GiB."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # `max` when there is no limit
        there = min(there, int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    return max(_GIB // 2, min(4 * _GIB, int(there * _SHARE_OF_MEMORY)))


def _config_xml(memory_bytes: int) -> str:
    server = {"max_server_memory_usage": memory_bytes, **_SERVER_SETTINGS}
    lines = ["<clickhouse>", *(f"<{k}>{v}</{k}>" for k, v in server.items()), "<merge_tree>"]
    lines += [*(f"<{k}>{v}</{k}>" for k, v in _MERGE_TREE_SETTINGS.items()), "</merge_tree>", "</clickhouse>"]
    return "\n".join(lines) + "\n"


def _mend(path: Path) -> None:
    try:
        forget_lost(path)
    except (OSError, UnicodeDecodeError) as error:
        raise EngineFailed(f"the embedded store {path} cannot be read: {error}") from None


def _incoming(directory: Path) -> Path:
    try:
        return emptied(directory / "incoming")
    except OSError as error:
        raise EngineFailed(f"the embedded store {directory} cannot be written: {error.strerror}") from None


def _raise_descriptor_limit() -> None:
    """The engine holds three descriptors per thread and some per part; the usual soft limit of 1024 runs out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _import_chdb() -> Any:
    # The engine's time zone is that of the process when it is loaded.
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        import chdb  # noqa: PLC0415
    except ImportError as error:
        raise EngineMissing(
            f"the embedded store needs chdb-core, which does not load here ({error}): "
            "pip install shadowbench[embedded], or name a server with store.url"
        ) from None
    return chdb


class Engine:
    """The one open directory. Its methods block; call them from worker threads."""

    def __init__(self, directory: Path) -> None:
        """Opens `directory/engine`, making it if needed.

        Raises:
            EngineMissing: chdb-core is not installed.
            DirectoryHeld: another process has it open.
            EngineFailed: any other reason.
        """
        path = directory / "engine"
        if not _SAFE_PATH.fullmatch(str(path)):
            raise EngineFailed(f"store.dir {directory}: the path may not hold ?, #, &, a quote or a backslash")
        _raise_descriptor_limit()
        self._chdb = _import_chdb()
        self._path = str(path)
        config = directory / "engine.xml"
        config.write_text(_config_xml(memory_limit_bytes()), encoding="utf-8")
        self.incoming = _incoming(directory)
        """Where inserts wait that memory does not hold."""
        _mend(path)
        # The engine lives as long as its first connection.
        self._root = self._open_first(path, config)
        self._lock = threading.Lock()  # the root connection runs one statement at a time
        self.version, self.time_zone, self._functions = self._prepare()

    def _open_first(self, path: Path, config: Path) -> Any:
        try:
            return self._chdb.connect(f"{path}?config-file={config}")
        except RuntimeError as error:
            holder = _holder(path)
            if holder is not None:
                raise DirectoryHeld(
                    f"process {holder} has the embedded store {path} open: stop it, or choose another store.dir"
                ) from None
            reason = " ".join(str(error).split())
            raise EngineFailed(f"the embedded store {path} does not open: {reason}") from None

    def _prepare(self) -> tuple[str, str, frozenset[str]]:
        # In the engine's own `default` database every file of the machine is a table.
        self._on_root("DROP DATABASE IF EXISTS default")
        self._on_root("CREATE DATABASE IF NOT EXISTS default ENGINE = Memory")
        self._on_root(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
        version, time_zone = self._on_root("SELECT version(), timezone()").split()
        names = self._on_root("SELECT name FROM system.functions").lower().split("\n")
        return version, time_zone, frozenset(names)

    def _on_root(self, sql: str) -> str:
        with self._lock:
            data: bytes = self._root.query(sql, "TabSeparatedRaw").bytes()
        return data.decode()

    def connect(self) -> Any:
        """A connection for one statement at a time, from one thread at a time."""
        return self._chdb.connect(self._path)

    def is_function(self, name: str) -> bool:
        """Does the engine know a function of this name (lower case)?"""
        return name in self._functions

    def kill(self, tag: str) -> None:
        """Ends the statement that bears the tag; returns at once."""
        self._on_root(f"KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC")

    def close(self) -> None:
        """Closes the directory; every other connection must be closed before."""
        self._root.close()


def _holder(path: Path) -> int | None:
    """The process that the engine's own lock file names, if it is another one that lives."""
    try:
        match = _STATUS_PID.search((path / "status").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if match is None or int(match[1]) == os.getpid():
        return None
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return int(match[1])
