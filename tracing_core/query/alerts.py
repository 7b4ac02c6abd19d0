"""What calibration noticed in a time, and about one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, and_, or_, select

from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import RunRow
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts

MOST_ALERTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """An alert: what was seen, by which run of which day."""

    day: date
    project: str
    kind: str
    subject: str
    message: str
    trace_id: str
    created_at: datetime


def alerts(db: Database, chosen: TraceFilter, limit: int = MOST_ALERTS) -> tuple[AlertRow, ...]:
    """The newest alerts of the days of the filter's time range, and of its project; whatever else it asks is not known of alerts.

    Raises:
        StorageError: the database did not answer.
    """
    a = calibration_alerts.c
    asked = (
        (_day(chosen.start), a.day.__ge__),
        (_day(chosen.end), a.day.__le__),
        (chosen.project, a.project.__eq__),
    )
    return _alerts(db, [compare(value) for value, compare in asked if value is not None], limit)


def alerts_about(db: Database, run: RunRow) -> tuple[AlertRow, ...]:
    """Why a run was flagged: the alerts that it raised, and those of its day about what it shows too, the newest first.

    A pattern is said once a day, so that most runs that show it raised none themselves.

    Raises:
        StorageError: the database did not answer.
    """
    a = calibration_alerts.c
    shows = [each for each in (*(run.gap_principles or ()), run.intent, run.domain) if each]
    same_day = and_(a.project == run.project, a.day == _day(run.started_at), a.subject.in_(shows))
    return _alerts(db, [or_(a.trace_id == run.trace_id, same_day)], MOST_ALERTS)


def _alerts(db: Database, where: list[ColumnElement[bool]], limit: int) -> tuple[AlertRow, ...]:
    a = calibration_alerts.c
    newest = (a.day.desc(), a.created_at.desc(), a.project, a.kind, a.subject)
    with db.read() as connection:
        rows = (
            connection.execute(select(calibration_alerts).where(*where).order_by(*newest).limit(limit)).mappings().all()
        )
    return tuple(AlertRow(**row) for row in rows)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.astimezone(UTC).date()
