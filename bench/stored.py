"""What a service has stored, counted in its database and its files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

_SETTLE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """How much there is at one moment."""

    traces: int
    spans: int
    database_bytes: int
    file_bytes: int


def stored(database: Database, data_dir: Path) -> Stored:
    """What is there now; the sizes include indexes, and what PostgreSQL keeps free in its pages.

    Raises:
        StorageError: the database did not answer.
    """
    with database.read() as connection:
        return Stored(
            traces=connection.scalar(select(func.count()).select_from(traces)) or 0,
            spans=connection.scalar(select(func.count()).select_from(trace_spans)) or 0,
            database_bytes=int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0),
            file_bytes=_file_bytes(data_dir / "projects"),
        )


def wait_for_spans(database: Database, count: int) -> int:
    """Wait until so many spans are there, for what waits on disk to come in; gives how many are.

    Raises:
        StorageError: the database did not answer.
    """
    deadline = time.perf_counter() + _SETTLE_SECONDS
    while True:
        with database.read() as connection:
            there = connection.scalar(select(func.count()).select_from(trace_spans)) or 0
        if there >= count or time.perf_counter() > deadline:
            return there
        time.sleep(0.5)


def _file_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
