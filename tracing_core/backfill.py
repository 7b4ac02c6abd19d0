"""Make the rollups anew from what is stored: after an interrupted migration, or when they are in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tracing_core.clock import Clock
from tracing_core.storage.backfill import Hour, Refilled, hours, refill
from tracing_core.storage.upkeep_lock import alone
from tracing_core.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfilled:
    """How many hours were made anew, and which were left as they are: they count traces that are not stored any more."""

    done: int
    left: tuple[Hour, ...]


def backfill(
    store: Store,
    clock: Clock,
    *,
    since: date | None = None,
    until: date | None = None,
    project: str | None = None,
    even_if_fewer: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Backfilled:
    """Make the rollups of some days anew, an hour at a time; whoever writes meanwhile waits for milliseconds at most.

    Args:
        store: where the traces are.
        clock: for the day on which rollups by the minute begin.
        since, until: days in UTC, both included; None for all.
        project: only this one.
        even_if_fewer: also hours of which traces are gone: what was counted of these is given up.
        on_progress: is told how many hours are done, and of how many.

    Raises:
        Busy: another process is at it, or removes old traces.
        StorageError: the database did not do it; the hours before are done.
    """
    minutes_since = first_minute(clock.now(), store.settings.metrics_days)
    with alone(store.database):
        found = hours(
            store.database, _start(since), None if until is None else _start(until + timedelta(days=1)), project
        )
        left = []
        for number, hour in enumerate(found, 1):
            done = refill(store.database, hour, minutes_since=minutes_since, even_if_fewer=even_if_fewer)
            if done is Refilled.LEFT:
                left.append(hour)
            on_progress(number, len(found))
    return Backfilled(done=len(found) - len(left), left=tuple(left))


def first_minute(now: datetime, metrics_days: int | None) -> datetime | None:
    """When the rollups by the minute begin; None when all are kept."""
    return None if metrics_days is None else _start(now.astimezone(UTC).date() - timedelta(days=metrics_days))


def _start(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
