"""Time, as something that can be injected. The only module that asks the machine what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tracing_core.errors import InvalidInput


class Clock(Protocol):
    """Wall time for timestamps, monotonic time for durations."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds of a clock that never goes back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    # The builtin itself: a span asks three times, and a frame of Python around it would double the price.
    monotonic_ns = staticmethod(time.perf_counter_ns)


class ManualClock:
    """A clock that moves only when it is told to; for tests and for a history that is made up."""

    def __init__(self, start: datetime) -> None:
        self._start = require_utc("start", start)
        self._elapsed_ns = 0

    def now(self) -> datetime:
        return self._start + timedelta(microseconds=self._elapsed_ns / 1000)

    def monotonic_ns(self) -> int:
        return self._elapsed_ns

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self._elapsed_ns += int(seconds * 1_000_000_000)


def require_utc(field: str, value: datetime) -> datetime:
    """Return `value` in UTC.

    Raises:
        InvalidInput: when `value` carries no time zone, as it would then mean another moment on another machine.
    """
    if value.tzinfo is None:
        raise InvalidInput(field, "has no time zone; give an aware datetime, such as 2026-01-31T12:00:00Z")
    return value.astimezone(UTC)
