"""Keeping a service running beside the dashboard; with real child processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from dashboard.service_process import ServiceProcess

WAITS_FOR_ITS_PIPE = "import sys; sys.stdin.read()"


@contextmanager
def kept(tmp_path: Path, script: str, *, answers: bool = False) -> Iterator[tuple[ServiceProcess, Path]]:
    """A service whose children write a line each time one starts."""
    log = tmp_path / "started"
    program = f"import os; f = open({str(log)!r}, 'a'); f.write(f'{{os.getpid()}}\\n'); f.close(); {script}"
    process = ServiceProcess("http://127.0.0.1:9", (sys.executable, "-c", program), answers=lambda _: answers)
    process.start()
    try:
        yield process, log
    finally:
        process.stop()


def lines(log: Path, count: int) -> list[int]:
    """The process ids in the log once there are `count` of them."""
    tick = threading.Event()
    for _ in range(200):
        found = log.read_text().split() if log.exists() else []
        if len(found) >= count:
            return [int(pid) for pid in found]
        tick.wait(0.1)
    raise AssertionError(f"fewer than {count} children were started")


def test_a_child_is_started_and_stopped(tmp_path: Path) -> None:
    """The service runs while the dashboard does, and is gone afterwards."""
    with kept(tmp_path, WAITS_FOR_ITS_PIPE) as (process, log):
        (pid,) = lines(log, 1)
        assert process.pid == pid
    assert not psutil.pid_exists(pid)


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """A crash of the service costs a moment, not the chat."""
    with kept(tmp_path, WAITS_FOR_ITS_PIPE) as (_, log):
        (pid,) = lines(log, 1)
        psutil.Process(pid).send_signal(signal.SIGKILL)
        assert lines(log, 2)[1] != pid


def test_a_service_that_answers_already_is_used(tmp_path: Path) -> None:
    """Where one runs at the address, no second one is started to fight for the port."""
    with kept(tmp_path, WAITS_FOR_ITS_PIPE, answers=True) as (process, log):
        assert process.pid is None
    assert process.started == 0
    assert not log.exists()


def test_stopping_before_anything_was_started_is_quick(tmp_path: Path) -> None:
    """A process that was never started has nothing to stop."""
    ServiceProcess("http://127.0.0.1:9", (sys.executable, "-c", "")).stop()


def test_a_killed_dashboard_leaves_no_orphan(tmp_path: Path) -> None:
    """When the parent is killed its end of the pipe closes, which is what the child waits for."""
    log = tmp_path / "started"
    child = f"import os, sys; open({str(log)!r}, 'w').write(str(os.getpid())); sys.stdin.read()"
    parent = (
        "import sys\nfrom dashboard.service_process import ServiceProcess\n"
        f"process = ServiceProcess('http://127.0.0.1:9', (sys.executable, '-c', {child!r}), answers=lambda _: False)\n"
        "process.start()\nimport threading\nthreading.Event().wait()\n"
    )
    with subprocess.Popen((sys.executable, "-c", parent)) as dashboard:
        (pid,) = lines(log, 1)
        service = psutil.Process(pid)
        dashboard.kill()
    assert service.wait(10) is None or not psutil.pid_exists(pid)
