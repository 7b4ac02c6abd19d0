"""Traces as they are in the database, their rows locked: read whole, or only what is not remembered of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, func, literal_column, select

from tracing_core.contents import plain_size
from tracing_core.errors import Conflict
from tracing_core.given import from_stored
from tracing_core.model import SpanData
from tracing_core.normal_form import SpanFacts
from tracing_core.projection import Row
from tracing_core.storage.join_memory import JoinMemory, Remembered
from tracing_core.storage.payloads import NEARBY, parts_after, spans_in, stored_parts
from tracing_core.storage.tables import SPAN_COLUMNS, feedback, trace_spans, traces


class RemovedMeanwhile(Conflict):
    """A trace was removed while a piece of it was written; written again, it will be stored anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredTrace:
    """A trace as it is in the database.

    Args:
        row: of `traces`.
        spans: all of them, as they would be exported.
        facts: what is known of what they say.
        sparing: the ids of those that leave texts of theirs to the row.
        span_rows: of `trace_spans`.
        decisions: their rows; None when they were not read.
        last_part: the highest in `span_payloads`; -1 for none.
        parts_started_at: what the parts have as their time.
        size: bytes of the contents.
        in_file: spans that its file is known to hold in one piece.
        rating_count, rating_sum: what people said.
    """

    row: Row
    spans: Mapping[str, SpanData]
    facts: Mapping[str, SpanFacts]
    sparing: frozenset[str]
    span_rows: Mapping[str, Row]
    decisions: tuple[Row, ...] | None
    last_part: int
    parts_started_at: datetime
    size: int
    in_file: int
    rating_count: int
    rating_sum: int


VERSION = "version"
"""What the column is called that changes with each update of a row."""
_version = cast(literal_column("traces.xmin"), Text).label(VERSION)


def lock(connection: Connection, ids: Sequence[str], memory: JoinMemory) -> dict[str, StoredTrace]:
    """Lock the rows of some traces and read the rest of them.

    Raises:
        RemovedMeanwhile: one of them is gone.
    """
    statement = select(traces, _version).where(traces.c.trace_id.in_(ids)).order_by(traces.c.trace_id)
    rows = {row["trace_id"]: dict(row) for row in connection.execute(statement.with_for_update()).mappings()}
    if len(rows) < len(ids):
        raise RemovedMeanwhile
    remembered = {trace_id: found for trace_id in ids if (found := _known(memory, rows[trace_id])) is not None}
    unchanged = {trace_id for trace_id, known in remembered.items() if known.version == rows[trace_id][VERSION]}
    changed = {trace_id: row for trace_id, row in rows.items() if trace_id not in unchanged}
    starts = [(trace_id, row["started_at"]) for trace_id, row in changed.items()]
    whole = stored_parts(connection, [each for each in starts if each[0] not in remembered])
    since = {
        trace_id: parts_after(
            connection, trace_id, remembered[trace_id].parts_started_at, remembered[trace_id].last_part
        )
        for trace_id in changed
        if trace_id in remembered
    }
    below = span_rows(connection, changed) if changed else {}
    ratings = ratings_of(connection, rows)
    return {
        trace_id: _stored(
            row,
            remembered.get(trace_id),
            None if trace_id in unchanged else (whole | since).get(trace_id, {}),
            below.get(trace_id, {}),
            ratings.get(trace_id, (0, 0)),
        )
        for trace_id, row in rows.items()
    }


def _known(memory: JoinMemory, row: Row) -> Remembered | None:
    found = memory.take(row["trace_id"])
    return found if found is not None and found.created_at == row["created_at"] else None


def _stored(
    row: Row, known: Remembered | None, parts: dict[int, Row] | None, below: dict[str, Row], ratings: tuple[int, int]
) -> StoredTrace:
    """Put together what is remembered and what was read; nothing of it was read when it has not changed."""
    spans = dict(known.spans) if known is not None else {}
    sparing: set[str] = set()
    for span in spans_in(parts or {}):
        if span.span_id in below:
            whole = from_stored(span, row)
            spans[span.span_id] = whole
            sparing.add(span.span_id) if whole is not span else sparing.discard(span.span_id)
    current = known is not None and parts is None
    facts = {} if known is None else {key: said for key, said in known.facts.items() if spans[key] is known.spans[key]}
    return StoredTrace(
        row=row,
        spans=spans,
        facts=facts,
        sparing=frozenset(sparing),
        span_rows=known.span_rows if known is not None and current else below,
        decisions=known.decisions if known is not None and current else None,
        last_part=max(parts or {}, default=-1 if known is None else known.last_part),
        parts_started_at=known.parts_started_at if known is not None else _started_at(row, parts or {}),
        size=(0 if known is None else known.size) + sum(plain_size(part["content"]) for part in (parts or {}).values()),
        in_file=0 if known is None else known.in_file,
        rating_count=ratings[0],
        rating_sum=ratings[1],
    )


def _started_at(row: Row, parts: dict[int, Row]) -> datetime:
    """Of the parts, which keep theirs when that of the trace moves: together they are found at once."""
    found: datetime = next(iter(parts.values()), row)["started_at"]
    return found


def span_rows(connection: Connection, rows: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
    """The rows of the spans of some traces, given by their rows: by trace and span id."""
    starts = [row["started_at"] for row in rows.values()]
    ends = [row["completed_at"] or row["started_at"] for row in rows.values()]
    near = trace_spans.c.started_at.between(min(starts) - NEARBY, max(starts + ends) + NEARBY)
    found = _spans_of(connection, rows, near)
    short = {trace_id: row for trace_id, row in rows.items() if len(found.get(trace_id, ())) < row["span_count"]}
    return found | _spans_of(connection, short, None) if short else found


def _spans_of(connection: Connection, rows: Iterable[str], near: Any) -> dict[str, dict[str, Row]]:
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
