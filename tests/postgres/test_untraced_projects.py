"""A project that is switched off is off for whoever sends (B1)."""

from __future__ import annotations

from tests.factories import make_span, make_trace
from tests.postgres.pieces_written import Writer
from tests.postgres.tables import ledger_of, rows
from tests.surroundings import make_preparation
from tracing_core.model import SpanStatus
from tracing_core.sampling import sampler_of
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

QUIET = {"resource": {"tracewhy.project": "quiet"}}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_nothing_that_arrives_is_kept(database: Database) -> None:
    """A root that failed, a piece without its root before it, a late one, a native run of another process: all are counted."""
    sampler = sampler_of(read_settings(TRACEWHY_UNTRACED_PROJECTS=["quiet"]))
    writer = Writer(database, make_preparation(sampler=sampler))
    root = make_span(status=SpanStatus.ERROR, otel=QUIET)
    early, late = (make_span(parent_id=root.span_id, otel=QUIET) for _ in range(2))
    for piece in (early, root, late):
        writer.write((TRACE_ID, [piece]))
    writer.write(make_trace(project="loud"))
    assert [row["project"] for row in rows(database, traces)] == ["loud"]
    assert len(rows(database, trace_spans)) == 3
    assert ledger_of(database) == {"received": 4, "sampled_out": 3, "stored": 1}
