"""What calibration noticed in a time, and about one run."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import ColumnElement, and_, or_, select

from tracing_core.query.calibration import AlertRow
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import RunRow
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts

MOST_ALERTS = 100


def alerts(db: Database, chosen: TraceFilter, limit: int = MOST_ALERTS) -> tuple[AlertRow, ...]:
    """The newest alerts of the filter's time range and project; whatever else it asks is not known of alerts.

    Raises:
        StorageError: the database did not answer.
    """
    a = calibration_alerts.c
    asked = (
        (chosen.start, a.created_at.__ge__),
        (chosen.end, a.created_at.__lt__),
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
    same_day = and_(a.project == run.project, a.day == run.started_at.astimezone(UTC).date(), a.subject.in_(shows))
    return _alerts(db, [or_(a.trace_id == run.trace_id, same_day)], MOST_ALERTS)


def _alerts(db: Database, where: list[ColumnElement[bool]], limit: int) -> tuple[AlertRow, ...]:
    newest = (calibration_alerts.c.created_at.desc(), calibration_alerts.c.kind, calibration_alerts.c.subject)
    with db.read() as connection:
        rows = (
            connection.execute(select(calibration_alerts).where(*where).order_by(*newest).limit(limit)).mappings().all()
        )
    return tuple(AlertRow(**row) for row in rows)
