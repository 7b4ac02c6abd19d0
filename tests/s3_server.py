"""An S3 server in a process of its own, spoken to over real HTTP: it can hang, be killed and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from s3fs import S3FileSystem

from tests.service.process import free_port

_buckets = count()


class S3Server:
    """Moto's server, which keeps what it is given in memory.

    Args:
        port: that it listens on.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self.start()

    def start(self) -> None:
        """Start it, with nothing in it, and wait until it answers."""
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:  # it says so once its socket listens
            said += line
            if "Running on" in line:
                break
        else:
            raise AssertionError(said)
        urllib.request.urlopen(self.url, timeout=20).close()

    def make_bucket(self, name: str) -> None:
        """An empty bucket."""
        S3FileSystem(**self.options, skip_instance_cache=True).mkdir(name)

    def settings(self, bucket: str | None = None) -> dict[str, Any]:
        """Settings that put files of traces into an empty bucket here."""
        name = bucket or f"bucket-{next(_buckets)}"
        self.make_bucket(name)
        return {"TRACEWHY_FILES_URL": f"s3://{name}/some/prefix", "TRACEWHY_FILES_OPTIONS": self.options}

    @property
    def options(self) -> dict[str, Any]:
        """What fsspec has to know of it."""
        return {"endpoint_url": self.url, "key": "somebody", "secret": "a secret"}

    def hang(self) -> None:
        """From now on connections are taken, and nothing is answered."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After `hang`."""
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """From now on connections are refused, and all that it held is lost."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that is gone afterwards."""
    server = S3Server(free_port())
    try:
        yield server
    finally:
        server.kill()
