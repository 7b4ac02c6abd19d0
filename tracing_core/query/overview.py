"""Is it healthy: totals, latency and flags over time, by operation and by library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tracing_core.model import QualityFlag
from tracing_core.query import metrics
from tracing_core.query.feedback import rated_count
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, measures
from tracing_core.query.over_time import over_time
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The numbers of a time range. What nothing is known of is None, never zero.

    Args:
        flagged: traces with a quality flag other than NORMAL.
        cost_usd: dollars, as far as prices are known; `unpriced_count` traces used a model without one.
        rating_count: ratings given, of which several may be of one trace; `rating_mean` is their mean, 1 to 5.
        feedback_rate: share of traces that somebody rated, 0 to 1.
    """

    count: int
    errors: int
    flagged: int
    cost_usd: Decimal | None
    unpriced_count: int
    input_tokens: int
    output_tokens: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    rating_count: int
    rating_mean: float | None
    feedback_rate: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyPoint:
    """The traces that began in one bucket of time; a bucket without any has no percentiles."""

    bucket: datetime
    count: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagPoint:
    """How many traces of one bucket of time have which flag; every flag is there."""

    bucket: datetime
    counts: dict[QualityFlag, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationLatency:
    """The spans of one name."""

    operation: str
    count: int
    errors: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryCount:
    """The traces about one library; None for those about none."""

    library: str | None
    count: int
    p95_ms: float | None


def totals(db: Database, chosen: TraceFilter) -> Totals:
    """The chosen traces in numbers.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found = measures(connection, chosen, "all").get("", NOTHING)
        rated = rated_count(connection, chosen)
    latency = metrics.percentiles(found.histogram)
    return Totals(
        count=found.count,
        errors=found.errors,
        flagged=metrics.flagged(found.flags),
        cost_usd=metrics.known_cost(found.cost_usd, found.unpriced_count, found.count),
        unpriced_count=found.unpriced_count,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        mean_ms=metrics.mean(found.duration_ms_sum, found.timed_count),
        p50_ms=latency.p50_ms,
        p95_ms=latency.p95_ms,
        p99_ms=latency.p99_ms,
        rating_count=found.rating_count,
        rating_mean=metrics.mean(found.rating_sum, found.rating_count),
        feedback_rate=metrics.feedback_rate(rated, found.count),
    )


def latency_over_time(db: Database, chosen: TraceFilter, granularity: str | None = None) -> tuple[LatencyPoint, ...]:
    """Percentiles by bucket of time, in order, empty buckets included.

    Args:
        db: where the traces are.
        chosen: which; the buckets at the edges of its range are whole.
        granularity: minute, hour or day; by default what suits the length of the range.

    Raises:
        InvalidInput: there is no such granularity.
        StorageError: the database did not answer.
    """
    return tuple(
        LatencyPoint(
            bucket=bucket, count=found.count, errors=found.errors, p50_ms=p.p50_ms, p95_ms=p.p95_ms, p99_ms=p.p99_ms
        )
        for bucket, found in over_time(db, chosen, granularity).buckets
        for p in (metrics.percentiles(found.histogram),)
    )


def flags_over_time(db: Database, chosen: TraceFilter, granularity: str | None = None) -> tuple[FlagPoint, ...]:
    """Quality flags by bucket of time; otherwise as `latency_over_time`."""
    found = over_time(db, chosen, granularity, histograms=False).buckets
    return tuple(FlagPoint(bucket=bucket, counts=dict(each.flags)) for bucket, each in found)


def breakdown(db: Database, chosen: TraceFilter) -> tuple[OperationLatency, ...]:
    """Latency by operation, which is the name of a span below the root; the one that took most time first.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found = measures(connection, chosen, "operation")
    most_time_first = sorted(found.items(), key=lambda item: (-item[1].duration_ms_sum, item[0]))
    return tuple(
        OperationLatency(
            operation=name,
            count=spans.count,
            errors=spans.errors,
            mean_ms=metrics.mean(spans.duration_ms_sum, spans.timed_count),
            p50_ms=p.p50_ms,
            p95_ms=p.p95_ms,
            p99_ms=p.p99_ms,
        )
        for name, spans in most_time_first
        for p in (metrics.percentiles(spans.histogram),)
    )


def flag_counts(db: Database, chosen: TraceFilter) -> dict[QualityFlag, int]:
    """How many of the chosen traces have which flag; every flag is there.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        return dict(measures(connection, chosen, "all", histograms=False).get("", NOTHING).flags)


def libraries(db: Database, chosen: TraceFilter) -> tuple[LibraryCount, ...]:
    """How many of the chosen traces are about which library, the most first.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found = measures(connection, chosen, "library")
    most_first = sorted(found.items(), key=lambda item: (-item[1].count, item[0]))
    return tuple(
        LibraryCount(library=name or None, count=m.count, p95_ms=metrics.percentiles(m.histogram).p95_ms)
        for name, m in most_first
    )
