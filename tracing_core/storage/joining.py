"""Join pieces to traces that are stored already: the same trace comes out as if all had come at once.

The row of a trace is locked while the new spans are put together with its own; only what differs is written, and what
changed in the rollups is the difference between what the trace counted as before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, text, tuple_

from tracing_core.assembly import Assembly, joined_with
from tracing_core.contents import as_read_back, encode, pack, parts, plain_size
from tracing_core.given import as_spans
from tracing_core.model import SpanData, TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Projection, Row
from tracing_core.rollups import Key, Rollup, add_trace, trace_keys, weight_of
from tracing_core.storage.copying import copy_rows
from tracing_core.storage.copying_contents import copy_contents
from tracing_core.storage.join_memory import JoinMemory, Remembered
from tracing_core.storage.payloads import payload_row
from tracing_core.storage.stored_traces import VERSION, StoredTrace, lock
from tracing_core.storage.tables import (
    DECISION_COLUMNS,
    SPAN_COLUMNS,
    TRACE_COLUMNS,
    decisions,
    span_payloads,
    trace_spans,
    traces,
)
from tracing_core.written import Written

_SPANS_IN_A_SMALL_FILE = 500
_GROWTH = 1.5
"""By how much a larger trace grows before its file is written whole again; until then pieces lie beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """What became of the pieces, by trace id, and what may be remembered of the traces once it is committed."""

    fates: dict[str, Written]
    traces: dict[str, Remembered]


def join(
    connection: Connection,
    pieces: Sequence[Prepared],
    preparation: Preparation,
    minutes: dict[Key, Rollup],
    memory: JoinMemory,
) -> Joined:
    """Join `pieces`, one for each of their traces, to what is stored; what they change in the rollups goes to `minutes`.

    Raises:
        RemovedMeanwhile: one of the traces is gone; trying again will store it anew.
    """
    joined = Joined(fates={}, traces={})
    found = lock(connection, [piece.data.trace_id for piece in pieces], memory)
    changed = []
    for piece in pieces:
        trace_id = piece.data.trace_id
        joining = _Joining(connection, preparation, minutes, found.pop(trace_id))
        fate = joining.of(piece)
        if isinstance(fate, _Changed):
            changed.append((joining, fate))
            continue
        joined.fates[trace_id], remembered = fate
        if remembered is not None:
            joined.traces[trace_id] = remembered
    errors = preparation.each(lambda each: each[0].write_file(each[1]), changed)
    for (joining, to), error in zip(changed, errors, strict=True):
        trace_id = to.assembly.trace.trace_id
        joined.fates[trace_id], joined.traces[trace_id] = joining.finish(to, error)
    return joined


@dataclass(frozen=True, kw_only=True, slots=True)
class _Changed:
    """What a trace has become, its row and its file apart.

    Args:
        trace, projection, assembly, spans: it, its rows, and what these were made of.
        changed: the spans that are new or others than before.
        last_part: of its contents.
        size: of these, in bytes.
        whole: whether all of its file is written, not only a piece beside it.
    """

    trace: TraceData
    projection: Projection
    assembly: Assembly
    spans: Mapping[str, SpanData]
    changed: Sequence[SpanData]
    last_part: int
    size: int
    whole: bool


