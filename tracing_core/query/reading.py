"""Open the database for a question about some traces, prepared for a search by words when the filter has one.

PostgreSQL takes the making of a search document for cheap, and so it likes to go through the newest traces, or all of
them, and to make each document anew: 60 µs a trace, minutes for a million. Told to go by bitmaps alone it takes the
index over the words, whose cost is that of the traces found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

_BY_WORDS = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true), "
    "set_config('enable_indexonlyscan', 'off', true), set_config('work_mem', '64MB', true)"
)


@contextmanager
def reading(db: Database, chosen: TraceFilter) -> Iterator[Connection]:
    """A transaction that reads, in which conditions of `chosen` are looked up the quick way.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        if chosen.text is not None:
            connection.execute(_BY_WORDS)
        yield connection
