"""`python -m service` in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.service.serving import eventually

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A service that runs.

    Args:
        settings: by environment name.
        log: where its standard error goes.
    """

    def __init__(self, settings: dict[str, str], log: Path, *arguments: str) -> None:
        self.log = log
        port = settings.setdefault("TRACEWHY_SERVICE_PORT", str(free_port()))
        for receiver in ("TRACEWHY_OTLP_PORT", "TRACEWHY_GRPC_PORT"):
            settings.setdefault(receiver, "0")
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "service", *arguments],
                cwd=ROOT,
                env={**os.environ, **settings},
                stdin=subprocess.PIPE,
                stderr=output,
            )
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=180
        )  # an index may have to be built first

    def answers(self) -> bool:
        """Whether it answers."""
        assert self.popen.poll() is None, self.log.read_text()
        try:
            return self.client.get("/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def ready(self) -> bool:
        """Whether its assistant is ready."""
        return self.answers() and bool(self.client.get("/healthz").json()["assistant"]["ready"])


@contextmanager
def service_process(settings: dict[str, str], log: Path, *arguments: str) -> Iterator[Process]:
    """A service that answers, gone after the block."""
    process = Process(settings, log, *arguments)
    try:
        eventually(process.answers, 60)
        yield process
    finally:
        process.popen.kill()
        process.popen.communicate()
        process.client.close()


def refused(settings: dict[str, str]) -> tuple[int, str]:
    """The exit code and the last line of a service that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env={**os.environ, **settings},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]
