"""Measures from the rollups in `trace_metrics`: which filters they answer, and with which statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from tracing_core.query.filters import TraceFilter
from tracing_core.query.time_buckets import WIDTHS, Piece, bucket_end, pieces
from tracing_core.rollups import FLAG_COLUMNS, bucket_start
from tracing_core.storage.schema import Moment
from tracing_core.storage.side_tables import trace_metrics

By = Literal["all", "bucket", "operation", "library", "model"]
SUMS = (
    "stored", "count", "errors", "duration_ms_sum", "timed_count", "input_tokens", "output_tokens", "cost_usd", "unpriced_count",
    "rating_count", "rating_sum", *FLAG_COLUMNS.values(),
)  # fmt: skip

_ALWAYS = frozenset({"start", "end", "project"})
_BESIDE: dict[By, frozenset[str]] = {
    "all": frozenset({"library", "model"}),
    "bucket": frozenset({"library", "model"}),
    "operation": frozenset(),
    "library": frozenset({"library"}),
    "model": frozenset({"model"}),
}


def answers(chosen: TraceFilter, by: By) -> bool:
    """Whether the rollups can tell what the filter asks for: they know one of library and model, not both at once."""
    beside = chosen.set_fields() - _ALWAYS
    return beside <= _BESIDE[by] and len(beside) <= 1


def rows(
    connection: Connection, chosen: TraceFilter, by: By, granularity: str, *, histograms: bool
) -> Sequence[RowMapping]:
    """One row a key: the key and the columns `SUMS`; with histograms those of all rows behind it, as `written` has them."""
    parts = _pieces(chosen, granularity if by == "bucket" else None)
    if not parts:
        return ()
    dimension, value = _dimension(chosen, by)
    statement = _statement(by, chosen.project is not None, value is not None, histograms)
    parameters = {"project": chosen.project, "dimension": dimension, "value": value}
    return connection.execute(statement, parameters | _as_parameters(parts)).mappings().all()


@cache
def _statement(by: By, in_project: bool, of_value: bool, histograms: bool) -> Select[Any]:
    """What `rows` asks. Its shape does not depend on the range, so that it is made once."""
    t, p = trace_metrics.c, _PIECES.c
    asked = ["bucket", "value", *SUMS, *(("bins", "bin_counts") if histograms else ())]
    inside = [_in_project(in_project), t.granularity == p.granularity, t.bucket >= p.low, t.bucket < p.high]
    inside.append(t.dimension == bindparam("dimension", type_=Text))
    if of_value:
        inside.append(t.value == bindparam("value", type_=Text))
    # Piece by piece, as each is one stretch of the index and their union is not. Without the offset PostgreSQL, which takes
    # stretches of a large index for dear, would rather go through all minutes, hours and days of the dimension.
    found = select(*(t[name] for name in asked)).where(*inside).offset(0).lateral("found")
    keys: dict[By, ColumnElement[Any]] = {"all": literal("").label("key"), "bucket": found.c.bucket.label("key")}
    key = keys.get(by, found.c.value.label("key"))
    columns = [key, *(func.sum(found.c[name]).label(name) for name in SUMS)]
    if histograms:
        columns += [written(found.c[name]).label(name) for name in ("bins", "bin_counts")]
    statement = select(*columns).select_from(_PIECES.join(found, onclause=true()))
    return statement if by == "all" else statement.group_by(key)


_PIECES = (
    func.unnest(
        bindparam("granularities", type_=ARRAY(Text)),
        bindparam("lows", type_=ARRAY(Moment)),
        bindparam("highs", type_=ARRAY(Moment)),
    )
    .table_valued(column("granularity", Text), column("low", Moment), column("high", Moment), name="piece")
    .render_derived()
)
_EVER, _NEVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def _as_parameters(parts: Iterable[Piece]) -> dict[str, Any]:
    granularities, lows, highs = zip(
        *[(piece.granularity, piece.start or _EVER, piece.end or _NEVER) for piece in parts], strict=True
    )
    return {"granularities": list(granularities), "lows": list(lows), "highs": list(highs)}


def written(arrays: ColumnElement[Any]) -> ColumnElement[str]:
    """Arrays of some rows as PostgreSQL writes them, `{1,2},{3}`: in text they are read many times as quickly."""
    return func.string_agg(cast(arrays, Text), ",")


def widened(connection: Connection, chosen: TraceFilter) -> TraceFilter:
    """The filter with edges that the rollups can answer, and answer from few of their rows.

    Where those by the minute are gone, an edge is taken to the whole hour; an end after which nothing of its day began, as
    when a range ends now, to the end of the day.
    """
    low = None if chosen.start is None else bucket_start(chosen.start, "minute")
    high = None if chosen.end is None else bucket_end(chosen.end, "minute")
    ragged = {bucket_start(edge, "hour") for edge in (low, high) if edge is not None and edge.minute}
    last = _NEVER if high is None else min(high, _NEVER)
    if not ragged and last == bucket_start(last, "day"):
        return chosen
    gone, goes_on = _edges(connection, chosen.project, ragged, last)
    if low is not None and bucket_start(low, "hour") in gone:
        chosen = replace(chosen, start=bucket_start(low, "hour"))
    if last != _NEVER and not goes_on:
        return replace(chosen, end=bucket_end(last, "day"))
    if high is not None and bucket_start(high, "hour") in gone:
        chosen = replace(chosen, end=bucket_end(high, "hour"))
    return chosen


def _edges(
    connection: Connection, project: str | None, hours: Collection[datetime], end: datetime
) -> tuple[Collection[datetime], bool]:
    """Those of these hours without minutes, and whether anything began at `end`, a whole minute, or later on its day."""
    bounds = {"end": end, "hour": bucket_end(end, "hour"), "day": bucket_end(end, "day")}
    parameters = {"project": project, "hours": list(hours)} | bounds
    gone, goes_on = connection.execute(_edges_of(project is not None), parameters).one()
    return gone, goes_on


@cache
def _edges_of(in_project: bool) -> Select[Any]:
    t, end, hour, day = trace_metrics.c, *(bindparam(name, type_=Moment) for name in ("end", "hour", "day"))
    of_all = select(t.bucket).where(_in_project(in_project), t.dimension == "trace")
    minutes = of_all.where(t.granularity == "minute", t.bucket >= end, t.bucket < hour)
    hours = of_all.where(t.granularity == "hour", t.bucket >= hour, t.bucket < day)
    return select(func.array(_gone(in_project).scalar_subquery()), or_(minutes.exists(), hours.exists()))


def without_minutes(connection: Connection, project: str | None, hours: Collection[datetime]) -> frozenset[datetime]:
    """Those of these hours whose rollups by the minute are gone, or not all there."""
    parameters = {"hours": list(hours), "project": project}
    return frozenset(connection.execute(_gone(project is not None), parameters).scalars()) if hours else frozenset()


@cache
def _gone(in_project: bool) -> Select[datetime]:
    t = trace_metrics.c
    of = (
        func.unnest(bindparam("hours", type_=ARRAY(Moment)))
        .table_valued(column("hour", Moment), name="asked")
        .render_derived()
        .c.hour
    )
    stored = select(func.coalesce(func.sum(t.stored), 0)).where(_in_project(in_project), t.dimension == "trace")
    of_hour = stored.where(t.granularity == "hour", t.bucket == of).scalar_subquery()
    within = (t.granularity == "minute", t.bucket >= of, t.bucket < of + WIDTHS["hour"])
    return select(of).where(of_hour > stored.where(*within).scalar_subquery())


@cache
def projects() -> Select[str]:
    """The names of all projects, found by hopping from one to the next in the index."""
    first = select(func.min(trace_metrics.c.project).label("project")).cte("names", recursive=True)
    following = select(func.min(trace_metrics.c.project)).where(trace_metrics.c.project > first.c.project)
    hop = select(following.scalar_subquery()).where(first.c.project.is_not(None))
    names = first.union_all(hop)
    return select(names.c.project).where(names.c.project.is_not(None))


def first_day(project: str | None) -> Select[datetime]:
    """The first day that has traces."""
    t = trace_metrics.c
    days = select(func.min(t.bucket)).where(t.granularity == "day", t.dimension == "trace")
    return days.where(_in_project(project is not None)).params(project=project)


def _dimension(chosen: TraceFilter, by: By) -> tuple[str, str | None]:
    if by in ("operation", "library", "model"):
        return by, getattr(chosen, by, None)
    if chosen.library is not None:
        return "library", chosen.library
    return ("model", chosen.model) if chosen.model is not None else ("trace", "")


def _in_project(one: bool) -> ColumnElement[bool]:
    """In the project that is a parameter; all are named one by one, as the index begins with the project."""
    if one:
        return trace_metrics.c.project == bindparam("project", type_=Text)
    return trace_metrics.c.project == func.any(func.array(projects().scalar_subquery()))


def _pieces(chosen: TraceFilter, granularity: str | None) -> tuple[Piece, ...]:
    if granularity is None:
        return pieces(chosen.start, chosen.end)
    start = chosen.start and bucket_start(chosen.start, granularity)
    end = chosen.end and bucket_end(chosen.end, granularity)
    return (Piece(granularity=granularity, start=start, end=end),)
