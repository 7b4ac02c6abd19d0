"""Write a batch of traces in one transaction: COPY into a staging table, then what is new into the real ones.

A trace that is already there stays as it is and is counted nowhere again, so a batch may be written twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date

from sqlalchemy import Connection, column, select, table, text
from sqlalchemy.dialects.postgresql import insert

from tracing_core.ledger import Ledger, Outcome
from tracing_core.projection import Projection
from tracing_core.rollups import roll_up
from tracing_core.storage.copying import copy_rows
from tracing_core.storage.database import Database
from tracing_core.storage.ledger_write import add_to_ledger
from tracing_core.storage.migrate import upgrade
from tracing_core.storage.partitions import ensure_partitions
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.tables import decisions, trace_spans, traces

_WRITTEN_BY_DATABASE = frozenset({"created_at", "updated_at", "rating"})
_TRACE_COLUMNS = tuple(c.name for c in traces.columns if c.name not in _WRITTEN_BY_DATABASE)
_SPAN_COLUMNS = tuple(c.name for c in trace_spans.columns)
_DECISION_COLUMNS = tuple(c.name for c in decisions.columns)
_STAGING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging_traces (LIKE traces INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_staging_traces = table("staging_traces", *(column(name) for name in _TRACE_COLUMNS))


_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Days that get a partition. A clock that says anything else is wrong; such spans go to the default partition."""


class TraceTable:
    """Writes traces into a database. Not to be shared between threads.

    Args:
        database: where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._days_with_partition: set[date] = set()
        self._migrated = False

    def write(self, batch: Sequence[Projection], ledger: Ledger) -> frozenset[str]:
        """Write `batch`, and add `ledger` and what this batch adds to it.

        Returns:
            The ids that were new.

        Raises:
            DatabaseUnavailable: nothing was written; trying again may help.
            DataRejected: nothing was written; one of the traces cannot be stored.
        """
        once = {projection.trace["trace_id"]: projection for projection in batch}
        days = {span["started_at"].astimezone(UTC).date() for p in once.values() for span in p.spans}
        self._make_room({day for day in days if _FIRST_DAY <= day <= _LAST_DAY})
        with self._database.write() as connection:
            new = self._insert(connection, list(once.values()))
            stored = [once[trace_id] for trace_id in once if trace_id in new]
            add_rollups(connection, roll_up(stored))
            add_to_ledger(connection, _with_batch(ledger, batch, new))
        return new

    def _make_room(self, days: set[date]) -> None:
        """The schema, and a partition for each of `days`; both in transactions of their own, once per process."""
        if not self._migrated:
            upgrade(self._database)
            self._migrated = True
        if not days <= self._days_with_partition:
            with self._database.write() as connection:
                ensure_partitions(connection, days - self._days_with_partition)
            self._days_with_partition |= days

    def _insert(self, connection: Connection, batch: Sequence[Projection]) -> frozenset[str]:
        connection.execute(_STAGING)
        with closing(connection.connection.cursor()) as cursor:
            copy_rows(cursor, traces, "staging_traces", _TRACE_COLUMNS, [p.trace for p in batch])
            new = frozenset(connection.execute(_INSERT_NEW).scalars())
            stored = [p for p in batch if p.trace["trace_id"] in new]
            copy_rows(cursor, trace_spans, "trace_spans", _SPAN_COLUMNS, (row for p in stored for row in p.spans))
            copy_rows(cursor, decisions, "decisions", _DECISION_COLUMNS, (row for p in stored for row in p.decisions))
        return new


_INSERT_NEW = (
    insert(traces)
    .from_select(_TRACE_COLUMNS, select(_staging_traces).order_by("trace_id"))  # so that no two writers wait in a ring
    .on_conflict_do_nothing()
    .returning(traces.c.trace_id)
)


def _with_batch(ledger: Ledger, batch: Sequence[Projection], new: frozenset[str]) -> Ledger:
    """`ledger` and the lines of this batch; a trace that was there before, or comes twice in it, is `again`."""
    lines = Ledger(ledger)
    unseen = set(new)
    for projection in batch:
        trace = projection.trace
        reason = "" if trace["trace_id"] in unseen else "again"
        unseen.discard(trace["trace_id"])
        lines.note(trace["started_at"].date(), trace["source"], Outcome.STORED, reason)
    return lines
