"""Keep how large things are on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy.dialects.postgresql import insert

from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import storage_sizes


def keep_sizes(db: Database, day: date, sizes: Mapping[str, int]) -> None:
    """Keep the sizes of a day (UTC) in bytes, by what they are of, each in the place of one of that day.

    Raises:
        StorageError: nothing was kept.
    """
    rows = [{"day": day, "what": what, "bytes": size} for what, size in sizes.items()]
    statement = insert(storage_sizes).values(rows)
    newer = {"bytes": statement.excluded.bytes}
    with db.write() as connection:
        connection.execute(statement.on_conflict_do_update(constraint=storage_sizes.primary_key, set_=newer))
