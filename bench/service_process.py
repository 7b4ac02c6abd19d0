"""A real service in a process of its own, as an operator runs it, and what it and its database use of the machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
_LONGEST_SECONDS = 180.0


class ServiceProcess:
    """A service that runs.

    Args:
        process: its process.
        data_dir: its data directory.
        ports: of the service and of its OTLP receiver.
    """

    def __init__(self, process: subprocess.Popen[bytes], data_dir: Path, ports: tuple[int, int]) -> None:
        self._process = process
        self._data_dir = data_dir
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.otlp_url = f"http://127.0.0.1:{ports[1]}/v1/traces"

    def wait_until_ready(self) -> None:
        """Wait until it answers and its assistant no longer reads documents, which would take a core.

        Raises:
            TimeoutError: it does not answer.
            RuntimeError: it ended.
        """
        deadline = time.perf_counter() + _LONGEST_SECONDS
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the service ended with {self._process.returncode}: {self._said()}")
            if self._ready():
                return
            time.sleep(0.2)
        raise TimeoutError(f"the service is not ready after {_LONGEST_SECONDS:.0f} s: {self._said()}")

    def resident_mb(self) -> float:
        """Memory of its own and of the processes that it started, in MB (a million bytes); what they share counts once."""
        return float(sum(each.memory_full_info().pss for each in self._processes())) / 1e6

    def cpu_seconds(self) -> float:
        """Processor time that it and the processes that it started took so far."""
        times = [each.cpu_times() for each in self._processes()]
        return float(sum(each.user + each.system for each in times))

    def database_cpu_seconds(self) -> float:
        """Processor time that its embedded PostgreSQL took so far, ended backends included."""
        note = self._data_dir / "postgres" / "postmaster.pid"
        if not note.exists():
            return 0.0
        master = psutil.Process(int(note.read_text().split()[0]))
        times = master.cpu_times()
        total = float(times.user + times.system + times.children_user + times.children_system)
        for backend in master.children(recursive=True):
            try:
                used = backend.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += float(used.user + used.system)
        return total

    def _processes(self) -> list[psutil.Process]:
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 - our own service
                assistant = json.load(answer)["assistant"]
        except (urllib.error.URLError, OSError):
            return False
        return bool(assistant["ready"] or assistant["problem"])

    def _said(self) -> str:
        return (self._data_dir / "service.log").read_text(errors="replace")[-2000:]


@contextmanager
def service(data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[ServiceProcess]:
    """A service that is ready, stopped in order after the block.

    Args:
        data_dir: its own; made when it is missing.
        settings: by environment name, on top of the environment without a database or model of its own.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    ports = (free_port(), free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACEWHY_", "LLM_"))}
    environment.pop("DATABASE_URL", None)
    environment |= {
        "TRACEWHY_DATA_DIR": str(data_dir),
        "TRACEWHY_SERVICE_PORT": str(ports[0]),
        "TRACEWHY_OTLP_PORT": str(ports[1]),
        "TRACEWHY_GRPC_PORT": str(free_port()),
        "TRACEWHY_EMBEDDED_MODEL": "false",
        **(settings or {}),
    }
    with (data_dir / "service.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "service"], cwd=ROOT, env=environment, stderr=log)
    running = ServiceProcess(process, data_dir, ports)
    try:
        running.wait_until_ready()
        yield running
    finally:
        _stop(process)


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
