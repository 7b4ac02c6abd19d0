"""From the command to the first page: `dev.py run` with a fresh data directory, everything installed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Figure
from bench.service_process import free_port

_DEV = Path(__file__).parents[1] / "dev.py"
_LONGEST_SECONDS = 90.0


def measure() -> Iterator[Figure]:
    """The figures of this module."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        page, service, otlp, grpc = (free_port() for _ in range(4))
        command = [sys.executable, str(_DEV), "run", "--data-dir", directory, "--port", str(page)]
        command += ["--service-port", str(service), "--otlp-port", str(otlp), "--grpc-port", str(grpc)]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(f"http://127.0.0.1:{page}/_stcore/health")
            first_page = time.perf_counter() - start
            _wait(f"http://127.0.0.1:{service}/healthz")
            answering = time.perf_counter() - start
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    yield Figure(what="start to first page, fresh data directory", value=first_page, unit="s", target="5 s")
    yield Figure(what="start to the service answering", value=answering, unit="s")


def _wait(url: str) -> None:
    deadline = time.perf_counter() + _LONGEST_SECONDS
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - a URL of our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    message = f"{url} did not answer within {_LONGEST_SECONDS:.0f} s"
    raise TimeoutError(message)
