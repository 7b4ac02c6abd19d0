"""What the spans and the contents of the traces drawn say: self times, the critical path, errors, models, documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from tracing_core.critical_path import TimedSpan, critical_ms, critical_path, self_times
from tracing_core.explain.carriers import StageTimes
from tracing_core.explain.facts import ANY_ERROR, CONTENTS, SPANS, Facts, Mask
from tracing_core.model import SpanData, SpanStatus
from tracing_core.query.explain_rows import span_statement
from tracing_core.retrieved import evidence_of, kept_by
from tracing_core.rollups import operation_name
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

MOST_SPANS = 15_000
"""Spans that are read in all."""
MOST_IN_ONE = 1_000
"""Spans of a trace from which on its tree is not looked into."""
_MOST_DOCUMENTS = 20
_AT_A_TIME = 200
_LONGEST = 80


def readable(connection: Connection, ids: Sequence[str], order: Sequence[int]) -> list[int]:
    """The rows of which the spans may be read: in this order, as many as are not too many in all."""
    counted = select(traces.c.trace_id, traces.c.span_count).where(traces.c.trace_id.in_(list(ids)))
    counts = {trace_id: count for trace_id, count in connection.execute(counted)}  # noqa: C416
    found, total = [], 0
    for row in order:
        count = counts.get(ids[row], 0)
        if 0 < count <= MOST_IN_ONE and total + count <= MOST_SPANS:
            found.append(row)
            total += count
    return found


def read_spans(
    connection: Connection, facts: Facts, ids: Sequence[str], started_at: Sequence[datetime], rows: Sequence[int]
) -> StageTimes:
    """Add what the spans of these rows say.

    Returns:
        What each trace waited for; unknown of those whose spans are not there any more.
    """
    known: Mask = np.zeros(facts.count, dtype=bool)
    times: dict[str, Any] = {}
    whole = np.zeros(facts.count)
    if rows:
        moments = [started_at[row] for row in rows]
        statement = span_statement([ids[row] for row in rows], moments)
        row_of = {ids[row]: row for row in rows}
        for trace_id, spans in groupby(connection.execute(statement).all(), key=lambda span: span.trace_id):
            row = row_of[trace_id]
            known[row] = True
            waited = _add_tree(facts, row, list(spans))
            whole[row] = sum(waited.values())
            for name, milliseconds in waited.items():
                times.setdefault(name, np.zeros(facts.count))[row] = milliseconds
    facts.scopes[SPANS] = known
    return StageTimes(known=known, times=times, whole=whole)


def _add_tree(facts: Facts, row: int, spans: Sequence[Any]) -> Counter[str]:
    """Add a trace's spans. Returns how long it waited for each operation, in milliseconds."""
    zero = min(span.started_at for span in spans)
    timed = [
        TimedSpan(
            span_id=span.span_id,
            parent_id=span.parent_id,
            start_ms=(span.started_at - zero).total_seconds() * 1000,
            duration_ms=span.duration_ms,
        )
        for span in spans
    ]
    names = {span.span_id: operation_name(span.name) for span in spans}
    own: Counter[str] = Counter()
    for span_id, milliseconds in self_times(timed).items():
        own[names[span_id]] += milliseconds  # type: ignore[assignment]  # a Counter of milliseconds
    for name, milliseconds in own.items():
        facts.counts(row, "self_time", name, float(milliseconds), SPANS)
    for name, count in Counter(names.values()).items():
        facts.counts(row, "count", f"spans of {name}", float(count), SPANS)
    _add_calls(facts, row, spans, names)
    waited: Counter[str] = Counter()
    for span_id, milliseconds in critical_ms(critical_path(timed)).items():
        waited[names[span_id]] += milliseconds  # type: ignore[assignment]
    return waited


def _add_calls(facts: Facts, row: int, spans: Sequence[Any], names: Mapping[str, str]) -> None:
    failed = [span for span in spans if span.status == SpanStatus.ERROR]
    passed_on = {span.parent_id for span in failed}
    for span in failed:
        if span.span_id not in passed_on:  # where it began, not whom it reached
            facts.has(row, "error", names[span.span_id], ANY_ERROR, SPANS)
    for span in spans:
        if span.model:
            facts.has(row, "model", f"model of {names[span.span_id]}", span.model, SPANS)


def read_contents(
    connection: Connection,
    facts: Facts,
    ids: Sequence[str],
    started_at: Sequence[datetime],
    rows: Sequence[int],
    in_time: Callable[[], bool],
) -> None:
    """Add the documents that the contents of these rows name, for as long as there is time."""
    known: Mask = np.zeros(facts.count, dtype=bool)
    facts.scopes[CONTENTS] = known
    told = bool(facts.values(("source", "source")))
    for start in range(0, len(rows), _AT_A_TIME):
        some = rows[start : start + _AT_A_TIME]
        if not in_time():
            return
        parts = stored_parts(connection, [(ids[row], started_at[row]) for row in some])
        for row in some:
            if ids[row] in parts:
                known[row] = True
                _add_documents(facts, row, spans_in(parts[ids[row]]), told=told)


def _add_documents(facts: Facts, row: int, spans: Sequence[SpanData], *, told: bool) -> None:
    """Add the documents, and their sources, unless those are `told` by the rows."""
    for span in spans:
        for source in () if told else evidence_of(span).get("by_source") or ():
            facts.has(row, "source", "source of documents", str(source)[:_LONGEST], CONTENTS)
        for document in kept_by(span)[:_MOST_DOCUMENTS]:
            name = document.get("title") or document.get("id") if isinstance(document, dict) else None
            if name:
                facts.has(row, "document", "document", str(name)[:_LONGEST], CONTENTS)
