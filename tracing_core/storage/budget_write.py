"""Keep what a project may spend in a month."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from tracing_core.budget import Budget
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import budgets


def put_budget(db: Database, budget: Budget) -> None:
    """Set a budget; the one that its project had is gone.

    Raises:
        StorageError: it was not kept.
    """
    values = {column.name: getattr(budget, column.name) for column in budgets.columns}
    changed = {name: value for name, value in values.items() if name != "project"}
    statement = insert(budgets).values(values).on_conflict_do_update(index_elements=["project"], set_=changed)
    with db.write(limited="in all") as connection:
        connection.execute(statement)


def remove_budget(db: Database, project: str) -> bool:
    """Take a budget away; whether there was one.

    Raises:
        StorageError: the database did not do it.
    """
    with db.write(limited="in all") as connection:
        return bool(connection.execute(delete(budgets).where(budgets.c.project == project)).rowcount)
