"""Write a batch of traces in one transaction: COPY into a staging table, what is new from there into the real ones.

What belongs to a trace that is already there is joined to it (`joining.py`), so pieces may come in any order and again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, column, select, table, text, update
from sqlalchemy.dialects.postgresql import insert
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tracing_core.assembly import merge
from tracing_core.errors import Conflict
from tracing_core.given import OTLP
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceStatus
from tracing_core.preparing import Preparation, Prepared
from tracing_core.rollups import Key, Rollup, add_trace, coarser
from tracing_core.sampling import keep_all
from tracing_core.storage.copying import copy_rows
from tracing_core.storage.copying_contents import copy_contents
from tracing_core.storage.database import Database
from tracing_core.storage.join_memory import JoinMemory, Remembered
from tracing_core.storage.joining import join
from tracing_core.storage.ledger_write import add_to_ledger
from tracing_core.storage.migrate import upgrade
from tracing_core.storage.partitions import ensure_partitions, plausible
from tracing_core.storage.payloads import payload_row
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.tables import (
    DECISION_COLUMNS,
    SPAN_COLUMNS,
    TRACE_COLUMNS,
    decisions,
    trace_spans,
    traces,
)
from tracing_core.storage.verdicts import left_out_before, note_left_out
from tracing_core.storage.waiting_feedback import count_waiting_for, lowest_waiting
from tracing_core.written import Written

_STAGING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging_traces (LIKE traces INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_staging_traces = table("staging_traces", *(column(name) for name in TRACE_COLUMNS))
_until_nobody_is_in_the_way = Retrying(
    retry=retry_if_exception_type(Conflict),
    stop=stop_after_attempt(6),
    wait=wait_random_exponential(multiplier=0.01, max=0.2),
    reraise=True,
)
"""Begins a batch again at once that another transaction was in the way of; those that wait behind it need not go to the disk."""


class TraceTable:
    """Writes traces into a database. Not to be shared between threads.

    Args:
        database: where to.
        preparation: makes the rows of traces that pieces are joined to, and the files.
        has_partition: whether a day (UTC) gets a partition of its own.
        reason: which the ledger has for traces that were not there before; empty for what just came in.
        memory: of traces that pieces were joined to, shared by all who write in this process.
    """

    def __init__(
        self,
        database: Database,
        preparation: Preparation,
        has_partition: Callable[[date], bool] = plausible,
        *,
        reason: str = "",
        memory: JoinMemory | None = None,
    ) -> None:
        self._reason = reason
        self._memory = memory or JoinMemory()
        self._database = database
        self._preparation = preparation
        self._has_partition = has_partition
        self._days_with_partition: set[date] = set()
        self._migrated = False

    def write(self, batch: Sequence[Prepared], ledger: Ledger) -> dict[str, Written]:
        """Write `batch`, and add `ledger` and what this batch adds to it.

        Returns:
            What became of each, by trace id.

        Raises:
            DatabaseUnavailable: nothing was written; trying again may help.
            DataRejected: nothing was written; one of the traces cannot be stored.
        """
        once = self._once(batch)
        self.make_room({_day(span["started_at"]) for p in once.values() if p.kept for span in p.projection.spans})
        return _until_nobody_is_in_the_way(self._write, once, ledger)

    def rated_before(self, ids: Collection[str]) -> dict[str, int]:
        """The lowest rating of those traces that somebody rated before they came.

        Raises:
            StorageError: the database did not answer.
        """
        with self._database.read() as connection:
            return lowest_waiting(connection, ids)

    def _write(self, once: Mapping[str, Prepared], ledger: Ledger) -> dict[str, Written]:
        remembered: dict[str, Remembered] = {}
        with self._database.write(limited="in all") as connection:
            once = self._with_ratings(connection, once)
            kept = [p for p in once.values() if p.kept]
            late = left_out_before(connection, self._rootless(kept))
            new = self._insert(connection, [p for p in kept if p.data.trace_id not in late])
            minutes: dict[Key, Rollup] = {}
            for prepared in new:
                add_trace(minutes, prepared.projection.trace, prepared.projection.spans)
            errors = self._preparation.each(self._preparation.write_new_file, new)
            fates = {p.data.trace_id: _filed(connection, p, error) for p, error in zip(new, errors, strict=True)}
            fates |= _left_out(connection, [trace_id for trace_id, p in once.items() if not p.kept or trace_id in late])
            known = [p for trace_id, p in once.items() if trace_id not in fates]
            if known:
                joined = join(connection, known, self._preparation, minutes, self._memory)
                fates |= joined.fates
                remembered = joined.traces
            self._count_ratings(
                connection, [key for key, fate in fates.items() if fate.outcome != "sampled_out"], minutes
            )
            note_left_out(connection, [key for key, fate in fates.items() if fate.outcome == "sampled_out"])
            add_rollups(connection, coarser(minutes))
            add_to_ledger(connection, _with_batch(ledger, once.values(), fates, self._reason))
        for trace_id, trace in remembered.items():
            self._memory.keep(trace_id, trace)
        return fates

    def _with_ratings(self, connection: Connection, once: Mapping[str, Prepared]) -> Mapping[str, Prepared]:
        """`once`, those judged anew that sampling would leave out and somebody rated before they came."""
        rated = lowest_waiting(connection, [trace_id for trace_id, p in once.items() if not p.kept])
        return dict(once) | {
            trace_id: self._preparation.ready(p.data, pieces=p.pieces, received=p.received, rating=rating)
            for trace_id, rating in rated.items()
            for p in (once[trace_id],)
        }

    def _count_ratings(self, connection: Connection, ids: Sequence[str], minutes: dict[Key, Rollup]) -> None:
        """Let ratings count that came before their traces. A rebuild lets them wait until it has read the files of ratings."""
        if self._preparation.judging:
            rules = self._preparation.projector.rules
            count_waiting_for(connection, ids, rules, minutes, self._preparation.write_ratings)

    def _rootless(self, batch: Sequence[Prepared]) -> list[str]:
        """The ids of pieces that are kept only because their root is not there, which may have been judged already."""
        if not self._preparation.judging or self._preparation.sampler is keep_all:
            return []
        rows = [prepared.projection.trace for prepared in batch]
        return [row["trace_id"] for row in rows if row["source"] == OTLP and row["status"] == TraceStatus.INCOMPLETE]

    def make_room(self, days: set[date]) -> None:
        """The schema, and a partition for each of `days` (UTC); both in transactions of their own, once per process."""
        if not self._migrated:
            upgrade(self._database)
            self._migrated = True
        days = set(filter(self._has_partition, days))
        if not days <= self._days_with_partition:
            ensure_partitions(self._database, days - self._days_with_partition)
            self._days_with_partition |= days

    def _once(self, batch: Sequence[Prepared]) -> dict[str, Prepared]:
        """One for each trace; pieces of one trace within the batch are put together."""
        once: dict[str, Prepared] = {}
        for prepared in batch:
            trace_id = prepared.data.trace_id
            before = once.get(trace_id)
            if before is None:
                once[trace_id] = prepared
                continue
            whole = merge(before.data, prepared.data, self._preparation.project)
            pieces, received = before.pieces + prepared.pieces, before.received + prepared.received
            was_slow = before.projection.trace["is_slow"] or prepared.projection.trace["is_slow"]
            once[trace_id] = self._preparation.ready(whole, pieces=pieces, received=received, was_slow=was_slow)
        return once

    def _insert(self, connection: Connection, batch: Sequence[Prepared]) -> list[Prepared]:
        if not batch:
            return []
        connection.execute(_STAGING)
        with closing(connection.connection.cursor()) as cursor:
            copy_rows(cursor, traces, "staging_traces", TRACE_COLUMNS, [p.projection.trace for p in batch])
            ids = frozenset(connection.execute(_INSERT_NEW).scalars())
            new = [p for p in batch if p.data.trace_id in ids]
            spans = [row for p in new for row in p.projection.spans]
            copy_rows(cursor, trace_spans, "trace_spans", SPAN_COLUMNS, spans)
            contents = [
                payload_row(p.data.trace_id, part, p.data.started_at, content)
                for p in new
                for part, content in enumerate(p.contents)
            ]
            copy_contents(cursor, contents)
            copy_rows(
                cursor, decisions, "decisions", DECISION_COLUMNS, [row for p in new for row in p.projection.decisions]
            )
        return new


def _filed(connection: Connection, prepared: Prepared, error: str | None) -> Written:
    path = prepared.projection.trace["trace_file_path"]
    if error is not None:
        path = None
        connection.execute(
            update(traces).where(traces.c.trace_id == prepared.data.trace_id).values(trace_file_path=None)
        )
    return Written(outcome="new", new_spans=len(prepared.data.spans), file_path=path, file_error=error)


_INSERT_NEW = (
    insert(traces)
    .from_select(TRACE_COLUMNS, select(_staging_traces).order_by("trace_id"))  # so that no two writers wait in a ring
    .on_conflict_do_nothing()
    .returning(traces.c.trace_id)
)


def _day(moment: datetime) -> date:
    return moment.date() if moment.tzinfo is UTC else moment.astimezone(UTC).date()


def _left_out(connection: Connection, ids: Sequence[str]) -> dict[str, Written]:
    """Those of which nothing is stored. What is stored of the others is judged together with what came now."""
    if not ids:
        return {}
    there = set(connection.execute(select(traces.c.trace_id).where(traces.c.trace_id.in_(ids))).scalars())
    return {trace_id: Written(outcome="sampled_out") for trace_id in ids if trace_id not in there}


def _with_batch(ledger: Ledger, batch: Iterable[Prepared], fates: dict[str, Written], reason: str) -> Ledger:
    """`ledger` and the lines of this batch."""
    lines = Ledger(ledger)
    for prepared in batch:
        trace, fate = prepared.projection.trace, fates[prepared.data.trace_id]
        day, source = trace["started_at"].date(), trace["source"]
        if fate.outcome == "sampled_out":
            lines.note(day, source, Outcome.SAMPLED_OUT, "", prepared.pieces, prepared.received)
            if fate.removed is not None:
                _take_back(lines, fate.removed)
            continue
        first = reason if fate.outcome == "new" else "piece" if fate.outcome == "piece" else "again"
        repeated = prepared.received - fate.new_spans
        lines.note(day, source, Outcome.STORED, first, 1, fate.new_spans)
        lines.note(day, source, Outcome.STORED, "again" if first == "again" else "piece", prepared.pieces - 1)
        lines.note(day, source, Outcome.STORED, "again", 0, repeated)
    return lines


def _take_back(lines: Ledger, row: Mapping[str, Any]) -> None:
    """What was stored of a trace until it was sampled out is not stored any more, though it was received once."""
    day, source = row["started_at"].astimezone(UTC).date(), row["source"]
    lines.note(day, source, Outcome.STORED, "", -1, -row["span_count"])
    lines.note(day, source, Outcome.SAMPLED_OUT, "", 1, row["span_count"])
