"""Keeps watch for a process: looks at the alert rules each minute, and sends what there is to tell."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from tracing_core.alerts.courier import Courier
from tracing_core.alerts.evaluation import Evaluated, evaluate
from tracing_core.clock import Clock
from tracing_core.errors import Busy, StorageError
from tracing_core.settings import Settings
from tracing_core.storage.database import Database

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
"""Between two looks whether a new minute is to be looked at, by this process or another."""
SEND_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchTally:
    """What the looks of this process came to so far: how many, how many failed, seconds of all and of the last, events, messages."""

    looks: int = 0
    failed: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0
    events: int = 0
    attempts: int = 0


class AlertWatch:
    """Two threads, so that a receiver that hangs does not keep the rules from being looked at.

    Args:
        database: where rules and traces are; closed by the caller, after this.
        settings: where alerts may be sent, and how long before now windows end.
        clock: for the minute that it is.
        look_seconds, send_seconds: between two looks at the clock, and at the outbox.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Clock,
        *,
        look_seconds: float = LOOK_SECONDS,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._courier = Courier(database, settings, clock)
        self._lock = threading.Lock()
        self._tally = WatchTally()
        self._unreadable: tuple[str, ...] = ()
        self._stop = threading.Event()
        self._threads = (
            threading.Thread(target=self._run, args=(self.look, look_seconds), name="tracewhy-alerts", daemon=True),
            threading.Thread(target=self._run, args=(self.send, send_seconds), name="tracewhy-courier", daemon=True),
        )

    @property
    def tally(self) -> WatchTally:
        """What came of it so far."""
        return self._tally

    def start(self) -> None:
        """Begin, unless the settings say that this process leaves it to others."""
        if self._settings.alerts:
            for thread in self._threads:
                thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End, when what goes on is done; at most after `timeout` seconds for each of the two."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)

    def look(self) -> None:
        """Look at the rules that nobody has looked at in this minute.

        Raises:
            Busy: another process does it.
            StorageError: the database did not do it; the next look does.
        """
        began = self._clock.monotonic_ns()
        done = evaluate(self._database, self._clock.now(), timedelta(seconds=self._settings.alert_delay_seconds))
        if done.rules:
            self._count(done, (self._clock.monotonic_ns() - began) / 1e9)
        if done.unreadable != self._unreadable:
            self._unreadable = done.unreadable
            logger.warning("alert rules that cannot be read, and are not looked at: %s", ", ".join(done.unreadable))

    def send(self) -> None:
        """Send what waits.

        Raises:
            Busy: another process does it.
            StorageError: the database did not do it; the next time has it all.
        """
        attempts = self._courier.run_once()
        with self._lock:
            self._tally = replace(self._tally, attempts=self._tally.attempts + attempts)

    def _count(self, done: Evaluated, seconds: float) -> None:
        with self._lock:
            before = self._tally
            self._tally = replace(
                before,
                looks=before.looks + 1,
                seconds=before.seconds + seconds,
                last_seconds=seconds,
                events=before.events + done.events,
            )

    def _run(self, do: Callable[[], None], seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                do()
            except Busy:
                logger.debug("another process looks after the alerts")
            except StorageError as error:
                with self._lock:
                    self._tally = replace(self._tally, failed=self._tally.failed + 1)
                logger.warning("alerts wait until the database does what is asked of it: %s", error)
