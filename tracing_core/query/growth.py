"""How large the database and the files were, day by day: as measured, and before that as the traces make likely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise

from sqlalchemy import Connection, func, select

from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import storage_sizes
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import traces

DATABASE, FILES = "database", "files"
"""What sizes are of."""
DAYS = 60
"""Looked back at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySize:
    """Bytes on a day (UTC). An estimate is that of the first measured day, in proportion to the traces stored until then."""

    day: date
    bytes: int
    estimated: bool


def sizes_by_day(db: Database, now: Mapping[str, int], at: datetime) -> dict[str, tuple[DaySize, ...]]:
    """The sizes of the days there are, the oldest first, by what they are of.

    Args:
        db: where they are.
        now: bytes at present, which count for days on which nothing was measured.
        at: the time of now.

    Raises:
        StorageError: the database did not answer.
    """
    today = at.date()
    since = today - timedelta(days=DAYS)
    statement = select(storage_sizes.c.what, storage_sizes.c.day, storage_sizes.c.bytes)
    with db.read() as connection:
        found = connection.execute(statement.where(storage_sizes.c.day >= since).order_by(storage_sizes.c.day)).all()
        stored = _stored_by_day(connection, since)
    sizes: dict[str, tuple[DaySize, ...]] = {}
    for what, current in now.items():
        measured = {day: size for of, day, size in found if of == what} | {today: current}
        sizes[what] = (*_estimates(stored, *min(measured.items())), *_days(measured))
    return sizes


def daily_growth(days: Sequence[DaySize]) -> list[float]:
    """Bytes that each whole day added, the oldest first; days that nobody measured share what came in them evenly."""
    steps: list[float] = []
    for earlier, later in pairwise(days[:-1] if len(days) > 1 else days):  # today is not over
        between = (later.day - earlier.day).days
        steps += [(later.bytes - earlier.bytes) / between] * between
    return steps


def _days(measured: Mapping[date, int]) -> list[DaySize]:
    return [DaySize(day=day, bytes=size, estimated=False) for day, size in sorted(measured.items())]


def _estimates(stored: Mapping[date, int], first: date, size: int) -> list[DaySize]:
    """Of the days before the first measured one, as far back as there are traces."""
    before = sorted(day for day in stored if day < first)
    if not before:
        return []
    calendar = [before[0] + timedelta(days=number) for number in range((first - before[0]).days + 1)]
    until = list(accumulate(stored.get(day, 0) for day in calendar))
    return [
        DaySize(day=day, bytes=round(size * so_far / until[-1]), estimated=True)
        for day, so_far in zip(calendar[:-1], until[:-1], strict=True)
    ]


def _stored_by_day(connection: Connection, since: date) -> dict[date, int]:
    """Traces stored by day, of those days whose traces are still there."""
    oldest = connection.scalar(select(func.min(traces.c.started_at)))
    if oldest is None:
        return {}
    t = trace_metrics.c
    counted = select(t.bucket, func.sum(t.stored)).group_by(t.bucket)
    counted = counted.where(t.granularity == "day", t.dimension == "trace", t.value == "")
    first = max(oldest.date(), since)
    return {bucket.date(): int(count) for bucket, count in connection.execute(counted) if bucket.date() >= first}
