"""Put made-up traces into a database, by the way that real ones go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.factories import NOON
from tests.surroundings import make_preparation
from tracing_core.clock import Clock
from tracing_core.ledger import Ledger
from tracing_core.model import Feedback, TraceData
from tracing_core.preparing import Prepared
from tracing_core.quality import QualityRules
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import put_feedback
from tracing_core.storage.write import TraceTable
from tracing_core.store import Store, open_store
from tracing_core.written import Written

RULES = QualityRules()
_numbers = count(1)


def store(database: Database, *traces: TraceData) -> dict[str, Written]:
    """Write `traces`, by the default rules and prices, without files."""
    return trace_table(database).write([prepared(trace) for trace in traces], Ledger())


def trace_table(database: Database) -> TraceTable:
    """Writes into `database` without files."""
    return TraceTable(database, make_preparation())


def prepared(trace: TraceData) -> Prepared:
    """`trace`, ready to be stored."""
    ready = make_preparation().prepare(trace)
    assert ready is not None
    return ready


@contextmanager
def opening(database_url: str, data_dir: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Gives what opens stores on a database, with settings by their environment names; it closes them at the end."""
    stores: list[Store] = []

    def open_one(**settings: Any) -> Store:
        chosen = read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir, **settings)
        stores.append(open_store(chosen, clock=clock))
        return stores[-1]

    try:
        yield open_one
    finally:
        for each in stores:
            each.close()


def rate(
    database: Database, trace: TraceData, rating: int, user_id: str = "user-1", comment: str | None = None
) -> Feedback:
    """Rate a stored trace."""
    number = next(_numbers)
    given = Feedback(
        feedback_id=f"fb_{number:06}", trace_id=trace.trace_id, user_id=user_id, rating=rating, comment=comment,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    return put_feedback(database, given, RULES)
