"""Rollups of traces: counts, sums and a histogram per project, time bucket and dimension. Pure; merged by adding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tracing_core.histogram import bin_of
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.projection import Projection, Row, failed

GRANULARITIES = ("minute", "hour", "day")
FLAG_COLUMNS = {flag: f"flag_{flag.lower()}" for flag in QualityFlag}

Key = tuple[str, str, datetime, str, str]
"""Project, granularity, start of the bucket, dimension, value."""


@dataclass(kw_only=True, slots=True)
class Rollup:
    """What is added up for one key."""

    count: int = 0
    errors: int = 0
    duration_ms_sum: float = 0.0
    timed_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced_count: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    rating_count: int = 0
    rating_sum: int = 0
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, other: Rollup) -> None:
        """Add `other` to this."""
        self.count += other.count
        self.errors += other.errors
        self.duration_ms_sum += other.duration_ms_sum
        self.timed_count += other.timed_count
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cost_usd += other.cost_usd
        self.unpriced_count += other.unpriced_count
        self.flags.update(other.flags)
        self.rating_count += other.rating_count
        self.rating_sum += other.rating_sum
        self.bins.update(other.bins)

    def columns(self) -> Row:
        """The values of the row in `trace_metrics`."""
        bins = sorted(self.bins)
        return {
            "count": self.count,
            "errors": self.errors,
            "duration_ms_sum": self.duration_ms_sum,
            "timed_count": self.timed_count,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "unpriced_count": self.unpriced_count,
            **{column: self.flags[flag] for flag, column in FLAG_COLUMNS.items()},
            "rating_count": self.rating_count,
            "rating_sum": self.rating_sum,
            "bins": bins,
            "bin_counts": [self.bins[number] for number in bins],
        }


def bucket_start(moment: datetime, granularity: str) -> datetime:
    """The start of the minute, hour or day in which `moment` lies."""
    minute = moment.replace(second=0, microsecond=0)
    if granularity == "minute":
        return minute
    return minute.replace(minute=0) if granularity == "hour" else minute.replace(minute=0, hour=0)


def roll_up(projections: Iterable[Projection]) -> dict[Key, Rollup]:
    """The rollups of some traces, in all granularities."""
    minutes: dict[Key, Rollup] = {}
    for projection in projections:
        for key, rollup in _of_trace(projection):
            minutes.setdefault(key, Rollup()).add(rollup)
    merged: dict[Key, Rollup] = {}
    for (project, _, bucket, dimension, value), rollup in minutes.items():
        for granularity in GRANULARITIES:
            key = (project, granularity, bucket_start(bucket, granularity), dimension, value)
            merged.setdefault(key, Rollup()).add(rollup)
    return merged


def trace_keys(trace: Row) -> Iterator[Key]:
    """The minute rollups in which a trace as a whole is counted: all traces, its library, its model."""
    bucket = bucket_start(trace["started_at"], "minute")
    yield trace["project"], "minute", bucket, "trace", ""
    yield trace["project"], "minute", bucket, "library", trace["library"] or ""
    yield trace["project"], "minute", bucket, "model", trace["model"] or ""


def _of_trace(projection: Projection) -> Iterator[tuple[Key, Rollup]]:
    trace = projection.trace
    whole = _rollup_of_trace(trace)
    for key in trace_keys(trace):
        yield key, whole
    bucket = bucket_start(trace["started_at"], "minute")
    for span in projection.spans:
        if span["parent_id"] is not None:
            yield (trace["project"], "minute", bucket, "operation", span["name"]), _rollup_of_span(span)


def _rollup_of_trace(trace: Row) -> Rollup:
    rollup = _timed(trace["duration_ms"], error=trace["status"] == TraceStatus.FAILED)
    rollup.input_tokens = trace["input_tokens"] or 0
    rollup.output_tokens = trace["output_tokens"] or 0
    rollup.cost_usd = trace["cost_usd"] or Decimal(0)
    rollup.unpriced_count = 1 if trace["unknown_models"] else 0
    rollup.flags[trace["quality_flag"]] = 1
    return rollup


def _rollup_of_span(span: Row) -> Rollup:
    return _timed(span["duration_ms"], error=failed(span))


def _timed(duration_ms: Any, *, error: bool) -> Rollup:
    timed = duration_ms is not None
    return Rollup(
        count=1,
        errors=int(error),
        duration_ms_sum=duration_ms or 0.0,
        timed_count=int(timed),
        bins=Counter({bin_of(duration_ms): 1} if timed else {}),
    )
