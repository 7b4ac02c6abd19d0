"""Whether something far away answers. While it does not it is left alone, and who needs it is told so at once."""

from __future__ import annotations

import logging
import threading

from tracing_core.clock import Clock

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


class Outage:
    """Of one thing, for all threads. After a failure one call is let through after each pause; pauses grow to half a minute.

    Args:
        name: what it is called in the log.
        clock: for the pauses.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.problem: str | None = None
        self._name = name
        self._clock = clock
        self._pause = _FIRST_PAUSE_SECONDS
        self._try_again_at = 0.0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Before a call.

        Raises:
            ConnectionError: it did not answer a moment ago.
        """
        if self.problem is None:
            return
        with self._lock:
            if self._now() < self._try_again_at:
                raise ConnectionError(f"{self._name} is left alone for a moment: {self.problem}")
            self._wait()  # for the others, while this one tries

    def begun(self, problem: str) -> None:
        """A call failed that would have failed whatever it asked for."""
        with self._lock:
            if self.problem is None:
                logger.error("%s is away: %s", self._name, problem)
                self._pause = _FIRST_PAUSE_SECONDS
                self._wait()
            self.problem = problem

    def over(self) -> None:
        """A call was answered."""
        if self.problem is None:
            return
        with self._lock:
            self.problem = None
        logger.warning("%s is back", self._name)

    def _wait(self) -> None:
        self._try_again_at = self._now() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
