"""Traces for those who run the application (seed A, phase 5): search, one with all its spans, latency by operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from service.admission import admit
from service.moments import moment
from service.parts import TheDesk
from tracing_core.clock import SystemClock
from tracing_core.cost import CostTracker
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.ids import check_trace_id
from tracing_core.jsontext import dump
from tracing_core.model import QualityFlag
from tracing_core.query.cost_audit import cost_audit
from tracing_core.query.filters import TraceFilter
from tracing_core.query.operations import operation_latency
from tracing_core.query.trace import SpanRow, decisions, get_trace, payloads, spans
from tracing_core.query.traces import LARGEST_PAGE, list_traces

LONGEST_LOOKBACK_DAYS = 3650


def _admin(request: Request, desk: TheDesk) -> None:
    admit(desk.store.settings.admin_token, request.headers.get("authorization"))


def _known(request: Request) -> None:
    """A filter under a wrong name, if it were passed over, would let everything through."""
    names = sorted(parameter.alias for parameter in request.scope["route"].dependant.query_params)
    for name in request.query_params:
        if name not in names:
            raise InvalidInput(name[:100], f"is no parameter here; there are {', '.join(names)}")


router = APIRouter(prefix="/api/v1/admin/traces", dependencies=[Depends(_admin), Depends(_known)])
Status = Literal["in_progress", "complete", "incomplete", "failed"]
Milliseconds = Annotated[float | None, Query(ge=0, allow_inf_nan=False)]


@router.get("/")
def search(
    desk: TheDesk,
    user_id: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    min_latency_ms: Milliseconds = None,
    max_latency_ms: Milliseconds = None,
    quality_flag: QualityFlag | None = None,
    status: Status | None = None,
    project: str | None = None,
    model: str | None = None,
    text: str | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    cursor: str | None = None,
) -> Response:
    """The newest traces that fit, newest first; `next_cursor` leads to those after them and is null on the last page."""
    start, end = moment("start_date", start_date), moment("end_date", end_date, end_of_day=True)
    _in_order("start_date", start, "end_date", end)
    _in_order("min_latency_ms", min_latency_ms, "max_latency_ms", max_latency_ms)
    chosen = TraceFilter(
        start=start,
        end=end,
        user_id=user_id,
        min_duration_ms=min_latency_ms,
        max_duration_ms=max_latency_ms,
        quality_flag=quality_flag,
        status=status,
        project=project,
        model=model,
        text=text,
    )
    page = list_traces(desk.store.database, chosen, after=cursor, limit=limit)
    return _json({"traces": [asdict(row) for row in page.rows], "next_cursor": page.next_cursor})


def _in_order(low: str, least: Any, high: str, most: Any) -> None:
    if least is not None and most is not None and most < least:
        raise InvalidInput(high, f"lies before {low}; give {least} or more")


@router.get("/metrics/latency")
def latency(
    desk: TheDesk,
    operation_type: str | None = None,
    lookback_days: Annotated[int, Query(ge=1, le=LONGEST_LOOKBACK_DAYS)] = 7,
    project: str | None = None,
) -> Response:
    """P50, P95 and P99 in milliseconds of the operations that do this (or are called so), and of all of them together."""
    since = SystemClock().now() - timedelta(days=lookback_days)
    found = operation_latency(desk.store.database, TraceFilter(start=since, project=project), operation_type)
    said = {"operation_type": operation_type, "lookback_days": lookback_days, "since": since}
    whole = {"count": found.count, "mean_ms": found.mean_ms, **asdict(found.latency)}
    each = [{**asdict(one), **asdict(one.latency)} for one in found.operations]
    for one in each:
        del one["latency"]
    return _json({**said, **whole, "operations": each})


@router.get("/{trace_id}")
def trace(trace_id: str, desk: TheDesk, content: bool = False, cost: bool = False) -> Response:
    """One trace with all its spans and decisions; with `content=true` also what each span holds, with `cost=true` its cost
    taken apart: tokens by class, prices and what they are of.
    """
    database = desk.store.database
    row = get_trace(database, check_trace_id(trace_id))
    if row is None:
        raise TraceNotFound
    found = spans(database, trace_id)
    listed = _with_content(found, desk, trace_id) if content else [asdict(span) for span in found]
    made = [asdict(decision) for decision in decisions(database, trace_id)]
    taken_apart = {"cost": _cost(desk, trace_id)} if cost else {}
    return _json({"trace": asdict(row), "spans": listed, "decisions": made, **taken_apart})


def _cost(desk: TheDesk, trace_id: str) -> dict[str, Any] | None:
    found = cost_audit(desk.store.database, trace_id, CostTracker(desk.store.settings.prices))
    return None if found is None else found.as_document()


def _with_content(found: Sequence[SpanRow], desk: TheDesk, trace_id: str) -> list[dict[str, Any]]:
    held = payloads(desk.store.database, trace_id)
    return [{**asdict(span), "content": asdict(held[span.span_id]) if span.span_id in held else None} for span in found]


def _json(value: Any) -> Response:
    return Response(dump(value), media_type="application/json")
