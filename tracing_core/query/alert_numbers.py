"""What each measure of alert rules is, of the sums of a window: the definitions of `query.metrics`, each with what it is taken of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule
from tracing_core.query import metrics
from tracing_core.query.alert_shares import SOURCES
from tracing_core.query.measures import NOTHING, Measures, histogram_of, measures_of

HISTOGRAMS = frozenset({AlertMeasure.P50, AlertMeasure.P95, AlertMeasure.P99})
"""Measures that are read from histograms."""
HISTOGRAM = "histogram"
"""The name of a histogram that is counts by bin already."""
PRESENT = frozenset({AlertMeasure.BUDGET_USED, AlertMeasure.QUEUE, AlertMeasure.DEAD_LETTERS, AlertMeasure.DROPPED})
"""Measures that are known of now alone."""
Number = tuple[float | None, float]
"""The number, None of nothing, and what it was taken of."""


def number_of(rule: AlertRule, row: Mapping[Any, Any] | None) -> Number:
    """The number of a window.

    Args:
        rule: what it asks for.
        row: for a share `part` and `whole`; else sums as in the rollups, with `rated` for the feedback rate, and the histogram
            as there or, under `HISTOGRAM`, as counts by bin. None of nothing.
    """
    if rule.measure in SOURCES:
        part, whole = (0.0, 0.0) if row is None else (float(row["part"] or 0), float(row["whole"] or 0))
        return _rounded(metrics.share(part, whole)), whole
    rated = 0.0 if row is None else float(row.get("rated") or 0)
    if row is None or not row["count"]:
        return _of_sums(rule, NOTHING, rated)
    value, count = _of_sums(rule, measures_of(row, _histogram(row) if rule.measure in HISTOGRAMS else {}), rated)
    return _rounded(value), count


def _histogram(row: Mapping[Any, Any]) -> Mapping[int, float]:
    return row[HISTOGRAM] if HISTOGRAM in row else histogram_of(row)


def _rounded(value: float | None) -> float | None:
    """Without the last digits, which depend on the order in which sums were taken: a threshold must not."""
    return None if value is None else float(f"{value:.12g}")


def _of_sums(rule: AlertRule, found: Measures, rated: float) -> Number:
    measure, count = rule.measure, float(found.count)
    if measure in HISTOGRAMS:
        return getattr(metrics.percentiles(found.histogram), measure.value), found.timed_count
    if measure is AlertMeasure.MEAN:
        return metrics.mean(found.duration_ms_sum, found.timed_count), found.timed_count
    if measure is AlertMeasure.RATING:
        return metrics.mean(found.rating_sum, found.rating_count), float(found.rating_count)
    if measure in (AlertMeasure.COST, AlertMeasure.COST_PER_HOUR):
        return _cost(rule, found), count
    values: Mapping[AlertMeasure, float | None] = {
        AlertMeasure.ERROR_RATE: metrics.share(found.errors, found.count),
        AlertMeasure.REQUESTS: count,
        AlertMeasure.NO_DATA: count,
        AlertMeasure.UNPRICED: float(found.unpriced_count),
        AlertMeasure.FLAGGED: metrics.share(
            metrics.flagged(found.flags) if rule.flag is None else found.flags[rule.flag], found.count
        ),
        AlertMeasure.FEEDBACK_RATE: metrics.feedback_rate(rated, found.count),
    }
    return values[measure], count


def _cost(rule: AlertRule, found: Measures) -> float | None:
    """Of no traces nothing was spent, which is known."""
    known = metrics.known_cost(found.cost_usd, found.unpriced_count, found.count) if found.count else found.cost_usd
    if known is None:
        return None
    hours = rule.window_minutes / 60 if rule.measure is AlertMeasure.COST_PER_HOUR else 1
    return float(known) / hours
