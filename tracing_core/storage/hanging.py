"""Ends the wait for a server that has fallen silent: stopped, or behind a network that is cut.

PostgreSQL's own time limits need a server that works, and psycopg2 waits for its answer without any.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def cut_off_after(connection: Any, seconds: float) -> Iterator[None]:
    """Cut a connection that is still at the same work after so long; who waits on it hears that it was lost.

    Args:
        connection: of psycopg2, and open.
        seconds: that the block may take.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as line:  # the number may be somebody else's by then
        timer = threading.Timer(seconds, _cut, (line,))
        timer.daemon = True
        with suppress(RuntimeError):  # while Python ends there are no new threads
            timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
