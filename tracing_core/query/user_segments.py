"""Who asks: users with what they ask, think and cost, and when in the week they do."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from tracing_core.model import QualityFlag
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import measures
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import feedback, traces
from tracing_core.user_segments import Segment, User, UserFacts, segments, users_of

MOST_TRACES, MOST_USERS = 200_000, 20_000
"""Traces of known users, the newest, that are added up, and users that are told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """How many questions were asked in an hour of the week, on average over the weeks of the range.

    Args:
        weekday: from 0, Monday; `hour` from 0, both in UTC.
        count: of all weeks.
        newest: when the newest such hour with a question began; None without any.
    """

    weekday: int
    hour: int
    count: int
    newest: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Users:
    """Who asked.

    Args:
        users: those who ask most first; segments: by volume and mood.
        looked_at: traces of known users that were added up, `whole` whether these are all of the chosen ones.
    """

    users: tuple[User, ...]
    segments: tuple[Segment, ...]
    looked_at: int
    whole: bool


def users(db: Database, chosen: TraceFilter) -> Users:
    """The users behind the chosen traces, and the segments that they are in.

    Raises:
        StorageError: the database did not answer.
    """
    newest = _newest(chosen)
    with reading(db, chosen) as connection:
        looked_at = connection.scalar(select(func.count()).select_from(_asked(chosen, literal(1)).subquery())) or 0
        facts = _facts(connection, newest)
    found = users_of(facts)
    return Users(
        users=found, segments=segments(found), looked_at=min(looked_at, MOST_TRACES), whole=looked_at < MOST_TRACES
    )


def activity(db: Database, chosen: TraceFilter) -> tuple[Activity, ...]:
    """Questions by hour of the week, all 168 of them; nothing where none were asked.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        by_hour = measures(connection, chosen, "bucket", "hour", histograms=False)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    newest: dict[tuple[int, int], datetime] = {}
    for bucket, each in by_hour.items():
        key = bucket.weekday(), bucket.hour
        counts[key] += each.count
        newest[key] = max(newest.get(key, bucket), bucket)
    if not counts:
        return ()
    places = [(weekday, hour) for weekday in range(7) for hour in range(24)]
    return tuple(
        Activity(weekday=day, hour=hour, count=counts[day, hour], newest=newest.get((day, hour)))
        for day, hour in places
    )


def _asked(chosen: TraceFilter, *columns: ColumnElement[Any]) -> Select[Any]:
    """The newest traces of which the user is known."""
    some = select(*columns).where(traces.c.user_id.is_not(None), *conditions(chosen))
    return some.order_by(traces.c.started_at.desc()).limit(MOST_TRACES)


def _newest(chosen: TraceFilter) -> Any:
    t = traces.c
    columns = (
        t.user_id, t.trace_id, t.library, t.quality_flag, t.cost_usd, t.started_at, t.rating, metrics.weight().label("weight")
    )  # fmt: skip
    return _asked(chosen, *columns).cte("newest").prefix_with("MATERIALIZED")


def _facts(connection: Connection, newest: Any) -> list[UserFacts]:
    n = newest.c
    sums: Select[Any] = (
        select(
            n.user_id,
            func.sum(n.weight).label("questions"),
            func.count().label("seen"),
            metrics.how_many(n.quality_flag != QualityFlag.NORMAL, n.weight).label("flagged"),
            metrics.cost_sum(n.cost_usd, n.weight).label("cost_usd"),
            func.count(n.cost_usd).label("priced"),
            func.max(n.started_at).label("last_at"),
        )
        .group_by(n.user_id)
        .order_by(func.sum(n.weight).desc(), n.user_id)
        .limit(MOST_USERS)
    )
    libraries: dict[str, dict[str, float]] = defaultdict(dict)
    by_library = select(n.user_id, n.library, func.sum(n.weight)).where(n.library.is_not(None))
    for user_id, library, count in connection.execute(by_library.group_by(n.user_id, n.library)):
        libraries[user_id][library] = float(count)
    ratings = {row.user_id: row for row in connection.execute(_ratings(newest))}
    return [
        UserFacts(
            user_id=row.user_id,
            questions=float(row.questions),
            seen=row.seen,
            rated=ratings[row.user_id].rated if row.user_id in ratings else 0,
            rating=float(ratings[row.user_id].rating) if row.user_id in ratings else None,
            flagged=float(row.flagged),
            cost_usd=row.cost_usd if row.priced else None,
            libraries=libraries.get(row.user_id, {}),
            last_at=row.last_at,
        )
        for row in connection.execute(sums)
    ]


def _ratings(newest: Any) -> Select[Any]:
    """What was thought of each user's answers."""
    n = newest.c
    return (
        select(n.user_id, func.count().label("rated"), func.avg(feedback.c.rating).label("rating"))
        .join_from(newest, feedback, feedback.c.trace_id == n.trace_id)
        .where(n.rating.is_not(None))
        .group_by(n.user_id)
    )
