"""What projects may spend in a month, and how much of it they have."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, select

from tracing_core.budget import EVERYTHING, Budget, month_of
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, measures
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import budgets as table


def budgets(db: Database) -> tuple[Budget, ...]:
    """All budgets: the one for everything first, then by project.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return tuple(Budget(**row) for row in connection.execute(select(table).order_by(table.c.project)).mappings())


def budget_used(connection: Connection, project: str | None, now: datetime) -> float | None:
    """The share of its budget that a project has spent since the month began: 1 is all of it; None without a budget.

    Args:
        connection: to read with.
        project: its name; None or "" for the budget of all together.
        now: of which month.
    """
    where = table.c.project == (project or EVERYTHING)
    monthly: Decimal | None = connection.scalar(select(table.c.monthly_usd).where(where))
    if monthly is None:
        return None
    return metrics.share(float(month_spent(connection, project, now)), float(monthly))


def month_spent(connection: Connection, project: str | None, now: datetime) -> Decimal:
    """The dollars of the month so far, as far as prices are known."""
    start, end = month_of(now)
    chosen = TraceFilter(start=start, end=end, project=project or None)
    return measures(connection, chosen, "all", histograms=False).get("", NOTHING).cost_usd
