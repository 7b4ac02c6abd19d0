"""A program that is started, watched and stopped together with everything that it starts in turn."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from launch.steps import ROOT, CannotGoOn, Settings, step

ADOPT_ORPHANS = 36
SIGNAL_WHEN_PARENT_DIES = 1
"""Options of prctl(2)."""
HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS = 60
STOP_SECONDS = 15


class Program:
    """A command and everything that it starts in turn, which are stopped together.

    A database server leaves the process group of the program that started it. On Linux this process therefore adopts
    whatever its descendants leave behind, and what dies here takes the program with it.
    """

    def __init__(self, command: list[str], environment: Settings) -> None:
        self.asked_to_stop = 0  # times; a signal handler can count, where an Event could lock itself out
        self.ready = threading.Event()
        self.last_lines: deque[str] = deque(maxlen=20)
        for number in HEEDED:
            signal.signal(number, self._on_signal)
        process_control(ADOPT_ORPHANS, 1)
        self.child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: process_control(SIGNAL_WHEN_PARENT_DIES, signal.SIGTERM),  # noqa: PLW1509 - no thread yet
        )
        self.reader = threading.Thread(target=self._read_output, daemon=True)
        self.reader.start()

    def run(self, addresses: dict[str, str], probes: list[str]) -> int:
        """Wait for the probes to answer, say where, wait for a signal, stop. Returns the exit code."""
        try:
            with step("starting"):
                self._wait_for(probes)
            if not self.asked_to_stop:
                print("".join(f"{name:10} {address}\n" for name, address in addresses.items()) + "Ctrl-C stops it")
                sys.stdout.flush()
                self.ready.set()
            while not self.asked_to_stop:
                self._check_alive()
                self._adopted()
                time.sleep(0.1)
        finally:
            self._end()
        return 0

    def _on_signal(self, *_: object) -> None:
        self.asked_to_stop += 1

    def _read_output(self) -> None:
        for line in self.child.stdout or ():
            self.last_lines.append(line)
            if self.ready.is_set():
                with suppress(OSError):  # whoever read our output has gone; the program need not stall for that
                    print(line, end="", flush=True)

    def _wait_for(self, probes: list[str]) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = list(probes)
        while waiting and not self.asked_to_stop:
            self._check_alive()
            if answers(waiting[0]):
                waiting.pop(0)
            elif time.monotonic() > deadline:
                raise CannotGoOn(f"{waiting[0]} does not answer after {START_SECONDS} s; {self._tail()}")
            else:
                time.sleep(0.05)

    def _check_alive(self) -> None:
        if self.child.poll() is not None:
            self.reader.join(timeout=1)
            raise CannotGoOn(f"the dashboard stopped by itself (exit code {self.child.returncode}); {self._tail()}")

    def _tail(self) -> str:
        return "its last lines were:\n" + "".join(self.last_lines) if self.last_lines else "it said nothing"

    def _end(self) -> None:
        print("stopping", flush=True)
        start = time.monotonic()
        self.child.terminate()
        self._wait_until(lambda: self.child.poll() is not None, STOP_SECONDS)
        for number in (signal.SIGINT, signal.SIGKILL, signal.SIGKILL):  # twice: the dying may leave children behind
            if self._alive():
                self._signal_all(number)
                self._wait_until(lambda: not self._alive(), STOP_SECONDS / 3)
        print(f"stopped after {time.monotonic() - start:.1f} s", flush=True)
        for number in HEEDED:  # nothing is left to stop; a late signal must not make a failure of an orderly end
            signal.signal(number, signal.SIG_IGN)

    def _wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline and self.asked_to_stop < 2:
            time.sleep(0.05)

    def _signal_all(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, number)
        for pid in self._adopted():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _alive(self) -> bool:
        if self.child.poll() is None or self._adopted():
            return True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, 0)
            return True
        return False

    def _adopted(self) -> list[int]:
        """Orphans of the program that are alive; the dead among them are buried here."""
        files = Path("/proc/self/task").glob("*/children")
        pids = {int(pid) for file in files for pid in file.read_text().split()} - {self.child.pid}
        return [pid for pid in pids if os.waitpid(pid, os.WNOHANG) == (0, 0)]


def process_control(option: int, value: int) -> None:
    """prctl(2), where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


def answers(address: str) -> bool:
    """Whether a GET of `address` is answered with success."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False
