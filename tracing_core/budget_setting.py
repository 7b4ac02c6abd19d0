"""Set what a project may spend in a month, from what a person gives; and take it away."""

from __future__ import annotations

from tracing_core.budget import Budget, checked_project, checked_usd
from tracing_core.clock import Clock
from tracing_core.storage import budget_write
from tracing_core.storage.database import Database


def set_budget(db: Database, clock: Clock, *, project: str, monthly_usd: object, by: str) -> Budget:
    """Set a budget; the one that its project had is gone.

    Args:
        db: where it is kept.
        clock: for when.
        project: its name; empty for all of them together.
        monthly_usd: dollars, as a number or in writing.
        by: who sets it.

    Raises:
        InvalidInput: the project or the amount cannot be used.
        StorageError: it was not kept.
    """
    budget = Budget(
        project=checked_project(project), monthly_usd=checked_usd(monthly_usd), updated_at=clock.now(), updated_by=by
    )
    budget_write.put_budget(db, budget)
    return budget


def remove_budget(db: Database, project: str) -> bool:
    """Take a budget away; whether there was one.

    Raises:
        StorageError: it may still be there.
    """
    return budget_write.remove_budget(db, project)
