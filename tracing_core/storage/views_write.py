"""Keep views under their names, and forget them."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from tracing_core.errors import InvalidInput
from tracing_core.saved_view import SavedView
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import saved_views


def save_view(db: Database, view: SavedView) -> None:
    """Keep a view.

    Raises:
        InvalidInput: another view has this name; nothing was kept.
        StorageError: nothing was kept.
    """
    values = {
        "view_id": view.view_id,
        "name": view.name,
        "params": dict(view.params),
        "created_at": view.created_at,
        "created_by": view.created_by,
    }
    statement = insert(saved_views).values(values).on_conflict_do_nothing(index_elements=[saved_views.c.name])
    with db.write(limited="in all") as connection:
        kept = connection.execute(statement.returning(saved_views.c.view_id)).first()
    if kept is None:
        raise InvalidInput("name", f"“{view.name}” is taken; choose another name, or delete that view")


def delete_view(db: Database, view_id: str) -> bool:
    """Forget a view.

    Returns:
        Whether there was one.

    Raises:
        StorageError: it was not forgotten.
    """
    statement = delete(saved_views).where(saved_views.c.view_id == view_id).returning(saved_views.c.view_id)
    with db.write(limited="in all") as connection:
        return connection.execute(statement).first() is not None
