"""Sends what waits in the outbox: one process at a time, each message once, again only where that cannot double it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from tracing_core.alert_settings import Destination
from tracing_core.alerts.message import Message, message_of
from tracing_core.alerts.sending import Attempt, Fate, send
from tracing_core.clock import Clock
from tracing_core.settings import Settings
from tracing_core.storage.alert_outbox import Claimed, claim, settle, take_up
from tracing_core.storage.database import Database
from tracing_core.storage.upkeep_lock import DELIVERY_LOCK, alone

logger = logging.getLogger(__name__)

GIVEN_UP_AFTER = timedelta(days=1)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=15)
_MOST_DOUBLINGS = 10
Send = Callable[[Message, str, Destination, Settings], Attempt]


class Courier:
    """Sends for one process.

    Args:
        database: where the outbox is.
        settings: where messages may go; nothing else is contacted.
        clock: for times.
        send: takes a message to a destination, once.
    """

    def __init__(self, database: Database, settings: Settings, clock: Clock, send: Send = send) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._send = send
        self._unsettled: list[Callable[[], None]] = []

    def run_once(self) -> int:
        """Send what is due; how many attempts that took. A destination that did not take one is left for the next time.

        Raises:
            Busy: another process sends.
            StorageError: the database went away; what was being sent is looked at the next time.
        """
        attempts = 0
        with alone(self._database, DELIVERY_LOCK):
            self._settle_what_is_left()
            self._take_up()
            troubled: set[str] = set()
            while (claimed := claim(self._database, self._clock.now(), troubled)) is not None:
                attempts += 1
                if not self._deliver(claimed):
                    troubled.add(claimed.destination)
        return attempts

    def _take_up(self) -> None:
        destinations = self._settings.alert_destinations
        idempotent = [name for name, each in destinations.items() if each.idempotent]
        for event_id, name in take_up(self._database, idempotent, self._clock.now()):
            logger.warning(
                "nobody knows whether the alert %s arrived at %s: the process that sent it ended; "
                "send it again with python -m tracing_core alerts send-again, if it did not",
                event_id, name,
            )  # fmt: skip

    def _deliver(self, claimed: Claimed) -> bool:
        """Send one, and enter what became of it; whether its destination can take the next one."""
        destination = self._settings.alert_destinations.get(claimed.destination)
        if destination is None:
            self._over(claimed, "failed", "it is not in TRACEWHY_ALERT_DESTINATIONS; add it, then send this again")
            return True
        message = message_of(claimed.event, self._settings.public_url)
        attempt = self._send(message, claimed.destination, destination, self._settings)
        if attempt.fate is Fate.DELIVERED:
            self._settle(claimed, "delivered", attempt.said)
            return True
        again = attempt.fate is Fate.LATER or (attempt.fate is Fate.UNKNOWN and destination.idempotent)
        if again and self._clock.now() - claimed.event.happened_at < GIVEN_UP_AFTER:
            self._later(claimed, attempt)
        else:
            self._over(claimed, "unknown" if attempt.fate is Fate.UNKNOWN else "failed", attempt.said or "")
        return False

    def _later(self, claimed: Claimed, attempt: Attempt) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(claimed.attempt - 1, _MOST_DOUBLINGS), _LONGEST_PAUSE)
        logger.info("the alert %s is not at %s yet: %s", claimed.event.event_id, claimed.destination, attempt.said)
        self._settle(claimed, "waiting", attempt.said, again_at=self._clock.now() + pause)

    def _over(self, claimed: Claimed, status: str, said: str) -> None:
        logger.warning(
            "the alert %s to %s is %s: %s", claimed.event.event_id, claimed.destination,
            "given up" if status == "failed" else "perhaps not there", said,
        )  # fmt: skip
        self._settle(claimed, status, said)

    def _settle(self, claimed: Claimed, status: str, error: str | None, again_at: datetime | None = None) -> None:
        """Enter what became of an attempt; when the database is away, before the next one."""
        now = self._clock.now()
        self._unsettled.append(lambda: settle(self._database, claimed, status, now, error=error, again_at=again_at))
        self._settle_what_is_left()

    def _settle_what_is_left(self) -> None:
        while self._unsettled:
            self._unsettled[0]()
            self._unsettled.pop(0)
