"""Time one operation: `with PerformanceMonitor("rerank") as timed: ...`, or `async with`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from tracing_core.clock import Clock, SystemClock
from tracing_core.context import span
from tracing_core.model import SpanKind
from tracing_core.recording import AnySpan, describe


class PerformanceMonitor:
    """Takes the time of what is done inside; in a trace it is a span of it, too. Never raises, and lets errors through.

    Args:
        name: of the operation.
        kind: of the span.
        clock: the machine's own unless given.
    """

    def __init__(self, name: str, kind: str = SpanKind.UNKNOWN, *, clock: Clock | None = None) -> None:
        self.name = name
        self.success: bool | None = None
        """Whether it ended without an error; None while it goes on."""
        self.error: str | None = None
        """`ValueError: what it says`, where it ended with one."""
        self._kind = kind
        self._clock = clock or SystemClock()
        self._started: int | None = None
        self._ended: int | None = None
        self._span: AnySpan | None = None

    @property
    def duration_ms(self) -> float:
        """Milliseconds: of the whole once it ended, before that up to now; 0 before it began."""
        if self._started is None:
            return 0.0
        return ((self._clock.monotonic_ns() if self._ended is None else self._ended) - self._started) / 1_000_000

    def __enter__(self) -> Self:
        self.success = self.error = self._ended = None
        self._span = span(self.name, self._kind)
        self._span.__enter__()
        self._started = self._clock.monotonic_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = self._clock.monotonic_ns()
        self.success = error is None
        self.error = None if error is None else describe(error)
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
