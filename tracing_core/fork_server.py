"""Processes that are forked from one that has everything loaded and no threads: they start in milliseconds and share its memory.

The server is itself a fork, made before there are threads or sockets. What it starts ends by itself when its pipe does.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tracing_core.errors import TracewhyError
from tracing_core.pipe import Pipe

_PID_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Forked:
    """A process that runs, and the pipe to it."""

    pid: int
    pipe: Pipe


class ForkServer:
    """Starts processes that run `work`. Make it while this process has a single thread.

    Args:
        work: what each of them does with its end of the pipe; the process ends when it returns.
    """

    def __init__(self, work: Callable[[Pipe], object]) -> None:
        self._lock = threading.Lock()
        self._line, theirs = socket.socketpair()
        with theirs:
            if os.fork() == 0:
                _in_child(partial(self._serve, theirs, work))

    def start(self) -> Forked:
        """Start one.

        Raises:
            OSError: the server is gone, or the machine has no room for another process.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            socket.send_fds(self._line, [b"1"], [theirs.fileno()])
            pid = int.from_bytes(self._line.recv(_PID_BYTES))
        if not pid:
            ours.close()
            raise OSError("no process can be forked")
        return Forked(pid=pid, pipe=Pipe(ours))

    def close(self) -> None:
        """Start none any more. What was started goes on."""
        self._line.close()

    def _serve(self, line: socket.socket, work: Callable[[Pipe], object]) -> None:
        self._line.close()
        for number in (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
        ):  # meant for the parent, which ends us in its order
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what ends here
        gc.freeze()  # so that looking for garbage does not copy what is shared
        while True:
            message, descriptors, _, _ = socket.recv_fds(line, 1, 1)
            if not message:
                return
            try:
                pid = os.fork()
            except OSError:
                pid = -1
            if pid == 0:
                line.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _in_child(partial(work, Pipe(socket.socket(fileno=descriptors[0]))))
            os.close(descriptors[0])
            line.sendall(max(pid, 0).to_bytes(_PID_BYTES))


def _in_child(work: Callable[[], object]) -> None:
    """Do it, and end without what the parent would do at its end."""
    code = 1
    try:
        work()
        code = 0
    except TracewhyError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(code)
