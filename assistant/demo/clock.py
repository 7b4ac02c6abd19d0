"""A clock that runs as time does, and can jump ahead."""

from __future__ import annotations

from datetime import datetime, timedelta

from tracing_core.clock import SystemClock, require_utc

_system = SystemClock()


class JumpingClock:
    """Work takes the time that it takes; waiting is skipped by jumping.

    Args:
        start: what time it is when the clock is made.
    """

    def __init__(self, start: datetime) -> None:
        self._start = require_utc("start", start)
        self._made_ns = _system.monotonic_ns()
        self._jumped_ns = 0

    def now(self) -> datetime:
        """See `Clock`."""
        return self._start + timedelta(microseconds=self.monotonic_ns() / 1000)

    def monotonic_ns(self) -> int:
        """See `Clock`; since the clock was made."""
        return _system.monotonic_ns() - self._made_ns + self._jumped_ns

    def jump(self, seconds: float) -> None:
        """Skip `seconds`."""
        self._jumped_ns += max(int(seconds * 1e9), 0)

    def jump_to(self, moment: datetime) -> None:
        """Skip what is left until `moment`; nothing when it has passed."""
        self.jump((moment - self.now()).total_seconds())
