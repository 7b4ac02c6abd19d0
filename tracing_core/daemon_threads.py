"""Threads for calls that may hang or come late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """A thread for each piece of work, which the end of the program does not wait for.

    A `ThreadPoolExecutor` of the standard library waits at the end for what hangs, and takes no work any more from what
    runs at exit, when the last traces of a short program are written.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `ThreadPoolExecutor.submit`; begun at once."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
                future.set_exception(error)

        threading.Thread(target=run, name="tracewhy-files", daemon=True).start()
        return future
