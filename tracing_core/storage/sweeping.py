"""Judge pieces of traces whose root has not come: as the ordinary trace that they most likely belong to.

A piece without its root is kept at first, whatever share is kept. When the root comes, the whole is judged (`joining.py`);
when none has come for an hour, the piece is judged here. One that comes after its root was left out goes at once, as long as
that is remembered (`verdicts.py`): for as long as a piece waits for its root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from tracing_core.given import OTLP
from tracing_core.model import TraceStatus
from tracing_core.projection import Row
from tracing_core.rollups import Key, Rollup, add_trace, coarser
from tracing_core.sampling import Sampler, chosen
from tracing_core.storage.database import Database
from tracing_core.storage.retention import File
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.stored_traces import span_rows
from tracing_core.storage.tables import span_payloads, trace_spans, traces
from tracing_core.storage.verdicts import forget_left_out

_TRACES_AT_A_TIME = 500
_LOOKED_BACK = timedelta(days=7)
"""What has been there for longer was judged before; the same comes out each time, but it would be asked ever more often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """Pieces that were removed, and those that stand for others from here on, each with its probability."""

    removed: tuple[File, ...]
    weighed: tuple[tuple[File, float], ...]


def sweep(database: Database, sampler: Sampler, before: datetime) -> Swept:
    """Judge the pieces without root of which nothing has come since `before`, and forget the verdicts of before.

    Nothing about them is remarkable: no flag, no rating, no error in any span, and no span that has not ended. Those kept
    stand for the others from here on, unless their sender sampled them, too: what these stand for is left as it is.

    Raises:
        StorageError: the database did not do all of it; another run goes on.
    """
    with database.write() as connection:
        forget_left_out(connection, before)
    removed: list[File] = []
    weighed: list[tuple[File, float]] = []
    after = ""
    while True:
        with database.write() as connection:
            rows = _next(connection, before, after)
            swept = _judge(connection, rows, sampler)
        removed += swept.removed
        weighed += swept.weighed
        if not rows:
            return Swept(removed=tuple(removed), weighed=tuple(weighed))
        after = max(rows)


def _next(connection: Connection, before: datetime, after: str) -> dict[str, Row]:
    given = {"otlp": OTLP, "incomplete": TraceStatus.INCOMPLETE, "after": after, "most": _TRACES_AT_A_TIME}
    window = {"before": before, "since": before - _LOOKED_BACK}
    ids = connection.execute(_ROOTLESS, given | window).scalars().all()
    found = connection.execute(select(traces).where(traces.c.trace_id.in_(ids))).mappings()
    return {row["trace_id"]: dict(row) for row in found}


_ROOTLESS = text("""
SELECT t.trace_id FROM traces AS t
WHERE t.status = :incomplete AND t.source = :otlp AND t.quality_flag = 'NORMAL' AND t.rating IS NULL AND NOT t.is_slow
    AND t.updated_at < :before AND t.updated_at > :since AND t.trace_id > :after
    AND NOT EXISTS (
        SELECT FROM trace_spans AS s WHERE s.trace_id = t.trace_id
        AND s.started_at BETWEEN t.started_at - interval '1 day' AND t.started_at + interval '1 day'
        AND (s.status = 'error' OR (s.parent_id IS NULL AND s.duration_ms IS NULL)))
ORDER BY t.trace_id LIMIT :most FOR UPDATE SKIP LOCKED
""")


def _judge(connection: Connection, rows: Mapping[str, Row], sampler: Sampler) -> Swept:
    shares = {trace_id: sampler(row | {"status": TraceStatus.COMPLETE}) for trace_id, row in rows.items()}
    out = {trace_id for trace_id, share in shares.items() if not chosen(trace_id, share)}
    alone = {trace_id for trace_id, row in rows.items() if row["sampling_probability"] == 1 and shares[trace_id] < 1}
    judged = {trace_id: rows[trace_id] for trace_id in sorted(out | alone)}
    if not judged:
        return Swept(removed=(), weighed=())
    spans = span_rows(connection, judged)
    minutes: dict[Key, Rollup] = {}
    for trace_id, row in judged.items():
        below = spans.get(trace_id, {}).values()
        add_trace(minutes, row, below, take_away=True)
        if trace_id in out:
            _remove(connection, trace_id, [span["started_at"] for span in below])
            continue
        add_trace(minutes, row | {"sampling_probability": shares[trace_id]}, below)
        connection.execute(_of(update(traces), traces, trace_id).values(sampling_probability=shares[trace_id]))
    add_rollups(connection, coarser(minutes))
    files = {trace_id: File(project=row["project"], trace_id=trace_id) for trace_id, row in judged.items()}
    return Swept(
        removed=tuple(files[trace_id] for trace_id in judged if trace_id in out),
        weighed=tuple((files[trace_id], shares[trace_id]) for trace_id in judged if trace_id not in out),
    )


def _remove(connection: Connection, trace_id: str, starts: list[datetime]) -> None:
    if starts:
        when = trace_spans.c.started_at.between(min(starts), max(starts))
        connection.execute(_of(delete(trace_spans), trace_spans, trace_id).where(when))
    for table in (span_payloads, traces):
        connection.execute(_of(delete(table), table, trace_id))


def _of(statement: Any, table: Any, trace_id: str) -> Any:
    return statement.where(table.c.trace_id == trace_id)
