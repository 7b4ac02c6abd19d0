"""Lists of traces: newest or slowest first, page by page, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, func, literal, select, text, tuple_

from tracing_core.errors import InvalidInput
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.cursor import Cursor, Sort, decode
from tracing_core.query.filters import TraceFilter, conditions, has_words, may_have_words
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

LARGEST_PAGE = 1000
QUERY_CHARS = 500
ANSWER_CHARS = 200
FIRST_LOOK = 300
"""Traces that are searched for words one by one, before it is decided how to go on."""

_COST_OF_A_MATCH = 0.4
"""What a trace costs that the index over the words found, far from others, where one that is gone through costs 1."""
_MARGIN = 1.5
_HOW_MANY = text("SELECT reltuples FROM pg_class WHERE oid = CAST('traces' AS regclass)")
"""As PostgreSQL estimates it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceRow:
    """One line of a list. `query` has its first 500 characters, `answer_start` the answer's first 200.

    `duration_ms` is in milliseconds; `stage_ms` gives those of each stage.
    """

    trace_id: str
    project: str
    name: str
    source: str
    status: TraceStatus
    query: str | None
    answer_start: str | None
    library: str | None
    intent: str | None
    model: str | None
    session_id: str | None
    user_id: str | None
    started_at: datetime
    duration_ms: float | None
    stage_ms: dict[str, float]
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unknown_models: tuple[str, ...]
    confidence: float | None
    quality_flag: QualityFlag
    rating: int | None
    citations_count: int | None
    decision_count: int
    span_count: int
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TracePage:
    """Some traces, and the cursor of the page after them; None on the last page."""

    rows: tuple[TraceRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceCount:
    """How many traces are stored; `exact` is False when there are more than were counted."""

    count: int
    exact: bool


def list_traces(
    db: Database, chosen: TraceFilter, *, sort: Sort = "newest", after: str | None = None, limit: int = 50
) -> TracePage:
    """A page of the traces that the filter lets through.

    Going from page to page shows each trace once, even when others arrive meanwhile.

    Args:
        db: where they are.
        chosen: which.
        sort: `newest` first, or `slowest` first, which leaves out traces without a duration.
        after: the cursor of the page before; None for the first page.
        limit: the most rows of a page, 1 to 1,000.

    Raises:
        InvalidInput: `sort`, `cursor` or `limit` cannot be used.
        StorageError: the database did not answer.
    """
    if sort not in ("newest", "slowest"):
        raise InvalidInput("sort", "must be newest or slowest")
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput("limit", f"must be from 1 to {LARGEST_PAGE}")
    cursor = decode(after, sort) if after is not None else None
    found = _find(db, chosen, sort, cursor, limit + 1)
    rows = tuple(trace_row(row) for row in found[:limit])
    more = len(found) > limit
    return TracePage(rows=rows, next_cursor=_cursor(rows[-1], sort).encode() if more else None)


def count_traces(db: Database, chosen: TraceFilter, *, at_most: int = 10_000) -> TraceCount:
    """How many stored traces the filter lets through, counted up to `at_most`; those that a list shows, each once.

    Raises:
        StorageError: the database did not answer.
    """
    some = select(literal(1)).select_from(traces).where(*conditions(chosen)).limit(at_most + 1).subquery()
    with reading(db, chosen) as connection:
        count = connection.scalar(select(func.count()).select_from(some)) or 0
    return TraceCount(count=min(count, at_most), exact=count <= at_most)


def trace_columns(of: FromClause = traces) -> list[ColumnElement[Any]]:
    """What a select must have for `trace_row` to read its rows."""
    shortened = {
        "query": func.left(of.c.query, QUERY_CHARS).label("query"),
        "answer_start": func.left(of.c.answer, ANSWER_CHARS).label("answer_start"),
        "error": func.left(of.c.error, QUERY_CHARS).label("error"),
    }
    names = [field.name for field in fields(TraceRow)]
    return [shortened[name] if name in shortened else of.c[name] for name in names]


def trace_row(row: RowMapping) -> TraceRow:
    """A row of the columns of `trace_columns`, typed."""
    values = dict(row)
    values["status"] = TraceStatus(values["status"])
    values["quality_flag"] = QualityFlag(values["quality_flag"])
    values["unknown_models"] = tuple(values["unknown_models"])
    return TraceRow(**values)


def _find(db: Database, chosen: TraceFilter, sort: Sort, cursor: Cursor | None, limit: int) -> Sequence[RowMapping]:
    if chosen.text is not None:
        found = _walked(db, chosen, sort, cursor, limit)
        if len(found) == limit:
            return found
    page = _page(chosen, sort, cursor).limit(limit) if chosen.text is None else _indexed(chosen, sort, cursor, limit)
    with reading(db, chosen) as connection:
        return connection.execute(page.with_only_columns(*trace_columns())).mappings().all()


def _indexed(chosen: TraceFilter, sort: Sort, cursor: Cursor | None, limit: int) -> Select[Any]:
    """The page, where all that has the words is found before any of it is sorted.

    How many have a word PostgreSQL does not know, since to count words for ANALYZE takes a core for seconds. Left to choose, it
    may look for a word that nothing has by going through the whole list.
    """
    found = _page(chosen, sort, cursor).order_by(None).with_only_columns(*_order(sort, traces)).cte("found")
    some = select(found.prefix_with("MATERIALIZED")).order_by(*_descending(sort, found)).limit(limit).subquery()
    return select(traces).where(traces.c.trace_id.in_(select(some.c.trace_id))).order_by(*_descending(sort, traces))


def _walked(db: Database, chosen: TraceFilter, sort: Sort, cursor: Cursor | None, limit: int) -> Sequence[RowMapping]:
    """The page as far as it is found by going through the first few traces, or through more where that is the shorter way.

    Going through them costs the same for each trace, the index over the words for each trace that has them, however far
    back: words that are frequent are found quickly the one way, rare ones the other.
    """
    words = chosen.text or ""
    with db.read() as connection:
        found = connection.execute(_walk(chosen, words, sort, cursor, limit, FIRST_LOOK)).mappings().all()
        if not 0 < len(found) < limit:
            return found
        share = len(found) / FIRST_LOOK
        going_through = limit / share
        if going_through < share * (connection.scalar(_HOW_MANY) or 0) * _COST_OF_A_MATCH:
            far = round(going_through * _MARGIN)
            found = connection.execute(_walk(chosen, words, sort, cursor, limit, far)).mappings().all()
    return found


def _walk(chosen: TraceFilter, words: str, sort: Sort, cursor: Cursor | None, limit: int, far: int) -> Select[Any]:
    """The page as far as it is among the first traces of the list."""
    few = _page(replace(chosen, text=None), sort, cursor).limit(far).subquery()
    has = (*may_have_words(words, few), has_words(words, few))
    return select(*trace_columns(few)).where(*has).order_by(*_descending(sort, few)).limit(limit)


def _page(chosen: TraceFilter, sort: Sort, cursor: Cursor | None) -> Select[Any]:
    statement = select(traces).where(*conditions(chosen))
    if sort == "slowest":
        statement = statement.where(traces.c.duration_ms.is_not(None))
    if cursor is not None:
        statement = statement.where(tuple_(*_order(sort, traces)) < (cursor.key, cursor.trace_id))
    return statement.order_by(*_descending(sort, traces))


def _descending(sort: Sort, of: FromClause) -> Iterator[ColumnElement[Any]]:
    return (column.desc() for column in _order(sort, of))


def _order(sort: Sort, of: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return (of.c.started_at if sort == "newest" else of.c.duration_ms, of.c.trace_id)


def _cursor(row: TraceRow, sort: Sort) -> Cursor:
    key = row.started_at if sort == "newest" else row.duration_ms
    if key is None:
        raise AssertionError("a list by duration holds no trace without one")
    return Cursor(sort=sort, key=key, trace_id=row.trace_id)
