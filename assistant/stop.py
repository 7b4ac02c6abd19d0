"""Stopping an answer from another thread, at once, also while it waits for the model."""

from __future__ import annotations

import threading
from collections.abc import Callable


class StopSignal:
    """Set once by who no longer wants the answer; whoever holds a connection hangs it up then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._hang_up: Callable[[], None] | None = None

    def set(self) -> None:
        """Stop. May be called from any thread, and more than once."""
        with self._lock:
            self._set = True
            hang_up = self._hang_up
        if hang_up is not None:
            hang_up()

    def is_set(self) -> bool:
        """Whether the answer is no longer wanted."""
        return self._set

    def call_on_stop(self, hang_up: Callable[[], None] | None) -> None:
        """Have `hang_up` called when the signal is set; at once when it already is. None forgets the last one."""
        with self._lock:
            self._hang_up = hang_up
            already = self._set
        if already and hang_up is not None:
            hang_up()
