"""What became of the traces received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger as ledger_table


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerLine:
    """How many traces, or pieces of them, from one source met an outcome, for a reason (empty when there is none); and
    how many spans they had.
    """

    source: str
    outcome: str
    reason: str
    count: int
    spans: int


def ledger(db: Database, since: date) -> tuple[LedgerLine, ...]:
    """The ledger of the days from `since` on, in UTC.

    Raises:
        StorageError: the database did not answer.
    """
    key = (ledger_table.c.source, ledger_table.c.outcome, ledger_table.c.reason)
    totals = (func.sum(ledger_table.c["count"]), func.sum(ledger_table.c.spans))
    statement = select(*key, *totals).where(ledger_table.c.day >= since)
    with db.read() as connection:
        found = connection.execute(statement.group_by(*key).order_by(*key)).all()
    return tuple(
        LedgerLine(source=source, outcome=outcome, reason=reason, count=int(count), spans=int(spans))
        for source, outcome, reason, count, spans in found
    )
