"""Traces and rules for the tests of alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.surroundings import repeatable_ids
from tracing_core.alerts.desk import AlertDesk
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule
from tracing_core.clock import ManualClock
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database

MINUTE = timedelta(minutes=1)
DELAY = timedelta(minutes=1)


def rule(measure: AlertMeasure = AlertMeasure.REQUESTS, **fields: Any) -> AlertRule:
    """A rule; more than 3 requests in 5 minutes unless something else is said."""
    usual: dict[str, Any] = {"name": "Busy", "measure": measure, "threshold": 3.0, "window_minutes": 5}
    return AlertRule(**(usual | fields))


def answered(at: datetime, ms: float = 100, **fields: Any) -> TraceData:
    """A trace that took so long, with a retrieval of half of that and a decision in it."""
    sure = fields.pop("sure", 0.9)
    duration = milliseconds(ms)
    root = make_span(name="chat", kind=SpanKind.ROOT, started_at=at, duration_ns=duration)
    decision = make_decision(confidence=sure, timestamp=at)
    found = make_span(
        name="retrieval", parent_id=root.span_id, started_at=at, duration_ns=duration // 2, decisions=(decision,)
    )
    spans = fields.pop("spans", (root, found))
    return make_trace(started_at=at, duration_ns=duration, spans=spans, **({"name": "chat"} | fields))


def some_hours(random: Random, hours: int, start: datetime = NOON) -> list[TraceData]:
    """Traces that come and go, are quick and slow, well and failed, by the minute."""
    traces = []
    for number in range(hours * 60):
        mood = random.choice((0, 0, 1, 1, 3))
        for _ in range(mood):
            at = start + number * MINUTE + timedelta(seconds=random.randrange(60))
            failed = random.random() < 0.3
            traces.append(
                answered(
                    at,
                    random.choice((50, 100, 900, 4000)),
                    status=TraceStatus.FAILED if failed else TraceStatus.COMPLETE,
                    confidence=random.choice((0.3, 0.7, 0.9, None)),
                    library=random.choice(("fastapi", "pandas", None)),
                    sure=random.choice((0.2, 0.8)),
                )
            )
    return traces


def desk(database: Database, clock: ManualClock | None = None, **settings: Any) -> AlertDesk:
    """What a person works with, at noon unless a clock is given."""
    return AlertDesk(
        database=database, settings=read_settings(**settings), clock=clock or ManualClock(NOON), ids=repeatable_ids()
    )
