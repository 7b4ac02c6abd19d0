"""The views that people kept."""

from __future__ import annotations

from sqlalchemy import RowMapping, func, select

from tracing_core.jsontext import storable
from tracing_core.saved_view import SavedView
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import saved_views as table

MOST_VIEWS = 500


def saved_views(db: Database) -> tuple[SavedView, ...]:
    """The views by name, at most `MOST_VIEWS` of them.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        rows = connection.execute(select(table).order_by(func.lower(table.c.name)).limit(MOST_VIEWS)).mappings().all()
    return tuple(_view(row) for row in rows)


def saved_view(db: Database, view_id: str) -> SavedView | None:
    """One view; None where there is none with this id.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        row = connection.execute(select(table).where(table.c.view_id == storable(view_id))).mappings().first()
    return None if row is None else _view(row)


def _view(row: RowMapping) -> SavedView:
    return SavedView(**row)
