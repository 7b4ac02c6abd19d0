"""What the first version stored is there after an upgrade: readable, joined by further pieces, and after a way back too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tests.factories import NOON
from tests.postgres.tables import rows
from tests.surroundings import make_preparation
from tracing_core.contents import unpack
from tracing_core.ledger import Ledger
from tracing_core.model import SpanData, SpanKind
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import SpanPayload, decisions, get_trace, span_payload, spans
from tracing_core.query.whole_traces import whole_traces
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import span_payloads
from tracing_core.storage.write import TraceTable

TRACE_ID = "trc_20261121_120000_00000000000000ab"
ROOT, CHILD = "00000000000000a1", "00000000000000a2"
ODD = 'literal \\u0000 and \\\\, quote ", \u20ac \U0001f600, tab\t'
PAYLOADS: dict[str, Any] = {
    ROOT: {"attributes": {"odd": ODD, "query": "own", "n": 1e300}, "outputs": {"list": [1, None, {"a": []}]}},
    CHILD: {
        "attributes": {"model": "gpt-4o-mini", "prompt_tokens": 5},
        "events": [{"name": "e", "timestamp": "2026-11-21T12:00:00.5Z", "attributes": {"k": ODD}}],
        "evidence": {"collected_count": 2, "kept": [{"id": "x"}]},
        "prompts": {"system": ODD},
    },
}

TRACE = text("""
INSERT INTO traces (trace_id, project, name, source, status, query, answer, library, started_at, completed_at, duration_ms,
    confidence, citations_count, quality_flag, span_count, decision_count, schema_version, tags, iteration_count, cost_usd)
VALUES (:id, 'shop', 'request', 'native', 'complete', 'what?', 'that', 'fastapi', :at, :at, 3210.5, 0.75, 2, 'NORMAL', 2, 2, 1,
    '{a,"b c"}', 3, 0.5)""")
SPAN = text("""
INSERT INTO trace_spans (trace_id, span_id, parent_id, position, name, kind, started_at, duration_ms, status, error,
    decision_count, payload)
VALUES (:id, :span, :parent, :position, :name, :kind, :at, :ms, 'ok', :error, :decisions, CAST(:payload AS jsonb))""")
DECISION = text("""
INSERT INTO decisions VALUES (:id, :position, :span, 'shop', '', 'chosen', '"x"', 'because', 0.5, '["y (0.4)"]', '{"n": 1}', :at)
""")
METRIC = text("""
INSERT INTO trace_metrics (project, granularity, bucket, dimension, value, count, errors, duration_ms_sum, timed_count, input_tokens,
    output_tokens, cost_usd, unpriced_count, flag_user_negative, flag_empty, flag_low_confidence, flag_normal, rating_count,
    rating_sum, bins, bin_counts)
