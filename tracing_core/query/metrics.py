"""What each number means. Defined here once, for SQL and for Python, and used wherever the number is shown.

Percentiles come from the histogram of `tracing_core.histogram`, whether it was added up when traces were written
(rollups) or is made now from the rows, so that both ways give the same number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Case, ColumnElement, Double, Integer, case, cast, func, literal

from tracing_core.histogram import RELATIVE_ERROR, quantile
from tracing_core.model import QualityFlag, SpanStatus, TraceStatus
from tracing_core.storage.tables import trace_spans, traces

_LOG_GAMMA = math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
_SHORTEST_MS = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentiles:
    """P50, P95 and P99 in milliseconds, within 1 %; None when nothing was timed."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def percentiles(histogram: Mapping[int, float]) -> Percentiles:
    """The percentiles of a histogram of durations."""
    return Percentiles(
        p50_ms=quantile(histogram, 0.50), p95_ms=quantile(histogram, 0.95), p99_ms=quantile(histogram, 0.99)
    )


def duration_bin(milliseconds: ColumnElement[float]) -> ColumnElement[int]:
    """`histogram.bin_of` in SQL."""
    return cast(func.ceil(func.ln(func.greatest(milliseconds, literal(_SHORTEST_MS, Double))) / _LOG_GAMMA), Integer)


def share(part: float, whole: float) -> float | None:
    """`part` of `whole`, 0 to 1; None of nothing."""
    return part / whole if whole else None


def error_rate(errors: int, count: int) -> float | None:
    """The share of traces that failed, or of spans that ended in an error."""
    return share(errors, count)


def feedback_rate(rated: int, count: int) -> float | None:
    """The share of traces that somebody rated."""
    return share(rated, count)


def mean(total: float, count: float) -> float | None:
    """The mean; None of nothing."""
    return share(total, count)


def flagged(flags: Mapping[QualityFlag, int]) -> int:
    """How many traces have a flag other than NORMAL."""
    return sum(count for flag, count in flags.items() if flag is not QualityFlag.NORMAL)


def known_cost(total: Decimal, unpriced: int, count: int) -> Decimal | None:
    """The sum of what is known to have been spent, in dollars; None when no trace has a known cost."""
    return total if count > unpriced else None


def trace_failed() -> ColumnElement[bool]:
    """Whether a trace counts as an error: it failed. One that was interrupted does not."""
    return traces.c.status == TraceStatus.FAILED


def span_failed() -> ColumnElement[bool]:
    """Whether a span counts as an error."""
    return trace_spans.c.status == SpanStatus.ERROR


def unpriced() -> ColumnElement[bool]:
    """Whether a trace used a model whose price is unknown."""
    return func.cardinality(traces.c.unknown_models) > 0


def cost_sum(costs: ColumnElement[Decimal]) -> ColumnElement[Decimal]:
    """The sum of what is known of these costs, in dollars."""
    return func.coalesce(func.sum(costs), 0)


def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows of a group meet a condition."""
    one: Case[int] = case((condition, 1))
    return func.count(one)
