"""Whether something far away answers. While it does not, who needs it is told so at once, and a look is taken now and then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tracing_core.clock import Clock

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


class Outage:
    """Of one thing, for all threads. After a failure no call is let through until a look finds that it answers again.

    Args:
        name: what it is called in the log.
        clock: for the pauses between looks, which grow to half a minute.
        look: begins to find out, elsewhere, whether it answers, and says so to `begun` or `over`; nobody waits for it.
    """

    def __init__(self, name: str, clock: Clock, look: Callable[[], object]) -> None:
        self.problem: str | None = None
        self._name = name
        self._clock = clock
        self._look = look
        self._pause = _FIRST_PAUSE_SECONDS
        self._try_again_at = 0.0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Before a call.

        Raises:
            ConnectionError: it did not answer when it was last asked.
        """
        if self.problem is None:
            return
        with self._lock:
            due = self._now() >= self._try_again_at
            if due:
                self._wait()
        if due:
            self._look()
        raise ConnectionError(f"{self._name} is left alone for a moment: {self.problem}")

    def begun(self, problem: str) -> None:
        """A call failed that would have failed whatever it asked for."""
        with self._lock:
            if self.problem is None:
                logger.error("%s is away: %s", self._name, problem)
                self._pause = _FIRST_PAUSE_SECONDS
                self._wait()
            self.problem = problem

    def over(self) -> None:
        """A look was answered."""
        with self._lock:
            self.problem = None
        logger.warning("%s is back", self._name)

    def _wait(self) -> None:
        self._try_again_at = self._now() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