VALUES ('shop', 'day', '2026-11-21T00:00:00Z', 'trace', '', 1, 0, 3210.5, 1, 5, 0, 0.5, 0, 0, 0, 0, 1, 0, 0, '{7}', '{1}')""")


@pytest.fixture
def old(empty_database_url: str) -> Iterator[Database]:
    """A database of the first version with one recorded trace in it."""
    database = Database(empty_database_url)
    migrate.upgrade(database)
    migrate.downgrade(database, "0001")
    with database.write() as connection:
        connection.execute(TRACE, {"id": TRACE_ID, "at": NOON})
        for position, (span_id, payload) in enumerate(PAYLOADS.items()):
            connection.execute(
                SPAN,
                {
                    "id": TRACE_ID, "span": span_id, "parent": ROOT if position else None, "position": position,
                    "name": f"span {position}", "kind": "LLM" if position else "ROOT", "at": NOON, "ms": 3210.5 - position,
                    "error": None, "decisions": 1, "payload": orjson.dumps(payload).decode(),
                },
            )  # fmt: skip
            connection.execute(DECISION, {"id": TRACE_ID, "position": position, "span": span_id, "at": NOON})
        connection.execute(METRIC)
    yield database
    database.close()


def read(database: Database) -> dict[str, SpanPayload]:
    found = {span_id: span_payload(database, TRACE_ID, span_id) for span_id in (ROOT, CHILD)}
    return {span_id: payload for span_id, payload in found.items() if payload is not None}


def assert_as_it_was(database: Database) -> None:
    held = read(database)
    root, child = held[ROOT], held[CHILD]
    assert (root.attributes, root.outputs) == (PAYLOADS[ROOT]["attributes"], PAYLOADS[ROOT]["outputs"])
    assert child.attributes == PAYLOADS[CHILD]["attributes"]
    assert child.events[0]["attributes"] == {"k": ODD}
    assert (child.evidence, child.prompts) == (PAYLOADS[CHILD]["evidence"], PAYLOADS[CHILD]["prompts"])
    assert [(row.span_id, row.what, row.decided_at) for row in decisions(database, TRACE_ID)] == [
        (ROOT, "x", NOON),
        (CHILD, "x", NOON),
    ]
    assert [row.span_id for row in spans(database, TRACE_ID)][:2] == [ROOT, CHILD]


def test_old_contents_are_readable_after_the_upgrade(old: Database) -> None:
    """Attributes, events, evidence, prompts, outputs and decisions, odd characters included."""
    migrate.upgrade(old)
    assert_as_it_was(old)
    (metric,) = rows(old, trace_metrics)
    assert (metric["stored"], metric["count"], metric["bin_counts"]) == (1, 1, [1])


def test_an_old_trace_can_leave_whole(old: Database) -> None:
    """What an export sends of it: decisions on their spans, and what the trace says of itself."""
    migrate.upgrade(old)
    (((trace,), gone),) = whole_traces(old, TraceFilter())
    assert gone == 0
    assert (trace.source, trace.query, trace.answer, trace.project) == ("native", "what?", "that", "shop")
    assert (trace.confidence, trace.citations_count, trace.tags, trace.iteration_count) == (0.75, 2, ("a", "b c"), 3)
    assert trace.duration_ns == 3_210_500_000
    assert [[d.what for d in span.decisions] for span in trace.spans] == [["x"], ["x"]]


def joined(database: Database) -> None:
    """Another program's span, below the old trace's."""
    preparation = make_preparation()
    late = SpanData(
        span_id="00000000000000a3", parent_id=CHILD, name="late", kind=SpanKind.TOOL, started_at=NOON, duration_ns=5
    )
    prepared = preparation.prepare(preparation.assemble(TRACE_ID, [late]))
    assert prepared is not None
    fates = TraceTable(database, preparation).write([prepared], Ledger())
    assert fates[TRACE_ID].outcome == "piece"


def test_further_pieces_join_an_old_trace(old: Database) -> None:
    """Nothing of what was there is lost: neither decisions nor what the trace says of itself."""
    migrate.upgrade(old)
    joined(old)
    assert_as_it_was(old)
    detail = get_trace(old, TRACE_ID)
    assert detail is not None
    assert (detail.source, detail.project, detail.status, detail.query) == ("native", "shop", "complete", "what?")
    assert (detail.span_count, detail.decision_count, detail.library) == (3, 2, "fastapi")


def test_down_and_up_again_keeps_contents(old: Database) -> None:
    """Also those that came with the newer version, in a later part."""
    migrate.upgrade(old)
    joined(old)
    late = SpanData(
        span_id=CHILD, parent_id=ROOT, name="span 1", kind=SpanKind.LLM, started_at=NOON, duration_ns=7,
        attributes={"fuller": ODD * 99, "nul": "a\x00b"}, otel={"kind": 3, "scope": {"name": "s"}},
    )  # fmt: skip
    preparation = make_preparation()
    prepared = preparation.prepare(preparation.assemble(TRACE_ID, [late]))
    assert prepared is not None
    TraceTable(old, preparation).write([prepared], Ledger())
    before = read(old)
    assert before[CHILD].otel["kind"] == 3
    migrate.downgrade(old, "0001")
    with old.read() as connection:
        payload = connection.execute(
            text("SELECT payload FROM trace_spans WHERE span_id = :id"), {"id": CHILD}
        ).scalar()
    assert payload is not None
    assert payload["attributes"]["fuller"] == ODD * 99
    migrate.upgrade(old)
    after = read(old)
    assert after[CHILD].otel == before[CHILD].otel
    assert after[CHILD].attributes == before[CHILD].attributes | {"nul": "a\ufffdb"}
    assert after[ROOT] == before[ROOT]
    (content,) = rows(old, span_payloads)
    assert len(unpack(content["content"])) == 3
    joined_again = get_trace(old, TRACE_ID)
    assert joined_again is not None
    assert joined_again.query == "what?"
