"""What alert rules need to know of a window, by the cheapest way that has it: rollups, an index, or the traces themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, literal, select

from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule
from tracing_core.query import metrics, row_measures
from tracing_core.query.alert_numbers import HISTOGRAMS
from tracing_core.query.alert_shares import SOURCES, filter_of, share_minutes
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.rollup_measures import By
from tracing_core.query.rollup_windows import RolledWindow, rolled_minutes
from tracing_core.storage.tables import traces


def window_of(rule: AlertRule, start: datetime, end: datetime) -> RolledWindow:
    """The window as the rollups know it; only of a rule that is `rolled`, and no share."""
    for dimension in ("operation", "library", "model"):
        if (value := getattr(rule, dimension)) is not None:
            return RolledWindow(project=rule.project, dimension=dimension, value=value, start=start, end=end)
    return RolledWindow(project=rule.project, dimension="trace", value="", start=start, end=end)


def in_rollups(rule: AlertRule) -> bool:
    """Whether the sums of its windows are in the rollups; what is not in them is a share, or filtered in another way."""
    return rule.rolled and rule.measure not in SOURCES


def searched(connection: Connection, rule: AlertRule, start: datetime, end: datetime) -> Mapping[Any, Any] | None:
    """The sums of a window from the traces themselves; None of nothing. Not of a share."""
    found = _searched(connection, rule, start, end, None)
    return found[0] if found else None


def by_minute(
    connection: Connection, rule: AlertRule, start: datetime, end: datetime
) -> dict[datetime, Mapping[Any, Any]]:
    """The sums of each minute from `start` up to and without `end` that has any."""
    histograms = rule.measure in HISTOGRAMS
    if in_rollups(rule):
        rows = rolled_minutes(connection, window_of(rule, start, end), histograms=histograms)
    elif rule.measure in SOURCES:
        rows = share_minutes(connection, rule, start, end)
    else:
        rows = _searched(connection, rule, start, end, "minute")
    found: dict[datetime, Mapping[Any, Any]] = {row["key"]: row for row in rows}
    if rule.measure is AlertMeasure.FEEDBACK_RATE:
        rated = rated_rows(connection, filter_of(rule, start, end), "minute")
        found = {minute: {**row, "rated": rated.get(minute, 0.0)} for minute, row in found.items()}
    return found


def rated_rows(connection: Connection, chosen: TraceFilter, granularity: str | None) -> dict[Any, float]:
    """How many traces somebody rated, by minute, or without granularity under ""."""
    some = select(_key(granularity), metrics.weight().label("weight")).where(traces.c.rating.is_not(None))
    rated = some.where(*conditions(chosen)).subquery()
    counted = select(rated.c.key, func.sum(rated.c.weight)).group_by(rated.c.key)
    return {each: float(count) for each, count in connection.execute(counted)}


def _searched(
    connection: Connection, rule: AlertRule, start: datetime, end: datetime, granularity: str | None
) -> Sequence[RowMapping]:
    chosen = filter_of(rule, start, end)
    histograms = rule.measure in HISTOGRAMS
    if rule.operation is not None:
        return row_measures.operation_rows(connection, chosen, rule.operation, granularity, histograms=histograms)
    by: By = "all" if granularity is None else "bucket"
    return row_measures.rows(connection, chosen, by, granularity or "", histograms=histograms)


def _key(granularity: str | None) -> ColumnElement[Any]:
    key = literal("") if granularity is None else func.date_trunc(granularity, traces.c.started_at, "UTC")
    return key.label("key")
