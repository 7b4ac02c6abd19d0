"""Threads that see the trace of whoever gave them the work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class TracingThreadPoolExecutor(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` whose work runs in the context in which it was submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `ThreadPoolExecutor.submit`; spans opened by `fn` lie below the submitter's current span."""
        return super().submit(partial(copy_context().run, fn, *args, **kwargs))


def in_this_context(function: Callable[P, T]) -> Callable[P, T]:
    """Bind `function` to the context of now, for a plain `threading.Thread(target=...)`; for any number of them."""
    context = copy_context()

    def run(*args: Any, **kwargs: Any) -> T:
        return context.copy().run(function, *args, **kwargs)

    return run
