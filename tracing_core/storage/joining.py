"""Join pieces to traces that are stored already: the same trace comes out as if all had come at once.

The row of a trace is locked while its spans are read, put together with the new ones and written; what changed in the
rollups is the difference between what the trace counted as before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, tuple_

from tracing_core.assembly import joined_with
from tracing_core.contents import as_read_back, pack, parts
from tracing_core.errors import DatabaseUnavailable
from tracing_core.given import as_spans, from_stored
from tracing_core.model import SpanData, TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Projection, Row
from tracing_core.rollups import Key, Rollup, add_trace, trace_keys, weight_of
from tracing_core.storage.copying import copy_rows
from tracing_core.storage.payloads import NEARBY, spans_in, stored_parts
from tracing_core.storage.tables import (
    DECISION_COLUMNS,
    SPAN_COLUMNS,
    TRACE_COLUMNS,
    decisions,
    feedback,
    span_payloads,
    trace_spans,
    traces,
)
from tracing_core.written import Written


class RemovedMeanwhile(DatabaseUnavailable):
    """A trace was removed while a piece of it was written; written again, it will be stored anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """A trace as it is in the database, its row locked."""

    row: Row
    span_rows: dict[str, Row]
    parts: dict[int, Row]
    rating_count: int
    rating_sum: int

    def spans(self) -> tuple[tuple[SpanData, ...], set[str]]:
        """Its spans, as they would be exported, and the ids of those that leave texts of theirs to the row."""
        kept = [span for span in spans_in(self.parts) if span.span_id in self.span_rows]
        whole = tuple([from_stored(span, self.row) for span in kept])
        return whole, {span.span_id for span, full in zip(kept, whole, strict=True) if span is not full}


def join(
    connection: Connection, pieces: Sequence[Prepared], preparation: Preparation, minutes: dict[Key, Rollup]
) -> dict[str, Written]:
    """Join `pieces`, one for each of their traces, to what is stored; what they change in the rollups goes to `minutes`.

    Raises:
        RemovedMeanwhile: one of the traces is gone; trying again will store it anew.
    """
    found = _lock(connection, [piece.data.trace_id for piece in pieces])
    return {
        piece.data.trace_id: _Joining(connection, preparation, minutes).of(found[piece.data.trace_id], piece)
        for piece in pieces
    }


class _Joining:
    """The joining of one trace."""

    def __init__(self, connection: Connection, preparation: Preparation, minutes: dict[Key, Rollup]) -> None:
        self._connection = connection
        self._preparation = preparation
        self._minutes = minutes

    def of(self, stored: _Stored, piece: Prepared) -> Written:
        """Write what `piece` adds to `stored`."""
        before, sparing = stored.spans()
        spans, changed = joined_with(before, as_read_back(as_spans(piece.data)))
        if not changed:
            return Written(outcome="again", file_path=stored.row["trace_file_path"])
        assembly = self._preparation.assemble(piece.data.trace_id, tuple(spans.values()))
        was_slow = stored.row["is_slow"] or piece.projection.trace["is_slow"]
        sampled = self._preparation.sampled(assembly, stored.row["rating"], was_slow)
        self._count(stored.row, stored.span_rows.values(), stored, take_away=True)
        if sampled is None:
            self._remove(stored)
            return Written(outcome="sampled_out", removed=stored.row)
        trace, projection = sampled
        again = {span.span_id for span in changed}
        # The row may say what another root says from now on, so these texts go to where they belong.
        spared = [spans[span_id] for span_id in sorted(sparing - again)]
        self._write_contents(stored, projection, (*changed, *spared))
        self._write_rows(stored, projection)
        self._count(projection.trace, projection.spans, stored, take_away=False)
        error = self._file(stored, trace, projection)
        new = sum(span.span_id not in stored.span_rows for span in changed)
        return Written(outcome="piece", new_spans=new, file_path=projection.trace["trace_file_path"], file_error=error)

    def _file(self, stored: _Stored, trace: TraceData, projection: Projection) -> str | None:
        error = self._preparation.write_file(trace)
        if error is not None:
            projection.trace["trace_file_path"] = None
        self._update_row(projection.trace)
        if self._preparation.files is not None and stored.row["project"] != trace.project:
            self._preparation.files.move(trace.trace_id, stored.row["project"], trace.project)
        return error

    def _count(self, row: Row, spans: Any, stored: _Stored, *, take_away: bool) -> None:
        add_trace(self._minutes, row, spans, take_away=take_away)
        ratings = Rollup(rating_count=stored.rating_count, rating_sum=stored.rating_sum)
        for key in trace_keys(row):
            self._minutes[key].add(ratings, -weight_of(row) if take_away else weight_of(row))

    def _write_contents(self, stored: _Stored, projection: Projection, changed: Sequence[SpanData]) -> None:
        """The contents that are new go into further parts; each row says in which its content is."""
        first = max(stored.parts, default=-1) + 1
        started_at = next(iter(stored.parts.values()))["started_at"] if stored.parts else stored.row["started_at"]
        trace_id = stored.row["trace_id"]
        portions = list(enumerate(parts(changed), start=first))
        rows = [
            {"trace_id": trace_id, "part": part, "started_at": started_at, "content": pack(some)}
            for part, some in portions
        ]
        with closing(self._connection.connection.cursor()) as cursor:
            copy_rows(cursor, span_payloads, "span_payloads", tuple(c.name for c in span_payloads.columns), rows)
        part_of = {span.span_id: part for part, some in portions for span in some}
        for row in projection.spans:
            row["part"] = part_of.get(row["span_id"], stored.span_rows.get(row["span_id"], row)["part"])

    def _write_rows(self, stored: _Stored, projection: Projection) -> None:
        before = stored.span_rows
        differing = [row for row in projection.spans if before.get(row["span_id"]) != row]
        keys = [
            (before[r["span_id"]]["span_id"], before[r["span_id"]]["started_at"])
            for r in differing
            if r["span_id"] in before
        ]
        trace_id = stored.row["trace_id"]
        if keys:
            same = tuple_(trace_spans.c.span_id, trace_spans.c.started_at).in_(keys)
            self._connection.execute(delete(trace_spans).where(trace_spans.c.trace_id == trace_id, same))
        self._connection.execute(delete(decisions).where(decisions.c.trace_id == trace_id))
        with closing(self._connection.connection.cursor()) as cursor:
            copy_rows(cursor, trace_spans, "trace_spans", SPAN_COLUMNS, differing)
            copy_rows(cursor, decisions, "decisions", DECISION_COLUMNS, projection.decisions)

    def _update_row(self, row: Row) -> None:
        self._connection.execute(_STAGING)
        with closing(self._connection.connection.cursor()) as cursor:
            copy_rows(cursor, traces, "staging_changed", TRACE_COLUMNS, [row])
        self._connection.execute(_UPDATE)

    def _remove(self, stored: _Stored) -> None:
        trace_id = stored.row["trace_id"]
        for table in (trace_spans, span_payloads, traces):
            self._connection.execute(delete(table).where(table.c.trace_id == trace_id))
        if self._preparation.files is not None:
            self._preparation.files.remove(stored.row["project"], trace_id)


