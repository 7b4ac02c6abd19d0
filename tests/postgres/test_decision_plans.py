"""Decisions of many traces are found by indexes, with enough rows for PostgreSQL to have a choice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.postgres.test_query_plans import Plans
from tracing_core.query import decision_sample
from tracing_core.query.alternatives import alternatives
from tracing_core.query.confidence import confidence_pairs, wrong_decisions
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.decisions import decision_types
from tracing_core.query.filters import TraceFilter
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database

ROWS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
ALL = TraceFilter(start=START, end=START + timedelta(minutes=ROWS))
COMMON = TraceFilter(start=ALL.start, end=ALL.end, decision=DecisionFilter(decision="source_selection"))
RARE = TraceFilter(start=ALL.start, end=ALL.end, decision=DecisionFilter(decision="rare"))
TRACES = text("""
INSERT INTO traces (trace_id, project, name, source, status, started_at, duration_ms, quality_flag, span_count,
                    decision_count, schema_version, quality_gate_passed)
SELECT 'trc_' || i, 'p' || i % 3, 'request', 'native', 'complete', timestamptz '2026-01-01Z' + i * interval '1 minute',
       1000, 'NORMAL', 1, 1, 1, i % 2 = 0
FROM generate_series(1, :rows) i
""")
DECISIONS = text("""
INSERT INTO decisions (trace_id, position, span_id, project, stage, decision, what, why, confidence,
                       alternatives_considered, inputs, decided_at)
SELECT 'trc_' || i, 0, 's', 'p' || i % 3, 'collection', CASE WHEN i % 1000 = 0 THEN 'rare' ELSE 'source_selection' END,
       '"exa"', 'because', 0.9, '[]', '{}', timestamptz '2026-01-01Z' + i * interval '1 minute'
FROM generate_series(1, :rows) i
""")


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """A database with 20,000 traces, each with a decision."""
    with shared_database.write() as connection:
        connection.execute(TRACES, {"rows": ROWS})
        connection.execute(DECISIONS, {"rows": ROWS})
    with shared_database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shared_database


@pytest.fixture(autouse=True)
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that is small beside the table, as the real one is beside a million traces."""
    monkeypatch.setattr(decision_sample, "MOST", 200)
    monkeypatch.setattr(decision_sample, "OF_EACH", 3)


def test_no_statistic_reads_a_table_from_end_to_end(filled: Database) -> None:
    """The types, one type, its alternatives, its curve and its worst decisions are read off indexes, part by part."""
    with Plans(filled) as plans:
        decision_types(filled, ALL, "gate")
        decision_types(filled, COMMON, "gate", over_time=True)
        alternatives(filled, COMMON, "gate")
        confidence_pairs(filled, COMMON, "gate")
        wrong_decisions(filled, COMMON, "gate", "over")
    assert "Seq Scan on traces" not in plans.found
    assert "Seq Scan on decisions" not in plans.found
    assert "ix_decisions_type" in plans.found


@pytest.mark.parametrize("chosen", [COMMON, RARE])
def test_traces_with_a_decision_are_found_by_indexes(filled: Database, chosen: TraceFilter) -> None:
    """A list of the traces behind a decision reads neither table from end to end, be it frequent or rare."""
    with Plans(filled) as plans:
        assert list_traces(filled, chosen, limit=10).rows
    assert "Seq Scan" not in plans.found
