"""What was spent, from the rows of traces and of calls, for what the rollups do not know; of very many some are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace_sample import Drawn, Row, drawn
from tracing_core.rates import exact
from tracing_core.rollups import operation_name
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import trace_spans, traces

MOST = 20_000
"""Traces that are looked at; for their calls a fourth of that."""
_AT_A_TIME = 1_000
_KEYS = {
    "model": traces.c.model, "project": traces.c.project, "user": traces.c.user_id, "library": traces.c.library,
}  # fmt: skip


def user_rows(connection: Connection, chosen: TraceFilter, by: str) -> tuple[list[Row], Drawn]:
    """The chosen traces, or some of them, with the columns of `spend_rollups.SPENT`, `key` and `started_at`."""
    t = traces.c
    columns = [
        func.coalesce(_KEYS[by], "").label("key"), t.started_at, t.cost_usd, metrics.unpriced().label("unpriced"),
        t.input_tokens, t.output_tokens,
    ]  # fmt: skip
    rows, sample = drawn(connection, chosen, MOST, columns)
    return [_weighed(row, float(row["weight"])) for row in rows], sample


def call_rows(connection: Connection, chosen: TraceFilter) -> tuple[list[Row], Drawn]:
    """The same of the calls of models, by operation: the name of a span that says what it used, and that none below repeats."""
    rows, sample = drawn(connection, chosen, MOST // 4, [traces.c.trace_id, traces.c.started_at])
    rows.sort(key=lambda row: row["started_at"])
    found: list[Row] = []
    for start in range(0, len(rows), _AT_A_TIME):
        some = {row["trace_id"]: float(row["weight"]) for row in rows[start : start + _AT_A_TIME]}
        days = (rows[start]["started_at"], rows[min(start + _AT_A_TIME, len(rows)) - 1]["started_at"])
        found += [_weighed(row, some[row["trace_id"]]) for row in _calls(connection, some, days)]
    return found, sample


def _calls(connection: Connection, trace_ids: Any, days: tuple[datetime, datetime]) -> Iterator[Row]:
    s = trace_spans.c
    columns = (s.trace_id, s.span_id, s.parent_id, s.name, s.started_at, s.cost_usd, s.total_tokens, s.model)
    near = (s.started_at >= days[0] - NEARBY, s.started_at < days[1] + NEARBY)
    asked = select(*columns).where(s.trace_id.in_(list(trace_ids)), s.total_tokens.is_not(None), *near)
    spans = connection.execute(asked).mappings().all()
    repeated = {(span["trace_id"], span["parent_id"]) for span in spans}
    for span in spans:
        if (span["trace_id"], span["span_id"]) not in repeated:
            unpriced = span["cost_usd"] is None and span["model"] is not None
            more = {"key": operation_name(span["name"]), "unpriced": unpriced, "output_tokens": 0}
            yield {**span, **more, "input_tokens": span["total_tokens"]}


def _weighed(row: Row, weight: float) -> Row:
    """The row times how many it stands for."""
    cost: Decimal | None = row["cost_usd"]
    return {
        "key": row["key"],
        "started_at": row["started_at"],
        "count": weight,
        "cost_usd": cost if cost is None or weight == 1 else exact(cost * Decimal(weight)),
        "unpriced_count": weight * bool(row["unpriced"]),
        "input_tokens": (row["input_tokens"] or 0) * weight,
        "output_tokens": (row["output_tokens"] or 0) * weight,
    }
