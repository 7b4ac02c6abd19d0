"""Seed D's monitoring queries: daily cost by user, low-confidence alerts, feedback summary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Double, cast, func, select

from tracing_core.query import metrics
from tracing_core.query.traces import QUERY_CHARS
from tracing_core.storage.database import Database
from tracing_core.storage.tables import feedback, traces

LOW_CONFIDENCE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class UserCost:
    """What one user's requests cost, in dollars; None when no price is known. `user_id` None is nobody in particular."""

    user_id: str | None
    requests: int
    daily_cost: Decimal | None
    unpriced: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsureAnswer:
    """An interaction whose answer was not sure of itself; `query` has its first 500 characters."""

    trace_id: str
    user_id: str | None
    query: str | None
    confidence_score: float
    started_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingSummary:
    """How often a rating was given, and how sure the answers were that got it (0 to 1)."""

    rating: int
    count: int
    avg_confidence: float | None


def daily_cost_by_user(db: Database, now: datetime, *, hours: float = 24) -> tuple[UserCost, ...]:
    """Daily cost by user: requests and cost of each, the dearest first.

    Args:
        db: where the traces are.
        now: the end of the time that is looked at.
        hours: how long that is.

    Raises:
        StorageError: the database did not answer.
    """
    weight = metrics.weight()
    cost = metrics.cost_sum(traces.c.cost_usd, weight).label("cost")
    requests, unpriced = func.sum(weight), metrics.how_many(metrics.unpriced(), weight)
    statement = (
        select(traces.c.user_id, requests, cost, unpriced)
        .where(traces.c.started_at >= now - timedelta(hours=hours), traces.c.started_at < now)
        .group_by(traces.c.user_id)
        .order_by(cost.desc(), requests.desc(), traces.c.user_id)
    )
    with db.read() as connection:
        found = connection.execute(statement).all()
    return tuple(
        UserCost(
            user_id=user_id, requests=round(count), unpriced=round(unknown),
            daily_cost=metrics.known_cost(spent, round(unknown), round(count)),
        )
        for user_id, count, spent, unknown in found
    )  # fmt: skip


def low_confidence_alerts(
    db: Database, now: datetime, *, below: float = LOW_CONFIDENCE, hours: float = 1, limit: int = 100
) -> tuple[UnsureAnswer, ...]:
    """Low confidence alerts: the newest interactions of the last hours whose confidence is below a limit.

    Raises:
        StorageError: the database did not answer.
    """
    t = traces.c
    statement = (
        select(t.trace_id, t.user_id, func.left(t.query, QUERY_CHARS), t.confidence, t.started_at)
        .where(t.confidence < below, t.started_at >= now - timedelta(hours=hours), t.started_at < now)
        .order_by(t.started_at.desc())
        .limit(limit)
    )
    with db.read() as connection:
        found = connection.execute(statement).all()
    return tuple(
        UnsureAnswer(trace_id=trace_id, user_id=user, query=query, confidence_score=confidence, started_at=at)
        for trace_id, user, query, confidence, at in found
    )


def feedback_summary(db: Database, now: datetime, *, days: float = 7) -> tuple[RatingSummary, ...]:
    """Feedback summary: how often each rating was given in the last days, the best first; ratings nobody gave are not in it.

    Raises:
        StorageError: the database did not answer.
    """
    since = now - timedelta(days=days)
    recent = (feedback.c.created_at >= since, feedback.c.created_at < now, feedback.c.updated_at >= since)  # its index
    statement = (
        select(feedback.c.rating, func.count(), cast(func.avg(traces.c.confidence), Double))
        .join_from(feedback, traces)
        .where(*recent)
        .group_by(feedback.c.rating)
        .order_by(feedback.c.rating.desc())
    )
    with db.read() as connection:
        found = connection.execute(statement).all()
    return tuple(RatingSummary(rating=rating, count=count, avg_confidence=sure) for rating, count, sure in found)
