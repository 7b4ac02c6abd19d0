"""Which days get a partition of their own: those in which traces arrive, and not every day that somebody's clock shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tracing_core.clock import Clock

DAYS_AHEAD = 2
DAYS_BACK = 90
"""Older traces are few, and each partition costs every query a little: they share the default partition."""


def partition_days(clock: Clock, retention_days: int | None = None) -> Callable[[date], bool]:
    """A function that says whether a day (UTC) gets a partition of its own, judged by what day it is then."""
    back = min(retention_days or DAYS_BACK, DAYS_BACK)

    def has_partition(day: date) -> bool:
        today = clock.now().date()
        return today - timedelta(days=back) <= day <= today + timedelta(days=DAYS_AHEAD)

    return has_partition


def days_ahead(today: date) -> tuple[date, ...]:
    """The days whose partitions are made before anything needs them."""
    return tuple(today + timedelta(days=number) for number in range(DAYS_AHEAD + 1))
