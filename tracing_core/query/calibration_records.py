"""What people confirmed of runs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select, tuple_

from tracing_core.jsontext import storable
from tracing_core.model import CalibrationRecord
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_records

_PAGE = 200


def records_of(db: Database, trace_id: str) -> tuple[CalibrationRecord, ...]:
    """The records of a run, the newest first.

    Raises:
        StorageError: the database did not answer.
    """
    c = calibration_records.c
    statement = select(calibration_records).where(c.trace_id == storable(trace_id))
    with db.read() as connection:
        rows = connection.execute(statement.order_by(c.confirmed_at.desc(), c.record_id.desc())).mappings().all()
    return tuple(CalibrationRecord(**row) for row in rows)


def list_records(db: Database, *, project: str | None = None) -> Iterator[CalibrationRecord]:
    """All records, or those of a project, in the order in which they were confirmed; read some at a time.

    Raises:
        StorageError: the database did not answer.
    """
    c = calibration_records.c
    place = tuple_(c.confirmed_at, c.record_id)
    statement = select(calibration_records).order_by(c.confirmed_at, c.record_id).limit(_PAGE)
    if project is not None:
        statement = statement.where(c.project == storable(project))
    last: CalibrationRecord | None = None
    while True:
        after = statement if last is None else statement.where(place > (last.confirmed_at, last.record_id))
        with db.read() as connection:
            rows = connection.execute(after).mappings().all()
        for row in rows:
            last = CalibrationRecord(**row)
            yield last
        if len(rows) < _PAGE:
            return