class _Joining:
    """The joining of one trace."""

    def __init__(
        self, connection: Connection, preparation: Preparation, minutes: dict[Key, Rollup], stored: StoredTrace
    ) -> None:
        self._connection = connection
        self._preparation = preparation
        self._minutes = minutes
        self._stored = stored
        self._trace_id: str = stored.row["trace_id"]

    def of(self, piece: Prepared) -> tuple[Written, Remembered | None] | _Changed:
        """Write what `piece` adds, but for the file and the row, which says whether there is one."""
        stored, row = self._stored, self._stored.row
        spans, changed = joined_with(stored.spans, as_read_back(as_spans(piece.data)))
        if not changed:
            return Written(outcome="again", file_path=row["trace_file_path"]), _as_it_was(stored)
        again = {span.span_id for span in changed}
        facts = {span_id: said for span_id, said in stored.facts.items() if span_id not in again}
        assembly = self._preparation.assemble(self._trace_id, tuple(spans.values()), facts)
        was_slow = row["is_slow"] or piece.projection.trace["is_slow"]
        sampled = self._preparation.sampled(assembly, row["rating"], was_slow, row["sampling_probability"])
        if sampled is None:
            self._count(row, stored.span_rows.values(), take_away=True)
            self._remove()
            return Written(outcome="sampled_out", removed=row), None
        trace, projection = sampled
        # The row may say what another root says from now on, so these texts go to where they belong.
        spared = [spans[span_id] for span_id in sorted(stored.sparing - again)]
        last_part, size = self._write_contents(projection, (*changed, *spared))
        self._write_rows(projection)
        return _Changed(
            trace=trace,
            projection=projection,
            assembly=assembly,
            spans=spans,
            changed=changed,
            last_part=last_part,
            size=size,
            whole=self._whole_file_is_due(projection.trace),
        )

    def write_file(self, to: _Changed) -> str | None:
        """Write the file, or the piece beside it; gives what went wrong. Touches nothing but files."""
        before, trace = self._stored.row["project"], to.trace
        if to.whole and self._stored.row["trace_file_path"] is None:
            error = self._preparation.write_over_file(trace)
        elif to.whole:
            error = self._preparation.write_file(trace, alone=len(trace.spans) < _SPANS_IN_A_SMALL_FILE)
        else:
            error = self._preparation.write_beside_file(trace, to.changed)
        if self._preparation.files is not None and before != trace.project:
            self._preparation.files.move(trace.trace_id, before, trace.project)
        return error

    def finish(self, to: _Changed, file_error: str | None) -> tuple[Written, Remembered]:
        """Write the row, when what became of the file is known."""
        stored, row = self._stored, to.projection.trace
        in_file = len(to.trace.spans) if to.whole else stored.in_file
        if file_error is not None:
            row["trace_file_path"], in_file = None, 0
        version = self._update_row(row)
        remembered = _remembered(stored, version, to, in_file)
        new = sum(span.span_id not in stored.span_rows for span in to.changed)
        fate = Written(outcome="piece", new_spans=new, file_path=row["trace_file_path"], file_error=file_error)
        return fate, remembered

    def _whole_file_is_due(self, row: Row) -> bool:
        """When the trace is small, has grown enough, or is another than its file says."""
        before, count = self._stored.row, row["span_count"]
        if count < _SPANS_IN_A_SMALL_FILE or count > self._stored.in_file * _GROWTH:
            return True
        return any(before[name] != row[name] for name in _ON_FILE)

    def _count_change(self, projection: Projection, differing: Sequence[Row]) -> None:
        """Of spans only those that differ are counted anew, unless all of them count elsewhere or for more from now on."""
        before, after = self._stored.row, projection.trace
        rows: Sequence[Row] = differing
        old = [row for new in differing if (row := self._stored.span_rows.get(new["span_id"])) is not None]
        if weight_of(before) != weight_of(after) or next(trace_keys(before)) != next(trace_keys(after)):
            rows, old = projection.spans, list(self._stored.span_rows.values())
        self._count(before, old, take_away=True)
        self._count(after, rows, take_away=False)

    def _count(self, row: Row, spans: Any, *, take_away: bool) -> None:
        add_trace(self._minutes, row, spans, take_away=take_away)
        ratings = Rollup(rating_count=self._stored.rating_count, rating_sum=self._stored.rating_sum)
        for key in trace_keys(row):
            self._minutes[key].add(ratings, -weight_of(row) if take_away else weight_of(row))

    def _write_contents(self, projection: Projection, changed: Sequence[SpanData]) -> tuple[int, int]:
        """New contents go into further parts; each row says in which its content is. Gives the last part, and the bytes of all."""
        stored = self._stored
        portions = list(enumerate(parts(changed), start=stored.last_part + 1))
        packed = {part: pack(encode(some)) for part, some in portions}
        at = stored.parts_started_at
        with closing(self._connection.connection.cursor()) as cursor:
            copy_contents(cursor, [payload_row(self._trace_id, part, at, content) for part, content in packed.items()])
        part_of = {span.span_id: part for part, some in portions for span in some}
        for row in projection.spans:
            row["part"] = part_of.get(row["span_id"], stored.span_rows.get(row["span_id"], row)["part"])
        return portions[-1][0], stored.size + sum(map(plain_size, packed.values()))

    def _write_rows(self, projection: Projection) -> None:
        before = self._stored.span_rows
        differing = [row for row in projection.spans if before.get(row["span_id"]) != row]
        self._count_change(projection, differing)
        keys = [(row["span_id"], before[row["span_id"]]["started_at"]) for row in differing if row["span_id"] in before]
        if keys:
            same = tuple_(trace_spans.c.span_id, trace_spans.c.started_at).in_(keys)
            self._connection.execute(delete(trace_spans).where(trace_spans.c.trace_id == self._trace_id, same))
        self._copy(trace_spans, SPAN_COLUMNS, differing)
        self._write_decisions(projection.decisions)

    def _write_decisions(self, rows: Sequence[Row]) -> None:
        known = self._stored.decisions
        of_trace = decisions.c.trace_id == self._trace_id
        if known is None:
            self._connection.execute(delete(decisions).where(of_trace))
            self._copy(decisions, DECISION_COLUMNS, rows)
            return
        differing = [row for at, row in enumerate(rows) if at >= len(known) or known[at] != row]
        gone = {row["position"] for row in differing if row["position"] < len(known)} | set(
            range(len(rows), len(known))
        )
        if gone:
            self._connection.execute(delete(decisions).where(of_trace, decisions.c.position.in_(gone)))
        self._copy(decisions, DECISION_COLUMNS, differing)

    def _update_row(self, row: Row) -> str:
        """Write the row of the trace; gives its version."""
        self._connection.execute(_STAGING)
        with closing(self._connection.connection.cursor()) as cursor:
            copy_rows(cursor, traces, "staging_changed", TRACE_COLUMNS, [row])
        return str(self._connection.execute(_UPDATE).scalar_one())

    def _copy(self, table: Any, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            with closing(self._connection.connection.cursor()) as cursor:
                copy_rows(cursor, table, table.name, columns, rows)

    def _remove(self) -> None:
        for table in (trace_spans, span_payloads, traces):
            self._connection.execute(delete(table).where(table.c.trace_id == self._trace_id))
        if self._preparation.files is not None:
            self._preparation.files.remove(self._stored.row["project"], self._trace_id)


_ON_FILE = ("project", "status", "is_slow", "sampling_probability", "trace_file_path")
"""What a file says, or what says where it is, that no piece beside it can change."""
_STAGING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging_changed (LIKE traces INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_SET = ", ".join(f"{name} = s.{name}" for name in TRACE_COLUMNS if name != "trace_id")
_UPDATE = text(
    f"WITH s AS (DELETE FROM staging_changed RETURNING *) "  # noqa: S608 - our own column names
    f"UPDATE traces AS t SET {_SET}, updated_at = now() FROM s WHERE t.trace_id = s.trace_id RETURNING t.xmin::text"
)


def _remembered(stored: StoredTrace, version: str, to: _Changed, in_file: int) -> Remembered:
    facts = zip(to.assembly.trace.spans, to.assembly.facts, strict=True)
    return Remembered(
        created_at=stored.row["created_at"],
        version=version,
        spans=to.spans,
        facts={span.span_id: said for span, said in facts},
        span_rows={row["span_id"]: row for row in to.projection.spans},
        decisions=to.projection.decisions,
        last_part=to.last_part,
        parts_started_at=stored.parts_started_at,
        size=to.size,
        in_file=in_file,
    )


def _as_it_was(stored: StoredTrace) -> Remembered | None:
    if stored.sparing:
        return None
    return Remembered(
        created_at=stored.row["created_at"],
        version=stored.row[VERSION],
        spans=stored.spans,
        facts=stored.facts,
        span_rows=stored.span_rows,
        decisions=stored.decisions,
        last_part=stored.last_part,
        parts_started_at=stored.parts_started_at,
        size=stored.size,
        in_file=stored.in_file,
    )
