"""The columns and views of research runs keep what runs say, whichever way these come (seed B, section 3.2; B9, E13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.pieces_written import Writer, emptied
from tests.postgres.rebuilding import rebuilt
from tests.postgres.runs_written import make_run
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tests.surroundings import make_preparation
from tracing_core.assembly import assemble
from tracing_core.given import as_spans
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.encode import request_of
from tracing_core.otlp.spans import received
from tracing_core.research_columns import research_columns
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

COLUMNS = tuple(research_columns(make_trace()))
SCORES = [{"id": "META-1", "score": 3}, {"id": "META-12", "score": 1}]


@pytest.fixture
def run() -> TraceData:
    """A run with every stage, two rounds of the last two, and all that columns are read from."""
    root = make_span(name="request", kind=SpanKind.ROOT, duration_ns=milliseconds(9000))
    said: list[tuple[str, float, dict[str, Any]]] = [
        ("intake", 0.1, {"decisions": (make_decision(decision="classified_intent"),)}),
        ("rubric", 0.2, {}),
        ("collection", 0.3, {"evidence": {"by_source": {"exa": 2, "reddit": 1}}, "outputs": {"evidence_retrieved": 9}}),
        (
            "synthesis",
            1,
            {"outputs": {"model": "m", "token_usage": {"input_tokens": 7, "output_tokens": 3}, "cost_usd": 0.25}},
        ),
        ("quality_gate", 2, {"outputs": {"passed": False, "overall_score": 1.6, "principle_scores": SCORES}}),
        ("synthesis", 3, {"outputs": {"model": "m", "cost_usd": 0.5, "evidence_used": 2}}),
        ("quality_gate", 4, {"outputs": {"passed": True, "overall_score": 2.4, "principle_scores": SCORES[:1]}}),
    ]
    stages = [
        make_span(
            parent_id=root.span_id, name=name, kind=SpanKind.STAGE, started_at=NOON + timedelta(seconds=after), **more
        )
        for name, after, more in said
    ]
    rounds = ({"passed": False, "overall_score": 1.6}, {"passed": True, "overall_score": 2.4})
    return make_trace(
        spans=(root, *stages), duration_ns=root.duration_ns, iterations=rounds, iteration_count=2, quality_gate_failures=1
    )  # fmt: skip


def columns(database: Database) -> Mapping[str, Any]:
    """The columns of research runs in the one row there is."""
    (row,) = rows(database, traces)
    return {name: row[name] for name in (*COLUMNS, "iteration_count", "quality_gate_failures", "evidence_collected")}


def test_every_column_is_written(database: Database, run: TraceData) -> None:
    """None is forgotten on the way to the database."""
    store(database, run)
    assert all(
        value is not None
        for name, value in columns(database).items()
        if name not in ("gap_principles", "evidence_collected")
    )
    assert columns(database)["quality_gate_duration"] == pytest.approx(0.29)


def test_a_run_by_opentelemetry_says_the_same(run: TraceData) -> None:
    """Exported and received again, every column is as it was."""
    ((trace_id, spans),) = received(trace_request(request_of([run]).SerializeToString())).traces.items()
    assert research_columns(assemble(trace_id, spans)) == research_columns(run)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_late_pieces_do_not_change_a_column(database: Database, run: TraceData, order: tuple[int, ...]) -> None:
    """In whatever order the pieces of a run come, its row is that of the whole run in the end."""
    store(database, run)
    whole = columns(database)
    emptied(database)
    spans = as_spans(run)
    pieces = (spans[:1], spans[1:5], spans[5:])
    writer = Writer(database)
    for number in order:
        writer.write((run.trace_id, pieces[number]))
    assert columns(database) == whole


def test_a_rebuild_reads_the_same_from_the_file(
    database: Database, database_url: str, data_dir: Path, run: TraceData
) -> None:
    """All columns are projections of the file."""
    Writer(database, make_preparation(data_dir)).write(run)
    before = columns(database)
    emptied(database)
    settings = read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir)
    assert rebuilt(settings, database).stored == 1
    assert columns(database) == before


def test_names_longer_than_an_index_can_hold_do_not_cost_the_run(database: Database) -> None:
    """A principle or source called by a whole text is cut, not refused."""
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))
    run = make_run(scores={long: 1, "\x00": 1}, sources={long: 1})
    assert store(database, run)[run.trace_id].outcome == "new"


def test_the_view_of_gaps(database: Database) -> None:
    """Complete runs that fall short of a principle, newest first, with the name of their project (section 3.2)."""
    old = make_run(scores={"A": 1}, score=1.5, passed=False, project="cobot", project_id="p-1")
    new = make_run(scores={"B": 0, "C": 3}, started_at=NOON + timedelta(hours=1))
    others = (make_run(scores={"A": 3}), make_run(), make_run(scores={"A": 1}, status=TraceStatus.FAILED))
    store(database, old, new, *others)
    with database.read() as connection:
        found = [dict(row) for row in connection.execute(text("SELECT * FROM trace_quality_gaps")).mappings()]
    assert [row["trace_id"] for row in found] == [new.trace_id, old.trace_id]
    assert found[1] == {
        "trace_id": old.trace_id, "project_id": "p-1", "intent": "validating", "domain": None, "report_type": None,
        "overall_quality_score": 1.5, "quality_gate_passed": False, "gap_principles": ["A"], "principle_scores": {"A": 1},
        "started_at": NOON, "project_name": "cobot",
    }  # fmt: skip


def test_the_view_of_intents(database: Database) -> None:
    """Complete runs by intent with what they came to, the most frequent first (section 3.2)."""
    store(
        database,
        make_run(score=2.0, passed=True, cost_usd=0.2),
        make_run(score=1.0, passed=False, cost_usd=0.4),
        make_run(score=3.0, passed=True, intent="exploring"),
        make_run(score=0.0, passed=False, status=TraceStatus.FAILED),
    )
    with database.read() as connection:
        found = [dict(row) for row in connection.execute(text("SELECT * FROM trace_intent_summary")).mappings()]
    assert found == [
        {"intent": "validating", "total_runs": 2, "passed": 1, "failed": 1, "avg_quality": 1.5, "avg_duration": 4.0,
         "avg_cost": pytest.approx(0.3)},
        {"intent": "exploring", "total_runs": 1, "passed": 1, "failed": 0, "avg_quality": 3.0, "avg_duration": 4.0,
         "avg_cost": None},
    ]  # fmt: skip
