"""What is in the tables, for tests to look at."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger
from tracing_core.storage.tables import trace_spans


def rows(database: Database, table: Any) -> list[dict[str, Any]]:
    """All rows, in the order of the key."""
    with database.read() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        return [dict(row) for row in found]


def ledger_of(database: Database) -> dict[str, int]:
    """Counts by outcome, and by outcome and reason where there is one."""
    counts: dict[str, int] = {}
    for row in rows(database, ledger):
        name = f"{row['outcome']}: {row['reason']}" if row["reason"] else row["outcome"]
        counts[name] = counts.get(name, 0) + row["count"]
    return {name: count for name, count in counts.items() if count}


def assert_balanced(database: Database) -> None:
    """What was received is what has a fate; and the spans that were stored are there, each once."""
    lines = rows(database, ledger)
    for unit in ("count", "spans"):
        received = sum(line[unit] for line in lines if line["outcome"] == "received")
        assert received == sum(line[unit] for line in lines if line["outcome"] != "received")
    stored = sum(line["spans"] for line in lines if line["outcome"] == "stored" and line["reason"] != "again")
    assert stored == len(rows(database, trace_spans))
