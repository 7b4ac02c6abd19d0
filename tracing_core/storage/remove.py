"""Remove all that the database holds of a project."""

from __future__ import annotations

from sqlalchemy import delete, select

from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts, calibration_records, components, trace_metrics
from tracing_core.storage.tables import span_payloads, trace_spans, traces


def remove_rows(database: Database, project: str) -> int:
    """Delete the traces of `project` with their spans, decisions, feedback and rollups, what its components declare, and what
    calibration noticed and people confirmed.

    Returns:
        How many traces there were.

    Raises:
        StorageError: the database did not do it; nothing was deleted.
    """
    of_project = select(traces.c.trace_id).where(traces.c.project == project)
    with database.write() as connection:
        for table in (trace_spans, span_payloads):
            connection.execute(delete(table).where(table.c.trace_id.in_(of_project)))
        removed = connection.execute(delete(traces).where(traces.c.project == project)).rowcount
        for beside in (trace_metrics, components, calibration_alerts, calibration_records):
            connection.execute(delete(beside).where(beside.c.project == project))
    return removed
