"""Put pieces of traces into a database, and look at all that is stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from tests.factories import NOON, make_span
from tests.pieces import NS
from tests.postgres.tables import rows
from tests.surroundings import make_preparation
from tracing_core.given import from_stored
from tracing_core.ledger import Ledger
from tracing_core.model import SpanData, TraceData
from tracing_core.preparing import Preparation
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import decisions, trace_spans, traces
from tracing_core.storage.write import TraceTable
from tracing_core.written import Written

_TABLES = (traces, trace_spans, decisions, trace_metrics)
_NOT_COMPARED = frozenset({"created_at", "updated_at", "part", "trace_file_path"})


class Writer:
    """Writes pieces of traces into a database, with files below a directory."""

    def __init__(self, database: Database, preparation: Preparation | None = None) -> None:
        self.preparation = preparation or make_preparation()
        self.table = TraceTable(database, self.preparation)

    def write(self, *pieces: tuple[str, Sequence[SpanData]] | TraceData) -> dict[str, Written]:
        """In one transaction, each piece ready by itself."""
        return self.table.write([p for piece in pieces if (p := self._prepared(piece)) is not None], Ledger())

    def _prepared(self, piece: tuple[str, Sequence[SpanData]] | TraceData) -> Any:
        if isinstance(piece, TraceData):
            return self.preparation.prepare(piece)
        trace_id, spans = piece
        return self.preparation.prepare(self.preparation.assemble(trace_id, spans), received=len(spans))


def emptied(database: Database) -> None:
    with database.write() as connection:
        names = "traces, trace_spans, span_payloads, decisions, feedback, trace_metrics, ledger, sampled_out, waiting_feedback"
        connection.execute(text(f"TRUNCATE {names}, trace_labels, trace_reviews"))


def stored(database: Database) -> dict[str, Any]:
    """All that is stored, as far as it does not say when and in which portions."""
    found: dict[str, Any] = {}
    for table in _TABLES:
        plain = [
            {name: value for name, value in row.items() if name not in _NOT_COMPARED} for row in rows(database, table)
        ]
        if table is trace_metrics:
            plain = [_rounded(row) for row in plain if row["stored"]]
        found[table.name] = sorted(plain, key=repr)
    found["contents"] = read_back(database)
    return found


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A sum depends on the order of its parts in the last digits."""
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def read_back(database: Database) -> dict[str, dict[str, SpanData]]:
    with database.read() as connection:
        found = {row["trace_id"]: dict(row) for row in connection.execute(select(traces)).mappings()}
        parts = stored_parts(connection, [(trace_id, row["started_at"]) for trace_id, row in found.items()])
    return {
        trace_id: {span.span_id: from_stored(span, row) for span in spans_in(parts.get(trace_id, {}))}
        for trace_id, row in found.items()
    }


def assert_rollups_fit(database: Database) -> None:
    """No count is below zero, and those of whole traces are as many as there are."""
    metrics = rows(database, trace_metrics)
    assert all(row["stored"] >= 0 and row["count"] > -1e-6 for row in metrics)
    whole = [row for row in metrics if (row["dimension"], row["granularity"]) == ("trace", "day")]
    assert sum(row["stored"] for row in whole) == len(rows(database, traces))


def otlp(number: int, parent: int | None = None, later: timedelta = timedelta(0), **fields: Any) -> SpanData:
    """A span of a second as OTLP brings it, `later` than noon."""
    start_ns = NS + int(later / timedelta(microseconds=1)) * 1000
    otel = {"start_ns": start_ns, "end_ns": start_ns + 10**9} | fields.pop("otel", {})
    given = {"name": f"span {number % 7}", "duration_ns": 10**9, "started_at": NOON + later, "otel": otel}
    parent_id = None if parent is None else f"{parent:016x}"
    return make_span(span_id=f"{number:016x}", parent_id=parent_id, **(given | fields))
