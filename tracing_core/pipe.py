"""A pipe between two processes of ours that large values go through at the speed of memory.

That of `multiprocessing` asks for all that is left of a value each time, gets what the socket holds, and joins the pieces: five
times the work for a request of two megabytes.
"""

from __future__ import annotations

import pickle
import socket
from typing import Any

_SIZE_BYTES = 8


class Pipe:
    """One end of it; of one thread to send, and one to receive.

    Args:
        end: a connected stream socket, which becomes this one's to close.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, value: Any) -> None:
        """Send a value that can be pickled; returns when the socket has taken all of it.

        Raises:
            OSError: the other end is gone.
        """
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self._end.sendall(len(content).to_bytes(_SIZE_BYTES))
        self._end.sendall(content)

    def receive(self) -> Any:
        """The next value.

        Raises:
            EOFError, OSError: the other end is gone.
        """
        size = int.from_bytes(self._filled(_SIZE_BYTES))
        return pickle.loads(self._filled(size))  # noqa: S301 - from a process of ours

    def close(self) -> None:
        """Let the other end know that it was all."""
        self._end.close()

    def _filled(self, size: int) -> bytearray:
        content = bytearray(size)
        left = memoryview(content)
        while left:
            got = self._end.recv_into(left)
            if not got:
                raise EOFError
            left = left[got:]
        return content
