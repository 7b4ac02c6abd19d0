"""The embedded PostgreSQL 18: a real server from a wheel, for machines that have none (DESIGN.md, section 1).

Any number of processes share the one server of a data directory: the first to come starts it, the last to go stops it.
Each holds a shared lock on a file while it uses the server. The kernel drops that lock when a process ends, however it
ends, so that a killed process leaves no stale record: the server it leaves behind is joined by the next process, and
stopped when that one goes. `pg_ctl` starts the server in a session of its own, out of reach of a Ctrl-C in a terminal.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from tracing_core.errors import DatabaseUnavailable
from tracing_core.storage.embedded_server import EmbeddedServer

SETTINGS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
}
"""How the embedded server differs from PostgreSQL's defaults. A commit is durable, as by default."""

_lock = threading.Lock()
_handles: dict[Path, _Handle] = {}


class _Handle:
    """The share of this process in the server of one data directory."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str]) -> None:
        self.pid = os.getpid()
        self.server = EmbeddedServer(data_dir / "postgres", settings)
        self._gate = data_dir / "postgres.gate"
        self._users = os.open(data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o644)

    def acquire(self) -> None:
        """Join the server, or start it; one process at a time."""
        with _alone(self._gate):
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self.server.start()
            except BaseException:
                fcntl.flock(self._users, fcntl.LOCK_UN)
                raise

    def release(self) -> None:
        """Leave the server, and stop it when nobody else uses it. One whose directory was deleted stops by itself."""
        try:
            if self._gate.exists():
                with _alone(self._gate):
                    if self._is_last():
                        self.server.stop()
        finally:
            os.close(self._users)

    def _is_last(self) -> bool:
        fcntl.flock(self._users, fcntl.LOCK_UN)
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def embedded_url(data_dir: Path, settings: Mapping[str, str] = SETTINGS) -> str:
    """Start the embedded server, or join the one that runs, and return the URL of its database.

    Args:
        data_dir: the directory that holds the database; made when it is missing.
        settings: PostgreSQL settings for the server; they count only when this call starts it.

    Raises:
        DatabaseUnavailable: it cannot be started; the message says why and what to do about it.
    """
    with _lock, _reasons(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        directory = data_dir.resolve()
        handle = _handles.get(directory)
        if handle is None or handle.pid != os.getpid():
            handle = _Handle(directory, settings)
        handle.acquire()
        _handles[directory] = handle
        return f"postgresql://postgres@/postgres?host={quote(str(handle.server.socket_dir), safe='')}"


def release_embedded(data_dir: Path | None = None) -> None:
    """Leave the server of one data directory, or all that this process uses; the last to leave stops it.

    Also done for all when the process exits.

    Raises:
        DatabaseUnavailable: a server does not stop.
    """
    with _lock, ExitStack() as every_one:
        for directory in list(_handles) if data_dir is None else [data_dir.resolve()]:
            handle = _handles.pop(directory, None)
            if handle is not None and handle.pid == os.getpid():  # a forked child must not leave in its parent's name
                every_one.enter_context(_reasons(directory))
                every_one.callback(handle.release)


atexit.register(release_embedded)


@contextmanager
def _alone(gate: Path) -> Iterator[None]:
    descriptor = os.open(gate, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _reasons(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL cannot use {data_dir}: {error.strerror or error}; "
            "set TRACEWHY_DATA_DIR to a directory that can be written, or DATABASE_URL to a PostgreSQL server"
        ) from error
