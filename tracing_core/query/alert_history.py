"""The number of one alert rule at every minute of a past time, from sums by the minute that are read once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tracing_core.alerts.rule import WEEK, Against, AlertRule
from tracing_core.alerts.state import Sample
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_numbers import HISTOGRAM, Number, number_of
from tracing_core.query.alert_sums import by_minute, in_rollups
from tracing_core.query.measures import histogram_of
from tracing_core.query.rollup_measures import without_minutes
from tracing_core.query.time_buckets import bucket_starts
from tracing_core.storage.database import Database

_MINUTE = timedelta(minutes=1)
_LISTS = ("bins", "bin_counts")


def samples_over_time(
    db: Database, rule: AlertRule, first_end: datetime, last_end: datetime
) -> Iterator[tuple[datetime, Sample]]:
    """The end of each window and the number of it, minute by minute.

    Args:
        db: where the traces are.
        rule: whose number; one with a history.
        first_end, last_end: where the first and the last window end, whole minutes, both included.

    Raises:
        InvalidInput: the rollups by the minute of that time are not kept any more.
        StorageError: the database did not answer.
    """
    back = WEEK if rule.against is Against.LAST_WEEK else timedelta(0)
    now = _numbers(db, rule, first_end, last_end)
    if not back:
        for end, (value, count) in now:
            yield end, Sample(value=value, count=count)
        return
    for (end, (value, count)), (_, (last_week, last_week_count)) in zip(
        now, _numbers(db, rule, first_end - back, last_end - back), strict=True
    ):
        yield end, Sample(value=value, count=count, last_week=last_week, last_week_count=last_week_count)


def _numbers(
    db: Database, rule: AlertRule, first_end: datetime, last_end: datetime
) -> Iterator[tuple[datetime, Number]]:
    start = first_end - rule.window
    with db.read() as connection:
        if in_rollups(rule):
            hours = bucket_starts(start, last_end, "hour")
            if gone := without_minutes(connection, rule.project, hours):
                raise InvalidInput(
                    "start", f"is too early: minutes are kept from {max(gone) + 60 * _MINUTE:%Y-%m-%d %H:%M} UTC on"
                )
        rows = by_minute(connection, rule, start, last_end)
    sliding, end = _Sliding(), first_end
    minute = start
    while end <= last_end:
        while minute < end:
            if (row := rows.get(minute)) is not None:
                sliding.take(minute, row)
            minute += _MINUTE
        sliding.drop_before(end - rule.window)
        yield end, number_of(rule, sliding.row())
        end += _MINUTE


class _Sliding:
    """The sums of the minutes that are in a window which goes on."""

    def __init__(self) -> None:
        self._within: deque[tuple[datetime, dict[str, Any], dict[int, float]]] = deque()
        self._sums: dict[str, Any] = {}
        self._bins: dict[int, float] = {}

    def take(self, minute: datetime, row: Mapping[Any, Any]) -> None:
        """Add the next minute."""
        sums = {name: value or 0 for name, value in row.items() if name not in ("key", *_LISTS)}
        bins = histogram_of(row) if "bins" in row else {}
        self._within.append((minute, sums, bins))
        self._add(sums, bins, 1)

    def drop_before(self, start: datetime) -> None:
        """Take away the minutes before the window."""
        while self._within and self._within[0][0] < start:
            _, sums, bins = self._within.popleft()
            self._add(sums, bins, -1)
        if not self._within:  # what rounding left over goes, too
            self._sums, self._bins = {}, {}

    def row(self) -> dict[str, Any] | None:
        """The sums as a row of the rollups, with the histogram as it is; None of nothing."""
        if not self._within:
            return None
        return {**self._sums, HISTOGRAM: {number: count for number, count in self._bins.items() if count > 1e-6}}

    def _add(self, sums: Mapping[str, Any], bins: Mapping[int, float], sign: int) -> None:
        for name, value in sums.items():
            before = self._sums.get(name, 0)
            if isinstance(value, Decimal) or isinstance(before, Decimal):
                self._sums[name] = Decimal(before) + sign * Decimal(value)
            else:
                self._sums[name] = before + sign * value
        for number, count in bins.items():
            self._bins[number] = self._bins.get(number, 0.0) + sign * count
