"""Reports and children are found from what is stored, both ways (seed B, sections 3.3 and 3.4; B11, B12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tracing_core as tracing
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core import Store, Trace, TraceQuery
from tracing_core.query.lineage import children
from tracing_core.query.trace import get_trace
from tracing_core.report_links import read_link


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[Store]:
    """What `init()` gives a program on an empty database."""
    opened = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    yield opened
    opened.close()


def end(trace: Trace) -> str:
    """Complete a run, and wait until it is stored."""
    trace.mark_complete()
    return str(tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)["trace_id"])


def test_a_report_leads_to_its_stored_trace_and_back(store: Store, tmp_path: Path) -> None:
    """Section 3.3: `report_file_path` in the row, `outputs.report_path` in the file, and the id in the front matter."""
    report = tmp_path / "report.md"
    report.write_text("# Robots\n")
    trace = finished(tracing.TraceContext.start(query="robots"))
    trace.end_stage("quality_gate", outputs={"passed": True, "overall_score": 2.4})
    trace.link_report(report)
    trace_id = end(trace)
    link = read_link(report)
    assert link is not None
    assert (link.trace_id, link.quality_score, link.quality_gate) == (trace_id, 2.4, True)
    row, document = get_trace(store.database, link.trace_id), TraceQuery.full_trace(link.trace_id).result()
    assert row is not None
    assert document is not None
    assert row.report_file_path == document["outputs"]["report_path"] == str(report)


def test_children_are_stored_both_ways(store: Store, tmp_path: Path) -> None:
    """Section 3.4: the row of a child names its parent, and the file of the parent its children with type and path."""
    parent = finished(tracing.TraceContext.start(query="robots", project_name="cobot"))
    report = finished(tracing.TraceContext.start_child(parent, "report", path=tmp_path / "report.md"))
    report_id = end(report)
    pack_id = end(finished(tracing.TraceContext.start_child(parent, "evidence_pack")))
    parent_id = end(parent)
    found = children(store.database, parent_id)
    assert [row.trace_id for row in found] == [report_id, pack_id]
    document = TraceQuery.full_trace(parent_id).result()
    assert document is not None
    assert document["child_traces"] == [
        {"trace_id": report_id, "output_type": "report", "path": str(tmp_path / "report.md")},
        {"trace_id": pack_id, "output_type": "evidence_pack", "path": None},
    ]
    child = get_trace(store.database, report_id)
    assert child is not None
    assert (child.parent_trace_id, child.project, child.attributes["output_type"]) == (parent_id, "cobot", "report")
