"""Enter alerts of calibration: whoever enters one acts upon it, whatever other process saw the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces

_LOCK = 7_201_114
"""First key of the advisory lock under which alerts are appended to the file of a project."""


def enter_alerts(database: Database, alerts: Sequence[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Enter alerts, and flag their runs for review, at once or not at all.

    Args:
        database: where to.
        alerts: rows of `calibration_alerts`.

    Returns:
        Kind and subject of those that nobody had entered for that day and project.

    Raises:
        StorageError: the database did not do it; nothing was entered.
    """
    # In one order everywhere, so that two who enter the same do not wait for each other.
    ordered = sorted(alerts, key=lambda each: (each["day"], each["project"], each["kind"], each["subject"]))
    a = calibration_alerts.c
    entered: set[tuple[str, str]] = set()
    with database.write(limited="in all") as connection:
        for row in ordered:
            statement = insert(calibration_alerts).values(**row).on_conflict_do_nothing()
            won = connection.execute(statement.returning(a.kind, a.subject, a.trace_id)).one_or_none()
            if won is not None:
                entered.add((won.kind, won.subject))
                connection.execute(_flag([won.trace_id]))
    return frozenset(entered)


def restore_alerts(database: Database, alerts: Sequence[Mapping[str, Any]]) -> int:
    """Enter alerts that were given before, and flag their runs for review, those that are there.

    Args:
        alerts: rows of `calibration_alerts`, with `created_at`.

    Returns:
        How many were not there.

    Raises:
        StorageError: the database did not do it; nothing was entered.
    """
    if not alerts:
        return 0
    with database.write() as connection:
        statement = insert(calibration_alerts).on_conflict_do_nothing().returning(calibration_alerts.c.day)
        entered = len(connection.execute(statement, list(alerts)).all())
        connection.execute(_flag(sorted({each["trace_id"] for each in alerts})))
    return entered


@contextmanager
def alone_with(database: Database, project: str) -> Iterator[None]:
    """Let no other process append to the alerts of this project meanwhile.

    Raises:
        StorageError: the database did not give the lock.
    """
    with database.write(limited="in all") as connection:
        connection.execute(select(func.pg_advisory_xact_lock(literal(_LOCK), func.hashtext(project))))
        yield


def _flag(trace_ids: Sequence[str]) -> Any:
    return update(traces).where(traces.c.trace_id.in_(trace_ids)).values(flagged_for_review=True)
