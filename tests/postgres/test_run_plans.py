"""Questions about research runs take their indexes, with many other traces and decisions beside them (seed B, section 3.2; B9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.postgres.test_query_plans import Plans
from tracing_core.query.decision_filter import DecisionFilter, PrincipleFilter
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import compare_runs, list_runs, principle_patterns
from tracing_core.storage.database import Database

ROWS = 20_000
FILL = text("""
INSERT INTO traces (trace_id, project, name, source, status, answer, started_at, duration_ms, quality_flag, span_count,
                    decision_count, schema_version)
SELECT 'trc_20260101_000000_' || lpad(to_hex(i), 16, '0'), 'p' || i % 3, 'request', 'native', 'complete',
       repeat('some words of an answer ', 5), timestamptz '2026-01-01Z' + i * interval '1 minute', i % 97, 'NORMAL', 1, 0, 1
FROM generate_series(1, :rows) i
""")
RUNS = text("""
UPDATE traces SET intent = 'i' || right(trace_id, 2), domain = 'd' || right(trace_id, 2), report_type = 'r' || right(trace_id, 2),
       quality_gate_passed = duration_ms > 3, overall_quality_score = 2, evidence_sources = ARRAY['exa', 's' || right(trace_id, 2)],
       principle_scores = jsonb_build_object('META-1', 3, 'P' || right(trace_id, 2), 1),
       gap_principles = ARRAY['P' || right(trace_id, 2)], flagged_for_review = duration_ms = 5
WHERE duration_ms < 10
""")
DECISIONS = text("""
INSERT INTO decisions (trace_id, position, span_id, project, stage, decision, what, why, confidence, alternatives_considered,
                       inputs, decided_at)
SELECT trace_id, n, 's', project, 'collection', CASE WHEN duration_ms = 50 THEN 'rare' ELSE 'usual' END, '"exa"', 'because', 0.9,
       '["reddit (0.40)"]', '{}', started_at
FROM traces, generate_series(0, 1) n
""")


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """20,000 traces with decisions, one in ten a research run."""
    with shared_database.write() as connection:
        connection.execute(FILL, {"rows": ROWS})
        connection.execute(RUNS)
        connection.execute(DECISIONS)
    with shared_database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shared_database


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (TraceFilter(intent="i07", status="complete"), "idx_traces_intent"),
        (TraceFilter(domain="d07", status="complete"), "idx_traces_domain"),
        (TraceFilter(report_type="r07"), "idx_traces_report_type"),
        (TraceFilter(quality_gate_passed=False, status="complete"), "idx_traces_quality_gate"),
        (TraceFilter(flagged_for_review=True), "idx_traces_flagged"),
        (TraceFilter(project="p1"), "ix_traces_newest"),
        (TraceFilter(gap_principle="P07"), "idx_traces_gap_principles"),
        (TraceFilter(low_principle=PrincipleFilter(principle_id="P07")), "idx_traces_principle_scores"),
        (TraceFilter(evidence_source="s07"), "idx_traces_evidence_sources"),
        (TraceFilter(decision=DecisionFilter(decision="rare")), "ix_decisions_type"),
        (TraceFilter(decision=DecisionFilter(decision="usual", what="exa", alternative="reddit")), "pk_decisions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_runs_come_from_an_index(filled: Database, chosen: TraceFilter, index: str) -> None:
    """No list of runs reads the traces, or all decisions, from end to end."""
    with Plans(filled) as plans:
        assert list_runs(filled, chosen)
    assert index in plans.found
    assert "Seq Scan" not in plans.found


def test_patterns_of_a_time_read_no_more_than_that(filled: Database) -> None:
    """With a range, runs before it are not looked at."""
    (newest,) = list_runs(filled, TraceFilter(), 1)
    with Plans(filled) as plans:
        principle_patterns(filled, TraceFilter(start=newest.started_at - timedelta(days=1)))
    assert "Seq Scan on traces" not in plans.found


def test_two_runs_are_found_by_their_ids(filled: Database) -> None:
    """By the primary key."""
    one, other = list_runs(filled, TraceFilter(), 2)
    with Plans(filled) as plans:
        compare_runs(filled, one.trace_id, other.trace_id)
    assert plans.found.count("pk_traces") == 2
