"""From what is recorded to what is stored, by a store opened as programs open it (B5, A7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

import tracing_core as tracing
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.model import SpanKind, SpanStatus
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces
from tracing_core.store import Store, open_store


def opened(database_url: str, data_dir: Path, **settings: Any) -> Store:
    return open_store(read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir, **settings))


def recorded(**facts: Any) -> tracing.Trace:
    trace = finished(tracing.TraceContext.start(**facts))
    with trace.span("generation", SpanKind.GENERATION) as span:
        span.set(model="gpt-4o-mini", prompt_tokens=10, completion_tokens=5)
        span.decide("length", what="short", confidence=0.5)
    trace.answer = "x" * 60
    trace.mark_complete()
    trace.root.leave()
    return trace


def test_from_recording_to_row_and_file(database: Database, database_url: str, data_dir: Path) -> None:
    """What is recorded is in the row, and the row names the file that holds all of it."""
    store = opened(database_url, data_dir)
    trace = recorded(project_name="../../etc", query="How?")
    outcome = store.writer.submit(trace).result(PATIENCE_SECONDS)
    store.close()
    (row,) = rows(database, traces)
    assert (row["trace_id"], row["project"], row["query"], row["status"]) == (trace.trace_id, "etc", "How?", "complete")
    assert (row["input_tokens"], row["decision_count"], row["quality_flag"]) == (10, 1, "NORMAL")
    assert row["trace_file_path"] == outcome["file_path"]
    path = data_dir / "projects" / "etc" / "_traces" / f"{trace.trace_id}.json"
    assert path == Path(outcome["file_path"])
    assert orjson.loads(path.read_bytes())["trace_id"] == trace.trace_id
    (span,) = [row for row in rows(database, trace_spans) if row["name"] == "generation"]
    assert (span["status"], span["decision_count"]) == (SpanStatus.OK, 1)


def test_product_mode_keeps_a_share_and_balances(database: Database, database_url: str, data_dir: Path) -> None:
    """All errors, a share of the successes; every trace is in the ledger."""
    store = opened(database_url, data_dir, TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.2)
    for _ in range(100):
        store.writer.submit(recorded())
    for _ in range(10):
        failing = recorded()
        failing.mark_failed("no")
        store.writer.submit(failing)
    store.close()
    stored = rows(database, traces)
    counts = ledger_of(database)
    assert len([row for row in stored if row["status"] == "failed"]) == 10
    ordinary = [row for row in stored if row["status"] == "complete" and not row["is_slow"]]
    assert {row["sampling_probability"] for row in ordinary} == {0.2}
    assert 10 + 3 < len(stored) < 10 + 50
    assert counts == {"received": 110, "stored": len(stored), "sampled_out": 110 - len(stored)}


def test_nothing_but_sampled_out_is_in_the_ledger_too(database: Database, database_url: str, data_dir: Path) -> None:
    """Without any batch to take it along."""
    store = opened(database_url, data_dir, TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.0)
    for _ in range(5):
        store.writer.submit(recorded())
    store.close()
    assert rows(database, traces) == []
    assert ledger_of(database) == {"received": 5, "sampled_out": 5}


def test_odd_recordings_are_stored(database: Database, database_url: str, data_dir: Path) -> None:
    """NUL, lone surrogates, NaN, huge numbers and texts, and objects of the host: saved, row and file."""

    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError

    store = opened(database_url, data_dir)
    for odd in ("a\x00\ud800b", float("nan"), 10**400, b"\x00\xff", Unspeakable(), "x" * 1_000_000, [["deep"] * 3] * 3):
        trace = recorded(query=odd, session_id=odd, user_id=odd, library=odd, intent=odd, name=odd, source=odd)
        trace.record("stage", "odd", {"what": odd, "why": odd, "inputs": {"odd": odd}, "alternatives_considered": odd})
        trace.citations_count = trace.confidence = odd  # type: ignore[assignment]
        trace.tags = [odd]  # type: ignore[list-item]
        trace.set_outputs({"report_path": odd, "evidence_paths": [odd]})
        with trace.span("span", model=odd, prompt_tokens=odd, odd=odd) as span:
            span.event("odd", odd=odd)
        outcome = store.writer.submit(trace).result(PATIENCE_SECONDS)
        assert (outcome["database"], "file_error" in outcome) == ("saved", False)
    store.close()
    assert len(rows(database, traces)) == 7
    assert_balanced(database)
