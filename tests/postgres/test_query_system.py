"""What the store says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from tests.factories import NOON, make_span, make_trace
from tests.postgres.writing import store
from tracing_core.given import OTLP, REMOTE_PARENT
from tracing_core.model import TraceStatus
from tracing_core.query.diagnostics import receiver_report
from tracing_core.query.filters import TraceFilter
from tracing_core.query.operations import operation_latency
from tracing_core.query.system import Orphans, orphans, slow_queries, storage, stored_traces
from tracing_core.source_report import ProcessReport, Refusal, SourceReport
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import PROCESS, REFUSALS, SOURCE, Note, forget_notes, keep_notes

HOUR = timedelta(hours=1)


def source(**fields: Any) -> SourceReport:
    """A source that was heard of at noon."""
    given: dict[str, Any] = {
        "source": "shop",
        "scope": "x",
        "first_seen": NOON,
        "last_seen": NOON,
        "requests": 1,
        "spans": 2,
        "looked_at": 2,
    }
    return SourceReport(**(given | fields))


def note(found: SourceReport) -> Note:
    """As it is kept."""
    return Note(kind=SOURCE, name=found.source, seen_at=found.last_seen, document=found.document())


def test_storage_has_every_table_and_day(database: Database) -> None:
    """Sizes by table with their partitions, and by day; the whole is not less than its parts."""
    store(database, make_trace(), make_trace(started_at=NOON - timedelta(days=1)))
    with database.autocommit() as connection:
        connection.execute(text("ANALYZE"))
    found = storage(database)
    tables = {each.table: each for each in found.tables}
    assert tables["traces"].rows == 2
    assert tables["trace_spans"].rows == 6
    assert not any(name.startswith("trace_spans_") for name in tables)
    assert found.bytes > sum(each.data_bytes + each.index_bytes for each in found.tables)
    assert [(each.day, each.spans) for each in found.days] == [
        (NOON.date(), 3), ((NOON - timedelta(days=1)).date(), 3), (None, 0),
    ]  # fmt: skip
    assert all(each.bytes > 0 for each in found.days)
    assert stored_traces(database) == 2


def test_an_empty_store_has_no_traces(database: Database) -> None:
    """Nothing stored is zero, not an error."""
    assert stored_traces(database) == 0
    assert orphans(database, NOON - HOUR, NOON) == ()


def test_orphans_are_spans_whose_parent_did_not_come(database: Database) -> None:
    """Not those whose trace is a whole one, nor those whose parent is elsewhere on purpose, nor those that are new."""
    root = make_span(name="request")
    lost = [make_span(name="tool", parent_id="00000000000000ff") for _ in range(2)]
    incomplete = make_trace(spans=(lost[0],), status=TraceStatus.INCOMPLETE, source=OTLP, trace_id="1" * 32)
    partly = make_trace(spans=(root, lost[1]), source=OTLP, trace_id="2" * 32)
    remote = make_span(name="remote", parent_id="00000000000000ee", otel={"flags": REMOTE_PARENT})
    elsewhere = make_trace(spans=(remote,), source=OTLP, trace_id="3" * 32)
    store(database, incomplete, partly, elsewhere, make_trace(source=OTLP, trace_id="4" * 32))
    with database.read() as connection:
        stored_at = connection.execute(text("SELECT max(updated_at) FROM traces")).scalar_one()
    assert orphans(database, NOON - HOUR, stored_at) == ()
    found = orphans(database, NOON - HOUR, stored_at + HOUR)
    assert found == (Orphans(project="default", name="tool", spans=2, traces=2, example="2" * 32),)
    assert orphans(database, NOON + HOUR, stored_at + HOUR) == ()


def test_slow_queries_are_left_out_where_nobody_keeps_them(database: Database) -> None:
    """Without pg_stat_statements there is nothing to say."""
    assert slow_queries(database) is None


def test_operations_are_known_by_what_they_do(database: Database) -> None:
    """A model call is a generation by whatever name; percentiles are those of all its operations together."""
    chat = make_span(name="chat gpt-4o", kind="LLM", parent_id="00000000000000aa", duration_ns=10**9)
    root = make_span(name="request", span_id="00000000000000aa")
    store(database, make_trace(), make_trace(spans=(root, chat)))
    found = operation_latency(database, TraceFilter(), "generation")
    assert {each.operation: each.kind for each in found.operations} == {
        "llm_generation": "GENERATION",
        "chat gpt-4o": "LLM",
    }
    assert found.count == 2
    assert found.latency.p50_ms is not None
    assert found.latency.p99_ms is not None
    assert abs(found.latency.p50_ms - 1000) <= 10
    assert abs(found.latency.p99_ms - 3020) <= 30
    assert operation_latency(database, TraceFilter(project="none"), "generation").operations == ()


def test_notes_are_renewed_read_and_forgotten(database: Database) -> None:
    """A process writes the same note again and again; the reports of two processes are added up; old ones go."""
    refusal = Refusal(at=NOON, signal="traces", status=400, reason="is\x00 not JSON")
    alive = ProcessReport(
        started_at=NOON, seen_at=NOON, queue_bytes=1, queue_requests=2, queue_limit=3, writer_queued=4, writer_dropped=0
    )
    keep_notes(database, "one", [note(source(spans=1))])
    keep_notes(database, "one", [note(source())])
    keep_notes(
        database,
        "two",
        [
            note(source(last_seen=NOON + HOUR, spans=3)),
            Note(kind=REFUSALS, name="", seen_at=NOON, document={"refusals": [refusal.document()]}),
            Note(kind=PROCESS, name="", seen_at=NOON, document=alive.document()),
            Note(kind=SOURCE, name="odd", seen_at=NOON, document={"of another": "version"}),
        ],
    )
    keep_notes(database, "two", [])
    report = receiver_report(database, NOON - HOUR, NOON)
    (shop,) = report.sources
    assert (shop.spans, shop.first_seen, shop.last_seen) == (5, NOON, NOON + HOUR)
    assert report.processes == (alive,)
    assert report.refusals == (replace(refusal, reason="is\ufffd not JSON"),)
    assert receiver_report(database, NOON - HOUR, NOON + HOUR).processes == ()
    forget_notes(database, NOON + HOUR)
    assert [each.spans for each in receiver_report(database, NOON - HOUR, NOON).sources] == [3]
