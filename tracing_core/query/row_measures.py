"""Measures from the rows of traces and spans themselves, for filters that the rollups cannot answer.

As in the rollups, each trace counts for as many as it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    RowMapping,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
)

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.rollup_measures import By
from tracing_core.query.time_buckets import bucket_end
from tracing_core.rollups import FLAG_COLUMNS, bucket_start
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import feedback, trace_spans, traces


def rows(
    connection: Connection, chosen: TraceFilter, by: By, granularity: str, *, histograms: bool
) -> Sequence[RowMapping]:
    """One row a key: the key and the columns that the rollups have; with histograms `bins` and `bin_counts` as theirs."""
    statement = _with_histograms if histograms else _sums
    return connection.execute(statement(_rows(chosen, by, granularity).cte("chosen"))).mappings().all()


def operation_rows(
    connection: Connection, chosen: TraceFilter, operation: str, granularity: str | None, *, histograms: bool
) -> Sequence[RowMapping]:
    """The same of the spans of one operation; the key is the bucket in which their traces began, or without granularity ""."""
    buckets = func.date_trunc(granularity, traces.c.started_at, "UTC")
    spans = _span_rows(chosen, literal("") if granularity is None else buckets)
    named = spans.where(metrics.operation(trace_spans.c.name) == operation)
    statement = _with_histograms if histograms else _sums
    return connection.execute(statement(named.cte("chosen"))).mappings().all()


def _with_histograms(rows: FromClause) -> Select[Any]:
    """Reads the rows once."""
    added = _sums(rows).subquery()
    number = metrics.duration_bin(rows.c.duration_ms).label("bin")
    counted = select(rows.c.key, number, func.sum(rows.c.weight).label("n")).where(rows.c.duration_ms.is_not(None))
    bins = counted.group_by(rows.c.key, number).subquery()
    lists = (("bins", bins.c.bin), ("bin_counts", bins.c.n))
    joined = (cast(func.array_agg(what), Text).label(name) for name, what in lists)
    histograms = select(bins.c.key, *joined).group_by(bins.c.key).subquery()
    columns = (*added.c, histograms.c.bins, histograms.c.bin_counts)
    return select(*columns).outerjoin_from(added, histograms, histograms.c.key == added.c.key)


def _sums(rows: FromClause) -> Select[Any]:
    r = rows.c
    return select(
        r.key,
        func.count().label("stored"),
        func.sum(r.weight).label("count"),
        metrics.how_many(r.failed, r.weight).label("errors"),
        metrics.how_many(r.duration_ms.is_not(None), r.weight).label("timed_count"),
        metrics.cost_sum(r.cost_usd, r.weight).label("cost_usd"),
        metrics.how_many(r.unpriced, r.weight).label("unpriced_count"),
        *(metrics.weighted(r[of], r.weight).label(name) for of, name in _AMOUNTS),
        *(metrics.how_many(r.quality_flag == flag, r.weight).label(name) for flag, name in FLAG_COLUMNS.items()),
    ).group_by(r.key)


_AMOUNTS = (
    ("duration_ms", "duration_ms_sum"), ("input_tokens", "input_tokens"), ("output_tokens", "output_tokens"),
    ("rating_count", "rating_count"), ("rating_sum", "rating_sum"),
)  # fmt: skip


def _rows(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    return _span_rows(chosen) if by == "operation" else _trace_rows(chosen, by, granularity)


def _trace_rows(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    if by == "bucket":  # whole buckets, as from the rollups
        start = chosen.start and bucket_start(chosen.start, granularity)
        chosen = replace(chosen, start=start, end=chosen.end and bucket_end(chosen.end, granularity))
    keys: dict[By, ColumnElement[Any]] = {
        "bucket": func.date_trunc(granularity, traces.c.started_at, "UTC"),
        "library": func.coalesce(traces.c.library, ""),
        "model": func.coalesce(traces.c.model, ""),
    }
    return select(
        keys.get(by, literal("")).label("key"),
        metrics.weight().label("weight"),
        metrics.trace_failed().label("failed"),
        *(traces.c[name] for name in ("duration_ms", "input_tokens", "output_tokens", "cost_usd", "quality_flag")),
        metrics.unpriced().label("unpriced"),
        _of_ratings(func.count()).label("rating_count"),
        _of_ratings(func.sum(feedback.c.rating)).label("rating_sum"),
    ).where(*conditions(chosen))


def _of_ratings(what: ColumnElement[Any]) -> ColumnElement[Any]:
    """Something about the ratings of a trace, which is looked up for those that have any."""
    found = select(what).where(feedback.c.trace_id == traces.c.trace_id).correlate(traces).scalar_subquery()
    return case((traces.c.rating.is_not(None), found), else_=None)


def _span_rows(chosen: TraceFilter, key: ColumnElement[Any] | None = None) -> Select[Any]:
    """The spans below the roots; what is only known of a whole trace is left out."""
    unknown = ("input_tokens", "output_tokens", "cost_usd", "rating_count", "rating_sum")
    near = []
    if chosen.start is not None:
        near.append(trace_spans.c.started_at >= chosen.start - NEARBY)
    if chosen.end is not None:
        near.append(trace_spans.c.started_at < chosen.end + NEARBY)
    return (
        select(
            (metrics.operation(trace_spans.c.name) if key is None else key).label("key"),
            metrics.weight().label("weight"),
            metrics.span_failed().label("failed"),
            trace_spans.c.duration_ms,
            *(cast(null(), Integer).label(name) for name in unknown),
            null().label("quality_flag"),
            literal(False).label("unpriced"),
        )
        .join_from(traces, trace_spans, trace_spans.c.trace_id == traces.c.trace_id)
        .where(trace_spans.c.parent_id.is_not(None), *near, *conditions(chosen))
    )
