"""The service as a child of the dashboard, for when nobody else runs one.

A thread looks after it: starts it, starts it again when it dies, each time after a longer wait, and stops it in the end. When a
Tracewhy service answers at the address already, that one is used and no child is started, so that `python -m service` in another
terminal and a second dashboard work side by side; should it go away, a child takes its place.

The child's standard input is a pipe that it watches: when the dashboard is killed the pipe closes, and the child exits by itself.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from dashboard.api import healthy
from tracing_core.clock import Clock, SystemClock

SHORTEST_WAIT = 0.5
LONGEST_WAIT = 30.0
STOP_SECONDS = 8.0
_LOOK_SECONDS = 2.0
_STEADY_SECONDS = 30.0
_STDERR = 2
_log = logging.getLogger(__name__)


class ServiceProcess:
    """Keeps a service running at `url` until it is stopped.

    Args:
        url: where it is expected to answer.
        command: what starts it.
        answers: whether a service answers at an address.
        clock: tells how long a child lived.
    """

    def __init__(
        self,
        url: str,
        command: Sequence[str] = (sys.executable, "-m", "service", "--watch-stdin"),
        answers: Callable[[str], bool] = healthy,
        clock: Clock | None = None,
    ) -> None:
        self._url, self._command, self._answers = url, tuple(command), answers
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="service-process", daemon=True)
        self._child: subprocess.Popen[bytes] | None = None
        self.started = 0

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs, if one does."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def start(self) -> None:
        """Begin, without waiting for anything."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the child, at first politely, and wait for it a bounded time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS + _LOOK_SECONDS)

    def _look_after(self) -> None:
        wait = SHORTEST_WAIT
        while not self._stopping.is_set():
            if self._answers(self._url):
                self._stopping.wait(_LOOK_SECONDS)
                continue
            lived = self._run_child()
            if self._stopping.is_set():
                return
            wait = SHORTEST_WAIT if lived > _STEADY_SECONDS else wait
            _log.warning("the service ended after %.1f s; starting it again in %.1f s", lived, wait)
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _run_child(self) -> float:
        """Run one child to its end, or to ours. Returns how long it lived, in seconds."""
        began = self._clock.monotonic_ns()
        # Its output goes where the dashboard's own log goes.
        with subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=_STDERR) as child:
            self._child = child
            self.started += 1
            while child.poll() is None and not self._stopping.is_set():
                self._wait(child)
            if child.poll() is None:
                _end(child)
        return (self._clock.monotonic_ns() - began) / 1e9

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(SHORTEST_WAIT)
        except subprocess.TimeoutExpired:
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _log.warning("the service did not stop within %.0f s and was killed", STOP_SECONDS)
        child.kill()
        child.wait()
