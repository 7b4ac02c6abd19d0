"""Which traces the database has."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def known(database: Database, ids: Sequence[str]) -> frozenset[str]:
    """Those of `ids` that are traces which are stored.

    Raises:
        StorageError: the database did not answer.
    """
    with database.read() as connection:
        return frozenset(connection.execute(select(traces.c.trace_id).where(traces.c.trace_id.in_(ids))).scalars())
