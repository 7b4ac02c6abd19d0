"""Keep what a process found out about its sources where other processes can read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from tracing_core.jsontext import dump_for_postgres
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import receiver_diagnostics

PROCESS, SOURCE, REFUSALS = "process", "source", "refusals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One row: of a `kind`, about what has this `name`, as of `seen_at`."""

    kind: str
    name: str
    seen_at: datetime
    document: Mapping[str, Any]


def keep_notes(db: Database, process: str, notes: Iterable[Note]) -> None:
    """Write the notes of a process, each in the place of the one before.

    Raises:
        StorageError: nothing was written.
    """
    rows = [
        {
            "process": process,
            "kind": note.kind,
            "name": note.name,
            "seen_at": note.seen_at,
            "document": json.loads(dump_for_postgres(note.document)),
        }
        for note in notes
    ]
    if not rows:
        return
    statement = insert(receiver_diagnostics).values(rows)
    changed = {name: statement.excluded[name] for name in ("seen_at", "document")}
    with db.write() as connection:
        connection.execute(statement.on_conflict_do_update(constraint=receiver_diagnostics.primary_key, set_=changed))


def forget_notes(db: Database, before: datetime) -> None:
    """Remove the notes that nobody renewed since `before`.

    Raises:
        StorageError: nothing was removed.
    """
    with db.write() as connection:
        connection.execute(delete(receiver_diagnostics).where(receiver_diagnostics.c.seen_at < before))
