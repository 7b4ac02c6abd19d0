"""Services by the dozen: forked from a process that has everything loaded, so that a start takes a part of a second."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.service.process import ROOT, free_port
from tests.service.serving import eventually

_PROGRAM = """
import json, os, signal, sys
import service.__main__ as program
from tests.service.serving import Scripted

program.Assistant = lambda *_, **__: Scripted()  # no part of what is tested, and long in getting ready
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(0)
        os.environ.update(json.loads(line))
        os._exit(program.main([]))
    print(child, flush=True)
"""


@dataclass(frozen=True)
class Service:
    """One that was started.

    Args:
        pid: of its process.
        url: its address.
    """

    pid: int
    url: str

    def kill(self, number: int = signal.SIGKILL, seconds: float = 30.0) -> None:
        """Send it a signal that ends it, and wait until it is gone."""
        handle = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(handle, number)
            ended, _, _ = select.select((handle,), (), (), seconds)
            assert ended, "it does not end"
        finally:
            os.close(handle)

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def settled(self) -> bool:
        """Whether nothing waits on disk any more."""
        health = httpx.get(f"{self.url}/healthz", timeout=20).json()
        return bool(health["database"]["ok"] and health["writer"]["waiting"] == 0)


class Nursery:
    """Starts services.

    Args:
        popen: the process that they are forked from.
        log: where their standard error goes.
    """

    def __init__(self, popen: subprocess.Popen[str], log: Path) -> None:
        self._popen = popen
        self._started: list[Service] = []
        self.log = log

    def start(self, data_dir: Path, port: int | None = None, **settings: object) -> Service:
        """A service, which may not answer yet.

        Args:
            data_dir: its data directory.
            port: a free one by default.
            settings: by environment name.
        """
        port = port or free_port()
        named = {
            "TRACEWHY_DATA_DIR": data_dir, "TRACEWHY_SERVICE_PORT": port, "TRACEWHY_OTLP_PORT": 0,
            "TRACEWHY_GRPC_PORT": 0, "TRACEWHY_EMBEDDED_MODEL": "false", "TRACEWHY_FLUSH_SECONDS": 0.1, **settings,
        }  # fmt: skip
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(json.dumps({name: str(value) for name, value in named.items()}) + "\n")
        self._popen.stdin.flush()
        service = Service(int(self._popen.stdout.readline()), f"http://127.0.0.1:{port}")
        self._started.append(service)
        return service

    def ready(self, data_dir: Path, port: int | None = None, **settings: object) -> Service:
        """The same, when it answers."""
        service = self.start(data_dir, port, **settings)
        eventually(service.answers, 60)
        return service

    def end_all(self) -> None:
        """Kill what is left."""
        for service in self._started:
            try:
                service.kill()
            except ProcessLookupError:
                continue


@contextmanager
def nursery(log: Path) -> Iterator[Nursery]:
    """A nursery; what was started is gone after the block."""
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True,
        )  # fmt: skip
    made = Nursery(popen, log)
    try:
        yield made
    finally:
        made.end_all()
        popen.communicate(timeout=30)
