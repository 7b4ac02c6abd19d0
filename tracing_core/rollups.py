"""Rollups of traces: counts, sums and a histogram per project, time bucket and dimension. Pure; merged by adding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tracing_core.histogram import bin_of
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.projection import Row, failed
from tracing_core.rates import exact

GRANULARITIES = ("minute", "hour", "day")
FLAG_COLUMNS = {flag: f"flag_{flag.lower()}" for flag in QualityFlag}

Key = tuple[str, str, datetime, str, str]
"""Project, granularity, start of the bucket, dimension, value."""


@dataclass(kw_only=True, slots=True)
class Rollup:
    """What is added up for one key. All but `stored` stands for the traces that sampling left out, too."""

    stored: int = 0
    count: float = 0
    errors: float = 0
    duration_ms_sum: float = 0.0
    timed_count: float = 0
    input_tokens: float = 0
    output_tokens: float = 0
    cost_usd: Decimal = Decimal(0)
    unpriced_count: float = 0
    flags: dict[str, float] = field(default_factory=dict)
    rating_count: float = 0
    rating_sum: float = 0
    bins: dict[int, float] = field(default_factory=dict)

    def add(self, other: Rollup, weight: float = 1) -> None:
        """Add `other` to this, as often as `weight` says; a negative weight takes it away."""
        self.stored += other.stored if weight > 0 else -other.stored
        self.count += other.count * weight
        self.errors += other.errors * weight
        self.duration_ms_sum += other.duration_ms_sum * weight
        self.timed_count += other.timed_count * weight
        self.input_tokens += other.input_tokens * weight
        self.output_tokens += other.output_tokens * weight
        self.unpriced_count += other.unpriced_count * weight
        self.rating_count += other.rating_count * weight
        self.rating_sum += other.rating_sum * weight
        if other.cost_usd:
            self.cost_usd += other.cost_usd if weight == 1 else exact(other.cost_usd * Decimal(weight))
        for flag, count in other.flags.items():
            self.flags[flag] = self.flags.get(flag, 0) + count * weight
        for number, count in other.bins.items():
            self.bins[number] = self.bins.get(number, 0) + count * weight

    def add_one(self, duration_ms: float | None, weight: float, *, error: bool) -> None:
        """Add one thing that took `duration_ms`, as often as `weight` says."""
        self.stored += 1 if weight > 0 else -1
        self.count += weight
        if error:
            self.errors += weight
        if duration_ms is not None:
            self.duration_ms_sum += duration_ms * weight
            self.timed_count += weight
            number = bin_of(duration_ms)
            self.bins[number] = self.bins.get(number, 0) + weight

    def columns(self) -> Row:
        """The values of the row in `trace_metrics`."""
        bins = sorted(number for number, count in self.bins.items() if count)
        return {
            "stored": self.stored,
            "count": self.count,
            "errors": self.errors,
            "duration_ms_sum": self.duration_ms_sum,
            "timed_count": self.timed_count,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "unpriced_count": self.unpriced_count,
            **{column: self.flags.get(flag, 0) for flag, column in FLAG_COLUMNS.items()},
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


def roll_up(traces: Iterable[tuple[Row, Iterable[Row]]]) -> dict[Key, Rollup]:
    """The rollups of some traces, each given as its row and the rows of its spans, in all granularities."""
    minutes: dict[Key, Rollup] = {}
    for trace, spans in traces:
        add_trace(minutes, trace, spans)
    return coarser(minutes)


def add_trace(rollups: dict[Key, Rollup], trace: Row, spans: Iterable[Row], *, take_away: bool = False) -> None:
    """Add one trace to minute rollups, or take it away again."""
    weight = -weight_of(trace) if take_away else weight_of(trace)
    whole = _rollup_of_trace(trace)
    project, bucket = trace["project"], bucket_start(trace["started_at"], "minute")
    for dimension, value in _dimensions(trace):
        _at(rollups, (project, "minute", bucket, dimension, value)).add(whole, weight)
    for span in spans:
        if span["parent_id"] is not None:
            key = (project, "minute", bucket, "operation", operation_name(span["name"]))
            _at(rollups, key).add_one(span["duration_ms"], weight, error=failed(span))


def weight_of(trace: Mapping[str, Any]) -> float:
    """How many traces a stored one stands for: those like it that sampling left out, too."""
    return 1 / (trace["sampling_probability"] or 1.0)


def _at(rollups: dict[Key, Rollup], key: Key) -> Rollup:
    rollup = rollups.get(key)
    if rollup is None:
        rollup = rollups[key] = Rollup()
    return rollup


def coarser(minutes: Mapping[Key, Rollup]) -> dict[Key, Rollup]:
    """The same added up to hours and days as well."""
    merged: dict[Key, Rollup] = {}
    for (project, _, bucket, dimension, value), rollup in minutes.items():
        for granularity in GRANULARITIES:
            _at(merged, (project, granularity, bucket_start(bucket, granularity), dimension, value)).add(rollup)
    return merged


@lru_cache(maxsize=4096)
def operation_name(name: str) -> str:
    """What spans of this name are counted under: ids and numbers in it, which would make each span its own kind, are `*`."""
    return _VARYING.sub("*", name)[:LONGEST_OPERATION] if any(map(str.isdigit, name)) else name[:LONGEST_OPERATION]


_VARYING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b(?=[a-f]*[0-9])[0-9a-f]{12,}\b|[0-9]{4,}")
VARYING_IN_POSTGRES = _VARYING.pattern.replace(r"\b", r"\y")
"""The same in PostgreSQL's words."""
LONGEST_OPERATION = 120


def trace_keys(trace: Row) -> Iterator[Key]:
    """The minute rollups in which a trace as a whole is counted: all traces, its library, its model."""
    project, bucket = trace["project"], bucket_start(trace["started_at"], "minute")
    for dimension, value in _dimensions(trace):
        yield project, "minute", bucket, dimension, value


def _dimensions(trace: Row) -> tuple[tuple[str, str], ...]:
    return ("trace", ""), ("library", trace["library"] or ""), ("model", trace["model"] or "")


def _rollup_of_trace(trace: Row) -> Rollup:
    rollup = Rollup()
    rollup.add_one(trace["duration_ms"], 1, error=trace["status"] == TraceStatus.FAILED)
    rollup.input_tokens = trace["input_tokens"] or 0
    rollup.output_tokens = trace["output_tokens"] or 0
    rollup.cost_usd = trace["cost_usd"] or Decimal(0)
    rollup.unpriced_count = 1 if trace["unknown_models"] else 0
    rollup.flags[trace["quality_flag"]] = 1
    return rollup
