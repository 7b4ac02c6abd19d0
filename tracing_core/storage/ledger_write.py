"""Add counts to the ledger."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from tracing_core.ledger import Ledger
from tracing_core.storage.side_tables import ledger


def add_to_ledger(connection: Connection, lines: Ledger) -> None:
    """Add `lines`; in the order of the key, so that two writers cannot wait for each other."""
    rows = [
        {
            "day": key.day,
            "source": key.source,
            "outcome": key.outcome,
            "reason": key.reason,
            "count": count,
            "spans": lines.spans[key],
        }
        for key, count in sorted(lines.items())
        if count or lines.spans[key]
    ]
    if rows:
        statement = insert(ledger).values(rows)
        totals = {name: ledger.c[name] + statement.excluded[name] for name in ("count", "spans")}
        connection.execute(statement.on_conflict_do_update(constraint=ledger.primary_key, set_=totals))
