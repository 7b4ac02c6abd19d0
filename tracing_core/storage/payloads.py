"""The rows of `span_payloads`, and the spans that are in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, LargeBinary, func, select, tuple_

from tracing_core.contents import unpack
from tracing_core.model import SpanData
from tracing_core.projection import Row
from tracing_core.storage.tables import span_payloads

NEARBY = timedelta(days=1)
"""Contents are looked for this near to their trace first: it spares looking through every day there is."""

_CHUNK = 1996
"""PostgreSQL keeps a long value in pieces of so many bytes, four of which fill a page."""

_END = func.coalesce(span_payloads.c.rest, b"", type_=LargeBinary)
_WHOLE = span_payloads.c.content.op("||", return_type=LargeBinary())(_END).label("content")
_COLUMNS = (span_payloads.c.trace_id, span_payloads.c.part, span_payloads.c.started_at, _WHOLE)


def payload_row(trace_id: str, part: int, started_at: datetime, content: bytes) -> Row:
    """The row of one part. What would not fill a piece stays in the row, or it would leave a part of each page empty."""
    filled = len(content) // _CHUNK * _CHUNK
    key = {"trace_id": trace_id, "part": part, "started_at": started_at}
    return key | {"content": content[:filled], "rest": content[filled:]}


def stored_parts(connection: Connection, traces: Iterable[tuple[str, datetime]]) -> dict[str, dict[int, Row]]:
    """The parts of some traces, given as id and start: by trace id and number of the part, each with its row."""
    wanted = dict(traces)
    if not wanted:
        return {}
    low, high = min(wanted.values()) - NEARBY, max(wanted.values()) + NEARBY
    near = span_payloads.c.started_at.between(low, high)
    found = _read(connection, wanted, near)
    missing = [trace_id for trace_id in wanted if trace_id not in found]
    return found | _read(connection, missing, None) if missing else found


def parts_after(connection: Connection, trace_id: str, started_at: datetime, part: int) -> dict[int, Row]:
    """The parts of a trace after `part`, by their number; `started_at` is what all its parts have."""
    statement = select(*_COLUMNS).where(
        span_payloads.c.trace_id == trace_id, span_payloads.c.part > part, span_payloads.c.started_at == started_at
    )
    return {row["part"]: dict(row) for row in connection.execute(statement.order_by(span_payloads.c.part)).mappings()}


def content_of(connection: Connection, trace_id: str, started_at: datetime, part: int) -> bytes | None:
    """One part of a trace that started then; None when it is not there."""
    statement = select(_WHOLE).where(span_payloads.c.trace_id == trace_id, span_payloads.c.part == part)
    near = span_payloads.c.started_at.between(started_at - NEARBY, started_at + NEARBY)
    found = connection.scalar(statement.where(near)) or connection.scalar(statement)
    return None if found is None else bytes(found)


def _read(connection: Connection, ids: Iterable[str], near: object) -> dict[str, dict[int, Row]]:
    statement = select(*_COLUMNS).where(span_payloads.c.trace_id.in_(list(ids)))
    if near is not None:
        statement = statement.where(near)  # type: ignore[arg-type]
    found: dict[str, dict[int, Row]] = {}
    for row in connection.execute(
        statement.order_by(tuple_(span_payloads.c.trace_id, span_payloads.c.part))
    ).mappings():
        found.setdefault(row["trace_id"], {})[row["part"]] = dict(row)
    return found


def spans_in(rows: dict[int, Row]) -> tuple[SpanData, ...]:
    """The spans of a trace from its parts; where a span is in two, the later part has what counts."""
    spans = {span.span_id: span for number in sorted(rows) for span in unpack(rows[number]["content"])}
    return tuple(spans.values())
