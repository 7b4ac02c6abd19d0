"""The numbers of many alert rules at one time, in few questions: rules that ask the same of the same window share the answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import WEEK, Against, AlertRule
from tracing_core.alerts.state import Sample
from tracing_core.errors import StorageError
from tracing_core.query import metrics
from tracing_core.query.alert_numbers import HISTOGRAMS, PRESENT, Number, number_of
from tracing_core.query.alert_shares import SOURCES, filter_of, share_windows, together
from tracing_core.query.alert_sums import in_rollups, rated_rows, searched, window_of
from tracing_core.query.budgets import budget_used
from tracing_core.query.diagnostics import receiver_report
from tracing_core.query.rollup_windows import RolledWindow, rolled_windows, with_minutes
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger

logger = logging.getLogger(__name__)

_MINUTES_ARE_KEPT = timedelta(hours=23)
"""At least, whatever TRACEWHY_METRICS_DAYS says."""
_OUTCOMES = {AlertMeasure.DEAD_LETTERS: "dead_lettered", AlertMeasure.DROPPED: "dropped"}
Ask = tuple[AlertRule, datetime]
"""A rule, and where its window ends."""


def samples(db: Database, rules: Sequence[AlertRule], end: datetime, now: datetime) -> list[Sample]:
    """The number of each rule.

    A number that the database cannot find in time is unknown, and logged; those of the other rules are not lost with it.

    Args:
        db: where the traces are.
        rules: whose numbers.
        end: where the windows end, a whole minute.
        now: for what is only known of now.

    Raises:
        StorageError: the rollups could not be read, or not at all.
    """
    asks = [(rule, at) for rule in rules if rule.measure not in PRESENT for at in _ends(rule, end)]
    found = _rolled(db, [ask for ask in asks if in_rollups(ask[0])])
    found |= _shares(db, [ask for ask in asks if ask[0].measure in SOURCES])
    remembered: dict[Any, Number] = {}
    for rule, at in asks:
        if (rule, at) not in found:
            found[rule, at] = _once(remembered, _subject(rule, at), partial(_searched, db, rule, at))
    for rule in rules:
        if rule.measure in PRESENT:
            key = (rule.measure, rule.project, rule.window_minutes)
            found[rule, end] = _once(remembered, key, partial(_present, db, rule, end, now))
    return [_sample(rule, end, found) for rule in rules]


def _ends(rule: AlertRule, end: datetime) -> tuple[datetime, ...]:
    return (end, end - WEEK) if rule.against is Against.LAST_WEEK else (end,)


def _sample(rule: AlertRule, end: datetime, found: Mapping[Ask, Number]) -> Sample:
    value, count = found[rule, end]
    if rule.against is not Against.LAST_WEEK:
        return Sample(value=value, count=count)
    last_week, last_week_count = found[rule, end - WEEK]
    return Sample(value=value, count=count, last_week=last_week, last_week_count=last_week_count)


def _rolled(db: Database, asks: Iterable[Ask]) -> dict[Ask, Number]:
    """What the rollups know, in two statements: with histograms, and without."""
    windows = {ask: window_of(ask[0], ask[1] - ask[0].window, ask[1]) for ask in asks}
    if not windows:
        return {}
    found: dict[Ask, Number] = {}
    newest = max(window.end for window in windows.values())
    with db.read() as connection:
        kept = with_minutes(connection, (w for w in windows.values() if w.start < newest - _MINUTES_ARE_KEPT))
        for histograms in (True, False):
            asked = {ask: kept.get(w, w) for ask, w in windows.items() if (ask[0].measure in HISTOGRAMS) == histograms}
            rows = rolled_windows(connection, asked.values(), histograms=histograms)
            for (rule, end), window in asked.items():
                row: Mapping[Any, Any] | None = rows.get(window)
                if row is not None and rule.measure is AlertMeasure.FEEDBACK_RATE:
                    row = {**row, "rated": _rated(connection, rule, window)}
                found[rule, end] = number_of(rule, row)
    return found


def _shares(db: Database, asks: Iterable[Ask]) -> dict[Ask, Number]:
    """What traces tell of themselves, in one pass for all rules that look at the same ones."""
    found: dict[Ask, Number] = {}
    by_end: dict[datetime, list[AlertRule]] = defaultdict(list)
    for rule, end in asks:
        by_end[end].append(rule)
    for end, rules in by_end.items():
        for some in together(rules):
            try:
                with db.read() as connection:
                    rows = share_windows(connection, some, end)
            except StorageError as error:
                logger.warning("the numbers of %d alert rules are not known: %s", len(some), error)
                rows = [{"part": None, "whole": None} for _ in some]
            found |= {(rule, end): number_of(rule, row) for rule, row in zip(some, rows, strict=True)}
    return found


def _rated(connection: Connection, rule: AlertRule, window: RolledWindow) -> float:
    return rated_rows(connection, filter_of(rule, window.start, window.end), None).get("", 0.0)


def _subject(rule: AlertRule, end: datetime) -> tuple[Any, ...]:
    """What two rules have in common that ask for the same number."""
    of = ("measure", "project", "library", "model", "trace_name", "operation", "flag", "confidence", "window_minutes")
    return (*(getattr(rule, name) for name in of), end)


def _once(remembered: dict[Any, Number], key: Any, ask: Callable[[], Number]) -> Number:
    if key not in remembered:
        try:
            remembered[key] = ask()
        except StorageError as error:
            logger.warning("the number of an alert rule is not known: %s", error)
            remembered[key] = None, 0.0
    return remembered[key]


def _searched(db: Database, rule: AlertRule, end: datetime) -> Number:
    start = end - rule.window
    with db.read() as connection:
        row = searched(connection, rule, start, end)
        if row is not None and rule.measure is AlertMeasure.FEEDBACK_RATE:
            row = {**row, "rated": rated_rows(connection, filter_of(rule, start, end), None).get("", 0.0)}
    return number_of(rule, row)


def _present(db: Database, rule: AlertRule, end: datetime, now: datetime) -> Number:
    """What is only known of now; all that waits counts as one thing that it is taken of."""
    if rule.measure is AlertMeasure.QUEUE:
        processes = receiver_report(db, now - timedelta(minutes=1), now).processes
        shares = [metrics.share(each.queue_bytes, each.queue_limit) or 0.0 for each in processes]
        return (max(shares), 1.0) if shares else (None, 0.0)
    with db.read() as connection:
        if rule.measure is AlertMeasure.BUDGET_USED:
            used = budget_used(connection, rule.project, now)
            return used, float(used is not None)
        days = ledger.c.day.between((end - rule.window).astimezone(UTC).date(), end.astimezone(UTC).date())
        of = ledger.c.outcome == _OUTCOMES[rule.measure]
        return float(connection.scalar(select(func.sum(ledger.c["count"])).where(days, of)) or 0), 1.0
