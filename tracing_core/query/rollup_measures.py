"""Measures from the rollups in `trace_metrics`: which filters they answer, and with which statements."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    select,
    union_all,
)

from tracing_core.query.filters import TraceFilter
from tracing_core.query.time_buckets import WIDTHS, Piece, bucket_end, pieces
from tracing_core.rollups import FLAG_COLUMNS, bucket_start
from tracing_core.storage.tables import trace_metrics

By = Literal["all", "bucket", "operation", "library", "model"]
SUMS = (
    "count", "errors", "duration_ms_sum", "timed_count", "input_tokens", "output_tokens", "cost_usd", "unpriced_count",
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


def sums(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    """One row a key: the key and the columns `SUMS`."""
    source = _rows(select(_key(by).label("key"), *(trace_metrics.c[name] for name in SUMS)), chosen, by, granularity)
    return select(source.c.key, *(func.sum(source.c[name]).label(name) for name in SUMS)).group_by(source.c.key)


def histograms(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    """One row a key: the key, bin numbers, and how many fell into each."""
    bins = func.unnest(trace_metrics.c.bins).label("bin")
    counts = func.unnest(trace_metrics.c.bin_counts).label("n")
    rows = _rows(select(_key(by).label("key"), bins, counts), chosen, by, granularity)
    return merged_histograms(rows.c.key, rows.c.bin, func.sum(rows.c.n))


def merged_histograms(key: ColumnElement[Any], number: ColumnElement[int], count: ColumnElement[Any]) -> Select[Any]:
    """Counts per key and bin, with the bins of a key in one row."""
    columns = (key.label("key"), number.label("bin"), cast(count, Double).label("n"))
    merged = select(*columns).group_by(key, number).subquery()
    arrays = (func.array_agg(merged.c.bin), func.array_agg(merged.c.n))
    return select(merged.c.key, *arrays).group_by(merged.c.key)


def widened(connection: Connection, chosen: TraceFilter) -> TraceFilter:
    """The filter with edges that the rollups can answer: where those by the minute are gone, taken to the whole hour."""
    low = None if chosen.start is None else bucket_start(chosen.start, "minute")
    high = None if chosen.end is None else bucket_end(chosen.end, "minute")
    ragged = {bucket_start(edge, "hour") for edge in (low, high) if edge is not None and edge.minute}
    gone = without_minutes(connection, chosen.project, ragged) if ragged else frozenset()
    if low is not None and bucket_start(low, "hour") in gone:
        chosen = replace(chosen, start=bucket_start(low, "hour"))
    if high is not None and bucket_start(high, "hour") in gone:
        chosen = replace(chosen, end=bucket_end(high, "hour"))
    return chosen


def without_minutes(connection: Connection, project: str | None, hours: Collection[datetime]) -> frozenset[datetime]:
    """Those of these hours whose rollups by the minute are gone, or not all there."""
    t = trace_metrics.c
    hour = func.date_trunc("hour", t.bucket, "UTC").label("hour")
    stored = case((t.granularity == "hour", t.stored), else_=-t.stored).label("missing")
    of_all = select(hour, stored).where(_in_project(project), t.dimension == "trace")
    minutes = [
        of_all.where(t.granularity == "minute", t.bucket >= start, t.bucket < start + WIDTHS["hour"]) for start in hours
    ]
    found = union_all(of_all.where(t.granularity == "hour", t.bucket.in_(list(hours))), *minutes).subquery()
    gone = select(found.c.hour).group_by(found.c.hour).having(func.sum(found.c.missing) > 0)
    return frozenset(connection.execute(gone).scalars())


def _rows(columns: Select[Any], chosen: TraceFilter, by: By, granularity: str) -> Subquery:
    """The rows that add up to the answer: piece by piece, as each piece is one stretch of the index and their union is not."""
    dimension, value = _dimension(chosen, by)
    found = [_in_project(chosen.project), trace_metrics.c.dimension == dimension]
    if value is not None:
        found.append(trace_metrics.c.value == value)
    parts = _pieces(chosen, granularity if by == "bucket" else None)
    if not parts:
        return columns.where(false()).subquery()
    return union_all(*(columns.where(*found, _in_piece(piece)) for piece in parts)).subquery()


def projects() -> Select[str]:
    """The names of all projects, found by hopping from one to the next in the index."""
    first = select(func.min(trace_metrics.c.project).label("project")).cte("names", recursive=True)
    following = select(func.min(trace_metrics.c.project)).where(trace_metrics.c.project > first.c.project)
    hop = select(following.scalar_subquery()).where(first.c.project.is_not(None))
    names = first.union_all(hop)
    return select(names.c.project).where(names.c.project.is_not(None))


def first_day(project: str | None) -> Select[datetime]:
    """The first day that has traces."""
    whole = (trace_metrics.c.granularity == "day", trace_metrics.c.dimension == "trace")
    return select(func.min(trace_metrics.c.bucket)).where(_in_project(project), *whole)


def _key(by: By) -> ColumnElement[Any]:
    keys: dict[By, ColumnElement[Any]] = {"all": literal(""), "bucket": trace_metrics.c.bucket}
    return keys.get(by, trace_metrics.c.value)


def _dimension(chosen: TraceFilter, by: By) -> tuple[str, str | None]:
    if by in ("operation", "library", "model"):
        return by, getattr(chosen, by, None)
    if chosen.library is not None:
        return "library", chosen.library
    return ("model", chosen.model) if chosen.model is not None else ("trace", "")


def _in_project(project: str | None) -> ColumnElement[bool]:
    """All projects are named one by one, as the index begins with the project."""
    if project is not None:
        return trace_metrics.c.project == project
    return trace_metrics.c.project == func.any(func.array(projects().scalar_subquery()))


def _pieces(chosen: TraceFilter, granularity: str | None) -> tuple[Piece, ...]:
    if granularity is None:
        return pieces(chosen.start, chosen.end)
    start = chosen.start and bucket_start(chosen.start, granularity)
    end = chosen.end and bucket_end(chosen.end, granularity)
    return (Piece(granularity=granularity, start=start, end=end),)


def _in_piece(piece: Piece) -> ColumnElement[bool]:
    bounds = [trace_metrics.c.granularity == piece.granularity]
    if piece.start is not None:
        bounds.append(trace_metrics.c.bucket >= piece.start)
    if piece.end is not None:
        bounds.append(trace_metrics.c.bucket < piece.end)
    return and_(*bounds)
