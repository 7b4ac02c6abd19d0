"""Keep how large things are on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import storage_sizes

DATABASE, FILES = "database", "files"


def keep_sizes(db: Database, day: date, sizes: Mapping[str, int]) -> None:
    """Keep the sizes of a day, each in the place of one of that day; that of the database is asked for here.

    Args:
        db: where to, and how large.
        day: which (UTC).
        sizes: bytes of whatever else there is.

    Raises:
        StorageError: nothing was kept.
    """
    with db.write() as connection:
        whole = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        rows = [{"day": day, "what": what, "bytes": size} for what, size in {DATABASE: whole, **sizes}.items()]
        statement = insert(storage_sizes).values(rows)
        newer = {"bytes": statement.excluded.bytes}
        connection.execute(statement.on_conflict_do_update(constraint=storage_sizes.primary_key, set_=newer))
