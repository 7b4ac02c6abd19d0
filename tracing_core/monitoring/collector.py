"""What is asked of stored interactions: of one user, of the whole system, of one of them (seed D)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from typing import Any, TypeVar

from tracing_core.answer import Answer
from tracing_core.archive import archive
from tracing_core.clock import Clock, SystemClock
from tracing_core.errors import InvalidInput
from tracing_core.ids import check_trace_id
from tracing_core.monitoring.interactions import InteractionMetrics, LatencyMetrics, QualityMetrics, TokenMetrics
from tracing_core.query import interactions, metrics
from tracing_core.query.filters import TraceFilter
from tracing_core.query.interactions import Statistics
from tracing_core.storage.database import Database
from tracing_core.store import Store

T = TypeVar("T")

PERCENTILES = (50, 75, 90, 95, 99)
_LONGEST_HOURS = 24 * 366 * 10


class MetricsCollector:
    """Numbers about interactions: `await collector.get_system_statistics()`, or `.result()` where nothing awaits.

    They are of the last `hours`. `db` is where the traces are: a store or its database; without one that of
    `tracing_core.init()` in this process, else the one that the settings name.

    Args:
        clock: for what is now; the machine's own unless given.

    Raises:
        InvalidInput: at once: an argument cannot be used; the error names it.
        StorageError: when asked: the database did not answer.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def get_user_statistics(
        self, db: Database | Store | None = None, user_id: str = "", hours: float = 24
    ) -> Answer[dict[str, Any]]:
        """One user's interactions: user_id, and what `get_system_statistics` has."""
        if not user_id.strip():
            raise InvalidInput("user_id", "must name a user")
        chosen = self._chosen(hours, user_id=user_id)
        return _ask(db, lambda found: {"user_id": user_id, **_said(interactions.statistics(found, chosen), hours)})

    def get_system_statistics(
        self, db: Database | Store | None = None, hours: float = 24, project: str | None = None
    ) -> Answer[dict[str, Any]]:
        """All interactions, or those of a project.

        hours, total_requests, failed_requests, error_rate (0 to 1), total_cost (dollars), unpriced_requests (whose cost is not
        known, and not in the sum), avg_cost, total_tokens, prompt_tokens, completion_tokens, avg_latency, p95_latency,
        avg_retrieval_latency, avg_generation_latency (milliseconds), avg_confidence (0 to 1), avg_rating (1 to 5); None where
        nothing is known.
        """
        chosen = self._chosen(hours, project=project)
        return _ask(db, lambda found: _said(interactions.statistics(found, chosen), hours))

    def get_confidence_distribution(
        self, db: Database | Store | None = None, hours: float = 24, project: str | None = None
    ) -> Answer[dict[str, int]]:
        """How many answers are how sure: `0.0-0.1` to `0.9-1.0`, and `unknown`."""
        chosen = self._chosen(hours, project=project)

        def ask(found: Database) -> dict[str, int]:
            told = interactions.confidence_distribution(found, chosen)
            return {f"{each.low:.1f}-{each.high:.1f}": each.count for each in told.buckets} | {"unknown": told.unknown}

        return _ask(db, ask)

    def get_latency_percentiles(
        self, db: Database | Store | None = None, hours: float = 24, project: str | None = None
    ) -> Answer[dict[str, float | None]]:
        """The latency in milliseconds, within 1 %: p50, p75, p90, p95 and p99; None where nothing was timed."""
        chosen = self._chosen(hours, project=project)
        shares = tuple(each / 100 for each in PERCENTILES)

        def ask(found: Database) -> dict[str, float | None]:
            told = interactions.latency_percentiles(found, chosen, shares)
            return {f"p{name}": value for name, value in zip(PERCENTILES, told, strict=True)}

        return _ask(db, ask)

    def get_interaction(
        self, interaction_id: str, db: Database | Store | None = None
    ) -> Answer[InteractionMetrics | None]:
        """One interaction in numbers; None when there is none with this id."""
        trace_id = check_trace_id(interaction_id)
        return _ask(db, lambda found: _interaction(found, trace_id))

    def _chosen(self, hours: float, **others: str | None) -> TraceFilter:
        if isinstance(hours, bool) or not isfinite(hours) or not 0 < hours <= _LONGEST_HOURS:
            raise InvalidInput("hours", f"must be above 0 and at most {_LONGEST_HOURS:,}")
        return TraceFilter(start=self._clock.now() - timedelta(hours=hours), **others)  # type: ignore[arg-type]


def _ask(db: Database | Store | None, question: Callable[[Database], T]) -> Answer[T]:
    return Answer(lambda: question(_database(db)))


def _database(db: Database | Store | None) -> Database:
    if db is None:
        return archive().database
    return db.database if isinstance(db, Store) else db


def _said(found: Statistics, hours: float) -> dict[str, Any]:
    priced = found.requests - found.unpriced
    return {
        "hours": hours,
        "total_requests": found.requests,
        "failed_requests": found.errors,
        "error_rate": metrics.share(found.errors, found.requests),
        "total_cost": found.cost_usd,
        "unpriced_requests": found.unpriced,
        "avg_cost": found.cost_usd / priced if found.cost_usd is not None and priced > 0 else None,
        "total_tokens": found.input_tokens + found.output_tokens,
        "prompt_tokens": found.input_tokens,
        "completion_tokens": found.output_tokens,
        "avg_latency": found.avg_ms,
        "p95_latency": found.p95_ms,
        "avg_retrieval_latency": found.avg_retrieval_ms,
        "avg_generation_latency": found.avg_generation_ms,
        "avg_confidence": found.avg_confidence,
        "avg_rating": found.avg_rating,
    }


def _interaction(db: Database, trace_id: str) -> InteractionMetrics | None:
    row = interactions.interaction(db, trace_id)
    if row is None:
        return None
    return InteractionMetrics(
        interaction_id=row["trace_id"],
        user_id=row["user_id"],
        query=row["query"],
        answer=row["answer"],
        model_name=row["model"],
        cost_estimate=row["cost_usd"],
        created_at=row["started_at"],
        latency=LatencyMetrics(
            total_ms=row["duration_ms"], retrieval_ms=row["retrieval_ms"], generation_ms=row["generation_ms"]
        ),
        tokens=TokenMetrics(
            prompt_tokens=row["input_tokens"],
            completion_tokens=row["output_tokens"],
            cached_tokens=row["cached_tokens"],
        ),
        quality=QualityMetrics(
            confidence_score=row["confidence"],
            citations_count=row["citations_count"],
            quality_flag=row["quality_flag"],
            rating=row["rating"],
        ),
    )
