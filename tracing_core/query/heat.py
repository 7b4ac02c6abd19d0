"""How many traces took how long when: a grid of time by duration, each row of it as many times as long as the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.histogram import bin_end
from tracing_core.query.filters import TraceFilter
from tracing_core.query.over_time import over_time
from tracing_core.query.time_buckets import WIDTHS
from tracing_core.storage.database import Database

BINS_OF_ROW = 14
"""Of the histogram's bins, which makes each row a third longer than the one beneath: eight rows for a tenfold duration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatCell:
    """How many of the traces that began in `bucket` took more than `low_ms` and at most `high_ms` milliseconds."""

    bucket: datetime
    low_ms: float
    high_ms: float
    count: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Heat:
    """The cells that hold any traces, by time and duration, and the width of every bucket.

    `buckets` names all buckets of the time range, those without any traces included.
    """

    cells: tuple[HeatCell, ...]
    buckets: tuple[datetime, ...]
    width: timedelta


def heat(db: Database, chosen: TraceFilter, granularity: str | None = None) -> Heat:
    """The grid of the chosen traces, each counted for as many as it stands for; from the rollups where they can answer.

    Args:
        db: where the traces are.
        chosen: which; the buckets at the edges of its range are whole.
        granularity: minute, hour or day; by default what suits the length of the range.

    Raises:
        InvalidInput: there is no such granularity.
        StorageError: the database did not answer.
    """
    found = over_time(db, chosen, granularity)
    cells = tuple(
        HeatCell(
            bucket=bucket,
            low_ms=bin_end(row * BINS_OF_ROW),
            high_ms=bin_end((row + 1) * BINS_OF_ROW),
            count=count,
        )
        for bucket, measured in found.buckets
        for row, count in sorted(_rows(measured.histogram).items())
    )
    return Heat(cells=cells, buckets=tuple(bucket for bucket, _ in found.buckets), width=WIDTHS[found.granularity])


def _rows(histogram: Mapping[int, float]) -> dict[int, float]:
    rows: dict[int, float] = {}
    for number, count in histogram.items():
        row = (number - 1) // BINS_OF_ROW
        rows[row] = rows.get(row, 0.0) + count
    return rows
