"""`GET /traces` and `GET /stats` (seed C), `GET /api/v1/traces/{trace_id}` (the document of seed B)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from service.desk import Desk
from service.parts import TheDesk
from tracing_core.errors import TraceNotFound
from tracing_core.files import files_of
from tracing_core.ids import check_trace_id
from tracing_core.jsontext import dump
from tracing_core.query.document import full_trace
from tracing_core.query.filters import TraceFilter
from tracing_core.query.recent import recent_traces
from tracing_core.query.stats import pipeline_stats
from tracing_core.query.trace import decisions, get_trace, spans
from tracing_core.steps import steps_view

router = APIRouter()


@router.get("/traces")
def traces(desk: TheDesk, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Response:
    """The newest traces, newest first, each with its steps."""
    return _json([steps_view(trace) for trace in recent_traces(desk.store.database, limit)])


@router.get("/stats")
def stats(desk: TheDesk) -> Response:
    """The pipeline in six numbers; times in milliseconds."""
    return _json(asdict(pipeline_stats(desk.store.database, TraceFilter())))


@router.get("/api/v1/traces/{trace_id}")
def trace(trace_id: str, desk: TheDesk) -> Response:
    """The whole trace; only its rows, with `contents: missing`, when neither its file nor its contents are there any more."""
    check_trace_id(trace_id)
    document = full_trace(desk.store.database, trace_id, files_of(desk.store.settings))
    return _json(document if document is not None else _from_rows(desk, trace_id))


def _from_rows(desk: Desk, trace_id: str) -> dict[str, Any]:
    database = desk.store.database
    row = get_trace(database, trace_id)
    if row is None:
        raise TraceNotFound
    return {
        "trace_id": trace_id,
        "project_name": row.project,
        "contents": "missing",
        "run": asdict(row),
        "spans": [asdict(span) for span in spans(database, trace_id)],
        "decisions": [asdict(decision) for decision in decisions(database, trace_id)],
    }


def _json(value: Any) -> Response:
    return Response(dump(value), media_type="application/json")