_STAGING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging_changed (LIKE traces INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_SET = ", ".join(f"{name} = s.{name}" for name in TRACE_COLUMNS if name != "trace_id")
_UPDATE = text(
    f"WITH s AS (DELETE FROM staging_changed RETURNING *) "  # noqa: S608 - our own column names
    f"UPDATE traces AS t SET {_SET}, updated_at = now() FROM s WHERE t.trace_id = s.trace_id"
)


def _lock(connection: Connection, ids: Sequence[str]) -> dict[str, _Stored]:
    statement = select(traces).where(traces.c.trace_id.in_(ids)).order_by(traces.c.trace_id).with_for_update()
    rows = {row["trace_id"]: dict(row) for row in connection.execute(statement).mappings()}
    if len(rows) < len(ids):
        raise RemovedMeanwhile
    parts = stored_parts(connection, [(trace_id, row["started_at"]) for trace_id, row in rows.items()])
    spans = span_rows(connection, rows)
    ratings = ratings_of(connection, rows)
    return {
        trace_id: _Stored(
            row=row,
            span_rows=spans.get(trace_id, {}),
            parts=parts.get(trace_id, {}),
            rating_count=ratings.get(trace_id, (0, 0))[0],
            rating_sum=ratings.get(trace_id, (0, 0))[1],
        )
        for trace_id, row in rows.items()
    }


def span_rows(connection: Connection, rows: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
    """The rows of the spans of some traces, given by their rows: by trace and span id."""
    starts = [row["started_at"] for row in rows.values()]
    ends = [row["completed_at"] or row["started_at"] for row in rows.values()]
    near = trace_spans.c.started_at.between(min(starts) - NEARBY, max(starts + ends) + NEARBY)
    found = _spans_of(connection, rows, near)
    short = {trace_id: row for trace_id, row in rows.items() if len(found.get(trace_id, ())) < row["span_count"]}
    return found | _spans_of(connection, short, None) if short else found


def _spans_of(connection: Connection, rows: Mapping[str, Row], near: Any) -> dict[str, dict[str, Row]]:
    statement = select(*(trace_spans.c[name] for name in SPAN_COLUMNS)).where(trace_spans.c.trace_id.in_(list(rows)))
    if near is not None:
        statement = statement.where(near)
    found: dict[str, dict[str, Row]] = {}
    for row in connection.execute(statement).mappings():
        found.setdefault(row["trace_id"], {})[row["span_id"]] = dict(row)
    return found


def ratings_of(connection: Connection, rows: Mapping[str, Row]) -> dict[str, tuple[int, int]]:
    """How many ratings some traces have, and their sum, by trace id; without those that have none."""
    statement = select(feedback.c.trace_id, func.count(), func.sum(feedback.c.rating))
    statement = statement.where(feedback.c.trace_id.in_(list(rows))).group_by(feedback.c.trace_id)
    return {trace_id: (count, int(total)) for trace_id, count, total in connection.execute(statement)}
