"""Interactions in numbers (seed D): their statistics, how sure answers are, and one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from sqlalchemy import RowMapping, select

from tracing_core.jsontext import storable
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, measures
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Drawn, Row, drawn
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

SAMPLE = 10_000
"""Traces from which means are that no rollup knows: all of so many, or some that are drawn."""
_OF_ONE = (
    "trace_id", "user_id", "query", "answer", "model", "cost_usd", "started_at", "duration_ms", "retrieval_ms",
    "generation_ms", "input_tokens", "output_tokens", "cached_tokens", "confidence", "citations_count", "quality_flag",
    "rating",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """Some interactions in numbers, those included that sampling left out; None where nothing is known.

    Args:
        cost_usd: dollars, as far as prices are known; `unpriced` interactions used a model without one.
        avg_ms, p95_ms, avg_retrieval_ms, avg_generation_ms: milliseconds.
        avg_confidence: 0 to 1; `avg_rating` 1 to 5.
        sample: from what the means of confidence, retrieval and generation are, which no rollup knows.
    """

    requests: int
    errors: int
    cost_usd: Decimal | None
    unpriced: int
    input_tokens: int
    output_tokens: int
    avg_ms: float | None
    p95_ms: float | None
    avg_retrieval_ms: float | None
    avg_generation_ms: float | None
    avg_confidence: float | None
    avg_rating: float | None
    sample: Drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceBucket:
    """How many answers have a confidence from `low` up to but without `high`; the last bucket has that of 1, too."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceDistribution:
    """How sure answers are. `unknown` of them do not say; counts stand for all of the range."""

    buckets: tuple[ConfidenceBucket, ...]
    unknown: int
    sample: Drawn


def statistics(db: Database, chosen: TraceFilter) -> Statistics:
    """The chosen interactions in numbers.

    Raises:
        StorageError: the database did not answer.
    """
    names = ("confidence", "retrieval_ms", "generation_ms")
    with reading(db, chosen) as connection:
        found = measures(connection, chosen, "all").get("", NOTHING)
        rows, sample = drawn(connection, chosen, SAMPLE, [traces.c[name] for name in names])
    known = {name: _mean(rows, name) for name in names}
    return Statistics(
        requests=found.count,
        errors=found.errors,
        cost_usd=metrics.known_cost(found.cost_usd, found.unpriced_count, found.count),
        unpriced=found.unpriced_count,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        avg_ms=metrics.mean(found.duration_ms_sum, found.timed_count),
        p95_ms=metrics.percentiles(found.histogram).p95_ms,
        avg_retrieval_ms=known["retrieval_ms"],
        avg_generation_ms=known["generation_ms"],
        avg_confidence=known["confidence"],
        avg_rating=metrics.mean(found.rating_sum, found.rating_count),
        sample=sample,
    )


def _mean(rows: Sequence[Row], name: str) -> float | None:
    known = [(row[name], row["weight"]) for row in rows if row[name] is not None]
    return metrics.mean(sum(value * weight for value, weight in known), sum(weight for _, weight in known))


def confidence_distribution(db: Database, chosen: TraceFilter, *, buckets: int = 10) -> ConfidenceDistribution:
    """How many of the chosen answers are how sure, in buckets of the same width.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        rows, sample = drawn(connection, chosen, SAMPLE, [traces.c.confidence])
    counts: Counter[int | None] = Counter()
    for row in rows:
        sure = row["confidence"]
        counts[None if sure is None else min(int(sure * buckets), buckets - 1)] += row["weight"]
    edges = [number / buckets for number in range(buckets + 1)]
    found = (
        ConfidenceBucket(low=low, high=high, count=round(counts[at])) for at, (low, high) in enumerate(pairwise(edges))
    )
    return ConfidenceDistribution(buckets=tuple(found), unknown=round(counts[None]), sample=sample)


def latency_percentiles(
    db: Database, chosen: TraceFilter, shares: tuple[float, ...] = (0.5, 0.75, 0.9, 0.95, 0.99)
) -> tuple[float | None, ...]:
    """The milliseconds that these shares (0 to 1) of the chosen traces do not exceed, within 1 %; None of nothing.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        return metrics.quantiles(measures(connection, chosen, "all").get("", NOTHING).histogram, shares)


def interaction(db: Database, trace_id: str) -> RowMapping | None:
    """What is counted of one trace; None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        statement = select(*(traces.c[name] for name in _OF_ONE)).where(traces.c.trace_id == storable(trace_id))
        return connection.execute(statement).mappings().one_or_none()
