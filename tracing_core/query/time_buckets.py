"""A time range as buckets of the rollups. Pure.

The edges of a range are taken to the whole minute, outwards: what a list of the range shows is in its totals too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.rollups import bucket_start

WIDTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
"""Granularities, the finest first."""

_LONGEST_BY_MINUTE = timedelta(hours=3)
_LONGEST_BY_HOUR = timedelta(days=8)
_MOST_FILLED = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Buckets of one granularity: from the one that starts at `start`, up to and without the one at `end`; None is open."""

    granularity: str
    start: datetime | None
    end: datetime | None


def pieces(start: datetime | None, end: datetime | None) -> tuple[Piece, ...]:
    """The fewest buckets that cover the range: whole days in the middle, then hours, then minutes at its edges."""
    low = None if start is None else bucket_start(start, "minute")
    high = None if end is None else bucket_end(end, "minute")
    return tuple(_cover(low, high, tuple(reversed(WIDTHS))))


def _cover(low: datetime | None, high: datetime | None, granularities: tuple[str, ...]) -> Iterator[Piece]:
    if low is not None and high is not None and low >= high:
        return
    granularity, *finer = granularities
    first = None if low is None else bucket_end(low, granularity)
    last = None if high is None else bucket_start(high, granularity)
    if first is not None and last is not None and first >= last:
        if finer:
            yield from _cover(low, high, tuple(finer))
        return
    if low is not None and low != first:
        yield from _cover(low, first, tuple(finer))
    yield Piece(granularity=granularity, start=first, end=last)
    if high is not None and high != last:
        yield from _cover(last, high, tuple(finer))


def bucket_end(moment: datetime, granularity: str) -> datetime:
    """The first start of a bucket that is not before `moment`."""
    start = bucket_start(moment, granularity)
    return start if start == moment else start + WIDTHS[granularity]


def chart_granularity(length: timedelta) -> str:
    """The granularity with which a chart of that length has up to about 200 points, as long as that can be."""
    if length <= _LONGEST_BY_MINUTE:
        return "minute"
    return "hour" if length <= _LONGEST_BY_HOUR else "day"


def bucket_starts(start: datetime, end: datetime, granularity: str) -> tuple[datetime, ...]:
    """The starts of all buckets that touch the range; none when they would be too many to draw."""
    first = bucket_start(start, granularity)
    count = (bucket_end(end, granularity) - first) // WIDTHS[granularity]
    if not 0 < count <= _MOST_FILLED:
        return ()
    return tuple(first + number * WIDTHS[granularity] for number in range(count))
