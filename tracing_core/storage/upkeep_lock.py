"""One process at a time looks after what is stored, evaluates alert rules, or sends what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tracing_core.errors import Busy
from tracing_core.storage.database import Database

UPKEEP_LOCK = 7_201_113_120_003
"""Key of the advisory lock that is held meanwhile."""
EVALUATION_LOCK = 7_201_113_120_004
DELIVERY_LOCK = 7_201_113_120_005


@contextmanager
def alone(database: Database, key: int = UPKEEP_LOCK) -> Iterator[None]:
    """Hold a lock; PostgreSQL lets go of it when this process is gone.

    Raises:
        Busy: another process holds it.
        StorageError: the database did not answer.
    """
    with database.autocommit() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            raise Busy
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
