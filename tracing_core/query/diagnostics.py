"""What the receivers found out, from all processes that keep it in this database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from tracing_core.source_report import ProcessReport, Refusal, SourceReport, together
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import PROCESS, REFUSALS, SOURCE
from tracing_core.storage.side_tables import receiver_diagnostics

Report = TypeVar("Report")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverReport:
    """Sources and refusals, the newest first, and the processes that receive.

    Args:
        processes: those that said something in the last half minute.
    """

    sources: tuple[SourceReport, ...]
    refusals: tuple[Refusal, ...]
    processes: tuple[ProcessReport, ...]


def receiver_report(db: Database, since: datetime, now: datetime) -> ReceiverReport:
    """What is known of the sources that sent something since then.

    Args:
        db: where it is kept.
        since: from when on.
        now: the time of now.

    Raises:
        StorageError: the database did not answer.
    """
    table = receiver_diagnostics.c
    statement = select(table.kind, table.seen_at, table.document).where(table.seen_at >= since)
    with db.read() as connection:
        rows = [(row.kind, row.seen_at, row.document) for row in connection.execute(statement)]
    alive = now - timedelta(seconds=30)
    refused = (each for kind, _, document in rows if kind == REFUSALS for each in document.get("refusals", ()))
    refusals = (each for each in _readable(Refusal.read_json, refused) if each.at >= since)
    return ReceiverReport(
        sources=together(_readable(SourceReport.read_json, (doc for kind, _, doc in rows if kind == SOURCE))),
        refusals=tuple(sorted(refusals, key=lambda each: each.at, reverse=True)),
        processes=tuple(
            _readable(ProcessReport.read_json, (doc for kind, seen, doc in rows if kind == PROCESS and seen >= alive))
        ),
    )


def _readable(read: Callable[[str], Report], documents: Iterator[Any]) -> Iterator[Report]:
    """What can be read; what another version wrote is passed over."""
    for document in documents:
        try:
            yield read(json.dumps(document))
        except ValueError:
            continue
