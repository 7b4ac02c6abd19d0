"""What looking at a hundred alert rules costs each minute, on a database that is there: nothing is written to it.

Their numbers are read from it as of its newest traces; judging and entering them is measured on an empty database beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from bench.measure import Figure, percentile
from bench.options import Options
from tracing_core.alerts.evaluation import evaluate
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule
from tracing_core.clock import SystemClock
from tracing_core.errors import SettingsError
from tracing_core.ids import IdSource
from tracing_core.query.alert_sums import in_rollups
from tracing_core.query.alert_values import samples
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import measures
from tracing_core.rollups import bucket_start
from tracing_core.storage.alert_write import create_rule
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded
from tracing_core.storage.migrate import upgrade
from tracing_core.storage.tables import traces

RULES = 100
_SEARCHED = 15
"""Of these, whose number is looked for among the traces themselves."""
_WINDOWS = (5, 15, 60, 24 * 60, 7 * 24 * 60)
_MINUTE = timedelta(minutes=1)


def measure(options: Options) -> Iterator[Figure]:
    """The figures.

    Raises:
        SettingsError: no database is named.
    """
    if not (options.data_dir or options.database_url):
        raise SettingsError("bench alerts measures a database that is there: give --data-dir or --database-url")
    database = Database(options.database_url or embedded_url(options.data_dir or Path()), statement_timeout_ms=0)
    try:
        newest = _newest(database)
        rules = _rules(database, newest)
        yield Figure(what="traces stored", value=_stored(database), unit="")
        parts = {
            f"numbers of {RULES} rules": rules,
            f"of the {RULES - _SEARCHED} that rollups answer": [rule for rule in rules if in_rollups(rule)],
            f"of the {_SEARCHED} that look at traces": [rule for rule in rules if not in_rollups(rule)],
        }
        whole = 0.0
        for what, some in parts.items():
            seconds = _seconds(database, some, newest, options.runs)
            whole = whole or median(seconds)
            yield Figure(what=f"{what}: median", value=median(seconds) * 1000, unit="ms")
            yield Figure(what=f"{what}: P95", value=percentile(seconds, 0.95) * 1000, unit="ms")
    finally:
        database.close()
    entered = _entering(rules, options.runs)
    yield Figure(
        what=f"judging and entering {RULES} rules, numbers of no traces included", value=entered * 1000, unit="ms"
    )
    yield Figure(what="one look, both together", value=(whole + entered) * 1000, unit="ms", target="1,000 ms a minute")


def _newest(database: Database) -> datetime:
    with database.read() as connection:
        at = connection.scalar(select(func.max(traces.c.started_at)))
    if at is None:
        raise SettingsError("the database holds no traces; fill it with bench load")
    return bucket_start(at, "minute")


def _stored(database: Database) -> float:
    with database.read() as connection:
        return float(connection.scalar(select(func.count()).select_from(traces)) or 0)


def _rules(database: Database, newest: datetime) -> list[AlertRule]:
    """Over all measures, windows and filters in turn, a tenth against last week."""
    chosen = TraceFilter(start=newest - timedelta(days=1), end=newest)
    with database.read() as connection:
        named = {
            name: sorted(measures(connection, chosen, name, histograms=False))
            for name in ("library", "model", "operation")
        }
    rolled = (
        AlertMeasure.P95, AlertMeasure.ERROR_RATE, AlertMeasure.P50, AlertMeasure.MEAN, AlertMeasure.REQUESTS,
        AlertMeasure.P99, AlertMeasure.COST_PER_HOUR, AlertMeasure.FLAGGED, AlertMeasure.RATING, AlertMeasure.UNPRICED,
        AlertMeasure.FEEDBACK_RATE,
    )  # fmt: skip
    searched = (AlertMeasure.LOW_CONFIDENCE, AlertMeasure.CONFIDENCE, AlertMeasure.UNSURE_DECISIONS)
    made = []
    for number in range(RULES - _SEARCHED):
        dimension = ("", "library", "model", "operation")[number % 4]
        of = rolled[:6] if dimension == "operation" else rolled
        kept = (
            AlertMeasure.ERROR_RATE if of[number % len(of)] is AlertMeasure.P99 and number % 3 else of[number % len(of)]
        )
        value = named[dimension][number % len(named[dimension])] if dimension and named[dimension] else None
        filters = {} if value is None else {dimension: value}
        against = Against.LAST_WEEK if number % 10 == 0 else Against.THRESHOLD
        made.append(_rule(number, kept, _WINDOWS[number % len(_WINDOWS)], against, **filters))
    windows = (15, 60, 24 * 60)
    made.extend(
        _rule(number, searched[number % 3], windows[number // 3 % 3], Against.THRESHOLD)
        for number in range(RULES - _SEARCHED, RULES)
    )
    return made


def _rule(number: int, measure: AlertMeasure, window: int, against: Against, **filters: str) -> AlertRule:
    unsure = measure in (AlertMeasure.LOW_CONFIDENCE, AlertMeasure.UNSURE_DECISIONS)
    return AlertRule(
        name=f"Rule {number}", measure=measure, threshold=1.0, window_minutes=window, against=against,
        confidence=0.3 + number / 1000 if unsure else None,  # no two share an answer
        project=None, library=filters.get("library"), model=filters.get("model"), operation=filters.get("operation"),
    )  # fmt: skip


def _seconds(database: Database, rules: list[AlertRule], newest: datetime, runs: int) -> list[float]:
    """Seconds of each look, a minute later each time, after one that warms up."""
    taken = []
    for number in range(runs + 1):
        began = time.perf_counter()
        end = newest - (runs - number) * _MINUTE
        samples(database, rules, end, end)
        taken.append(time.perf_counter() - began)
    return taken[1:]


def _entering(rules: list[AlertRule], runs: int) -> float:
    """The median seconds of a whole look where there are no traces: locks, judging, one commit."""
    with TemporaryDirectory(prefix="tracewhy-bench-", ignore_cleanup_errors=True) as directory:
        try:
            database = Database(embedded_url(Path(directory)))
            upgrade(database)
            clock, ids = SystemClock(), IdSource()
            for rule in rules:
                create_rule(database, rule, by="bench", clock=clock, ids=ids)
            start = bucket_start(clock.now(), "minute")
            taken = []
            for number in range(runs + 1):
                began = time.perf_counter()
                evaluate(database, start + number * _MINUTE, _MINUTE)
                taken.append(time.perf_counter() - began)
            database.close()
            return median(taken[1:])
        finally:
            release_embedded(Path(directory))
