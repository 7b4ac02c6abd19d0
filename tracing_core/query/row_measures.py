"""Measures from the rows of traces and spans themselves, for filters that the rollups cannot answer.

As in the rollups, each trace counts for as many as it stands for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Subquery, cast, func, literal, null, select

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.rollup_measures import By, merged_histograms
from tracing_core.query.time_buckets import bucket_end
from tracing_core.rollups import FLAG_COLUMNS, bucket_start
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import feedback, trace_spans, traces


def sums(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    """One row a key: the key and the columns that the rollups have."""
    rows = _rows(chosen, by, granularity)
    r = rows.c
    return select(
        r.key,
        func.sum(r.weight).label("count"),
        metrics.how_many(r.failed, r.weight).label("errors"),
        metrics.how_many(r.duration_ms.is_not(None), r.weight).label("timed_count"),
        metrics.cost_sum(r.cost_usd, r.weight).label("cost_usd"),
        metrics.how_many(r.unpriced, r.weight).label("unpriced_count"),
        *(metrics.weighted(r[of], r.weight).label(name) for of, name in _AMOUNTS),
        *(metrics.how_many(r.quality_flag == flag, r.weight).label(name) for flag, name in FLAG_COLUMNS.items()),
    ).group_by(r.key)


def histograms(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    """One row a key: the key, bin numbers, and how many fell into each."""
    rows = _rows(chosen, by, granularity)
    timed = select(rows.c.key, rows.c.weight, metrics.duration_bin(rows.c.duration_ms).label("bin"))
    bins = timed.where(rows.c.duration_ms.is_not(None)).subquery()
    return merged_histograms(bins.c.key, bins.c.bin, func.sum(bins.c.weight))


_AMOUNTS = (
    ("duration_ms", "duration_ms_sum"), ("input_tokens", "input_tokens"), ("output_tokens", "output_tokens"),
    ("rating_count", "rating_count"), ("rating_sum", "rating_sum"),
)  # fmt: skip


def _rows(chosen: TraceFilter, by: By, granularity: str) -> Subquery:
    return (_span_rows(chosen) if by == "operation" else _trace_rows(chosen, by, granularity)).subquery()


def _trace_rows(chosen: TraceFilter, by: By, granularity: str) -> Select[Any]:
    if by == "bucket":  # whole buckets, as from the rollups
        start = chosen.start and bucket_start(chosen.start, granularity)
        chosen = replace(chosen, start=start, end=chosen.end and bucket_end(chosen.end, granularity))
    keys: dict[By, ColumnElement[Any]] = {
        "bucket": func.date_trunc(granularity, traces.c.started_at, "UTC"),
        "library": func.coalesce(traces.c.library, ""),
        "model": func.coalesce(traces.c.model, ""),
    }
    ratings = select(
        feedback.c.trace_id, func.count().label("rating_count"), func.sum(feedback.c.rating).label("rating_sum")
    )
    rated = ratings.group_by(feedback.c.trace_id).subquery()
    return (
        select(
            keys.get(by, literal("")).label("key"),
            metrics.weight().label("weight"),
            metrics.trace_failed().label("failed"),
            *(traces.c[name] for name in ("duration_ms", "input_tokens", "output_tokens", "cost_usd", "quality_flag")),
            metrics.unpriced().label("unpriced"),
            rated.c.rating_count,
            rated.c.rating_sum,
        )
        .outerjoin_from(traces, rated, rated.c.trace_id == traces.c.trace_id)
        .where(*conditions(chosen))
    )


def _span_rows(chosen: TraceFilter) -> Select[Any]:
    """The spans below the roots; what is only known of a whole trace is left out."""
    unknown = ("input_tokens", "output_tokens", "cost_usd", "rating_count", "rating_sum")
    near = []
    if chosen.start is not None:
        near.append(trace_spans.c.started_at >= chosen.start - NEARBY)
    if chosen.end is not None:
        near.append(trace_spans.c.started_at < chosen.end + NEARBY)
    return (
        select(
            metrics.operation(trace_spans.c.name).label("key"),
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
