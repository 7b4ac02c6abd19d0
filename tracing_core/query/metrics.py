"""What each number means. Defined here once, for SQL and for Python, and used wherever the number is shown.

Percentiles come from the histogram of `tracing_core.histogram`, whether it was added up when traces were written
(rollups) or is made now from the rows, so that both ways give the same number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Case, ColumnElement, Double, Integer, Numeric, case, cast, func, literal

from tracing_core.histogram import RELATIVE_ERROR, bin_value, quantile_bins
from tracing_core.model import QualityFlag, SpanStatus, TraceStatus
from tracing_core.rollups import LONGEST_OPERATION, VARYING_IN_POSTGRES
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
    found = quantile_bins(histogram, (0.50, 0.95, 0.99))
    if found is None:
        return Percentiles(p50_ms=None, p95_ms=None, p99_ms=None)
    p50, p95, p99 = map(bin_value, found)
    return Percentiles(p50_ms=p50, p95_ms=p95, p99_ms=p99)


def quantiles(histogram: Mapping[int, float], shares: Iterable[float]) -> tuple[float | None, ...]:
    """The milliseconds that these shares (0 to 1) of some durations do not exceed, within 1 %; None when nothing was timed."""
    wanted = tuple(shares)
    found = quantile_bins(histogram, wanted)
    return (None,) * len(wanted) if found is None else tuple(map(bin_value, found))


def duration_bin(milliseconds: ColumnElement[float]) -> ColumnElement[int]:
    """`histogram.bin_of` in SQL."""
    return cast(func.ceil(func.ln(func.greatest(milliseconds, literal(_SHORTEST_MS, Double))) / _LOG_GAMMA), Integer)


def share(part: float, whole: float) -> float | None:
    """`part` of `whole`, 0 to 1; None of nothing."""
    return part / whole if whole else None


def feedback_rate(rated: float, count: int) -> float | None:
    """The share of traces that somebody rated."""
    return share(rated, count)


def mean(total: float, count: float) -> float | None:
    """The mean; None of nothing."""
    return share(total, count)


def flagged(flags: Mapping[QualityFlag, int]) -> int:
    """How many traces have a flag other than NORMAL."""
    return sum(count for flag, count in flags.items() if flag is not QualityFlag.NORMAL)


def known_cost(total: Decimal, unpriced: int, count: int) -> Decimal | None:
    """The sum of what is known to have been spent, in dollars.

    None when no trace has a known cost, or only those that spent nothing: beside a trace without a price $0 would say it is free.
    """
    return total if count > unpriced and (total or not unpriced) else None


def trace_failed() -> ColumnElement[bool]:
    """Whether a trace counts as an error: it failed. One that was interrupted does not."""
    return traces.c.status == TraceStatus.FAILED


def trace_flagged() -> ColumnElement[bool]:
    """Whether a trace has a quality flag other than NORMAL."""
    return traces.c.quality_flag != QualityFlag.NORMAL


def span_failed() -> ColumnElement[bool]:
    """Whether a span counts as an error."""
    return trace_spans.c.status == SpanStatus.ERROR


def unpriced() -> ColumnElement[bool]:
    """Whether a trace used a model whose price is unknown."""
    return func.cardinality(traces.c.unknown_models) > 0


def cost_sum(costs: ColumnElement[Decimal], weights: ColumnElement[float]) -> ColumnElement[Decimal]:
    """The sum of what is known of these costs, in dollars, each as often as its weight says."""
    return func.coalesce(func.sum(costs * cast(weights, Numeric)), 0)


def operation(name: ColumnElement[str]) -> ColumnElement[str]:
    """`rollups.operation_name` in SQL."""
    general = func.regexp_replace(name, VARYING_IN_POSTGRES, "*", "g")
    return func.left(case((name.regexp_match("[0-9]"), general), else_=name), LONGEST_OPERATION)


def weight() -> ColumnElement[Any]:
    """How many traces a stored one stands for: those like it that sampling left out, too."""
    return 1 / func.coalesce(func.nullif(traces.c.sampling_probability, 0.0), 1.0)


def weighted(amount: ColumnElement[Any], weights: ColumnElement[float]) -> ColumnElement[Any]:
    """The sum of an amount over the rows of a group, each as often as its weight says."""
    return cast(func.coalesce(func.sum(amount * weights), 0), Double)


def weighted_mean(amount: ColumnElement[Any], weights: ColumnElement[float]) -> ColumnElement[Any]:
    """The mean of what is known of an amount; NULL of nothing."""
    return cast(func.sum(amount * weights), Double) / func.nullif(how_many(amount.is_not(None), weights), 0.0)


def how_many(condition: ColumnElement[bool], weights: ColumnElement[float]) -> ColumnElement[float]:
    """How many the rows of a group that meet a condition stand for."""
    stands_for: Case[float] = case((condition, weights))
    return func.coalesce(func.sum(stands_for), 0)
