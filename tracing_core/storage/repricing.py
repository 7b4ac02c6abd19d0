"""Price stored traces anew, some at a time, while others are written.

A batch is one transaction: the rows of its traces are locked in the order of their ids, as writers lock them, then the
rollups in the order of their keys, as writers add to them; so nobody waits in a ring. Rollups are only moved where they
are: those by the minute may have been removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, text, tuple_

from tracing_core.cost import CostTracker
from tracing_core.jsontext import dump_for_postgres
from tracing_core.price_change import PRICED_COLUMNS, Change, Repriced, repriced
from tracing_core.projection import Row
from tracing_core.rollups import Key, Rollup, coarser
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY, spans_in, stored_parts
from tracing_core.storage.tables import trace_spans, traces

_TRACES_AT_A_TIME = 200
_SPANS_AT_A_TIME = 5_000

Place = tuple[datetime, str]
"""Start and id of the trace where a batch ended."""

_NEEDED = (
    "trace_id", "project", "started_at", "completed_at", "library", "model", "sampling_probability", "span_count",
    *PRICED_COLUMNS,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Which traces are priced anew: of those that called models, those whose cost is of another price book than `not_of`.

    Args:
        since, until: when they began; `until` is not part of it.
        project: only of this one.
        model: only those that called it.
        not_of: the version of the price book in force; None for all traces, whatever book their cost is of.
    """

    since: datetime | None = None
    until: datetime | None = None
    project: str | None = None
    model: str | None = None
    not_of: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for `traces`."""
        t = traces.c
        found = [or_(t.price_version.is_not(None), t.input_tokens.is_not(None), t.output_tokens.is_not(None))]
        if self.since is not None:
            found.append(t.started_at >= self.since)
        if self.until is not None:
            found.append(t.started_at < self.until)
        if self.project is not None:
            found.append(t.project == self.project)
        if self.model is not None:
            found.append(_called(self.model))
        if self.not_of is not None:
            found.append(t.price_version.is_distinct_from(self.not_of))
        return found


def _called(model: str) -> ColumnElement[bool]:
    t, s = traces.c, trace_spans.c
    near = s.started_at.between(t.started_at - NEARBY, func.coalesce(t.completed_at, t.started_at) + NEARBY)
    by_a_span = select(literal(1)).where(s.trace_id == t.trace_id, s.model == model, near).exists()
    return or_(t.model == model, t.unknown_models.any_() == model, by_a_span)


def count_chosen(database: Database, chosen: Chosen) -> int:
    """How many traces will be read.

    Raises:
        StorageError: the database did not answer.
    """
    with database.write() as connection:
        return connection.scalar(select(func.count()).where(*chosen.conditions())) or 0


def reprice_some(
    database: Database, chosen: Chosen, prices: CostTracker, after: Place | None, *, dry_run: bool
) -> tuple[Change, Place | None]:
    """Price a batch anew, the newest first.

    Args:
        database: where they are.
        chosen: which.
        prices: those in force.
        after: where the batch before ended; None for the first.
        dry_run: only say what would change.

    Returns:
        What changed, and where the batch ended; None when there was nothing left.

    Raises:
        StorageError: nothing of the batch was changed.
    """
    change = Change()
    with database.write(limited="in all") as connection:
        found = connection.execute(_next(chosen, after)).all()
        if not found:
            return change, None
        batch: list[Any] = []
        spans = 0
        for row in found:
            if batch and spans + row.span_count > _SPANS_AT_A_TIME:
                break
            batch.append(row)
            spans += row.span_count
        made, starts = _made(connection, [row.trace_id for row in batch], prices, change, lock=not dry_run)
        if not dry_run:
            _write(connection, [one for one in made if one.is_new], starts)
    return change, (batch[-1].started_at, batch[-1].trace_id)


def _next(chosen: Chosen, after: Place | None) -> Select[tuple[datetime, str, int]]:
    place = (traces.c.started_at, traces.c.trace_id)
    statement = select(*place, traces.c.span_count).where(*chosen.conditions())
    if after is not None:
        statement = statement.where(tuple_(*place) < after)
    return statement.order_by(*(column.desc() for column in place)).limit(_TRACES_AT_A_TIME)


def _made(
    connection: Connection, ids: Sequence[str], prices: CostTracker, change: Change, *, lock: bool
) -> tuple[list[Repriced], list[datetime]]:
    """The traces that are still there, and when their spans began."""
    statement = select(*(traces.c[name] for name in _NEEDED)).where(traces.c.trace_id.in_(ids))
    statement = statement.order_by(traces.c.trace_id)
    found = connection.execute(statement.with_for_update() if lock else statement)
    rows = {row["trace_id"]: dict(row) for row in found.mappings()}  # those removed meanwhile are not among them
    below = _span_rows(connection, rows)
    parts = stored_parts(connection, [(trace_id, row["started_at"]) for trace_id, row in rows.items()])
    made = []
    for trace_id, row in rows.items():
        stored = {span_id: cost for span_id, (cost, _) in below.get(trace_id, {}).items()}
        spans = [span for span in spans_in(parts.get(trace_id, {})) if span.span_id in stored]
        if len(spans) < row["span_count"]:
            change.seen += 1
            change.without_contents += 1
            continue
        made.append(repriced(row, stored, spans, prices))
        change.note(made[-1])
    return made, [started_at for spans in below.values() for _, started_at in spans.values()]


_Spans = dict[str, dict[str, tuple[Decimal | None, datetime]]]
"""By trace and span id what a span costs, and when it began."""


def _span_rows(connection: Connection, rows: Mapping[str, Row]) -> _Spans:
    if not rows:
        return {}
    found = _read_spans(connection, list(rows), _near(rows))
    short = [trace_id for trace_id, row in rows.items() if len(found.get(trace_id, ())) < row["span_count"]]
    return found | _read_spans(connection, short, None) if short else found


def _near(rows: Mapping[str, Row]) -> ColumnElement[bool]:
    starts = [row["started_at"] for row in rows.values()]
    ends = [row["completed_at"] or row["started_at"] for row in rows.values()]
    return trace_spans.c.started_at.between(min(starts) - NEARBY, max(starts + ends) + NEARBY)


def _read_spans(connection: Connection, ids: Sequence[str], near: ColumnElement[bool] | None) -> _Spans:
    s = trace_spans.c
    statement = select(s.trace_id, s.span_id, s.cost_usd, s.started_at).where(s.trace_id.in_(ids))
    found: _Spans = {}
    for trace_id, span_id, cost, started_at in connection.execute(statement if near is None else statement.where(near)):
        found.setdefault(trace_id, {})[span_id] = (cost, started_at)
    return found


# --- writing ---


def _write(connection: Connection, changed: Sequence[Repriced], starts: Sequence[datetime]) -> None:
    """`updated_at` stays: what came from outside has not changed. The row is another version of itself all the same."""
    if not changed:
        return
    rows = [{"trace_id": one.before["trace_id"], **one.columns} for one in changed]
    connection.execute(_UPDATE_TRACES, {"rows": dump_for_postgres(rows)})
    spans = [
        {"trace_id": one.before["trace_id"], "span_id": span_id, "cost_usd": cost}
        for one in changed
        for span_id, cost in one.spans.items()
    ]
    if spans:
        connection.execute(_UPDATE_SPANS, {"rows": dump_for_postgres(spans), "first": min(starts), "last": max(starts)})
    minutes: dict[Key, Rollup] = {}
    for one in changed:
        one.add_to(minutes)
    if minutes:
        _move(connection, coarser(minutes))


_UPDATE_TRACES = text("""
UPDATE traces AS t SET cost_usd = r.cost_usd, cost_computed_usd = r.cost_computed_usd,
    unknown_models = r.unknown_models, price_version = r.price_version
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    trace_id text, cost_usd numeric, cost_computed_usd numeric, unknown_models text[], price_version text)
WHERE t.trace_id = r.trace_id
""")
_UPDATE_SPANS = text("""
UPDATE trace_spans AS s SET cost_usd = r.cost_usd
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (trace_id text, span_id text, cost_usd numeric)
WHERE s.trace_id = r.trace_id AND s.span_id = r.span_id AND s.started_at BETWEEN :first AND :last
""")


def _move(connection: Connection, changes: Mapping[Key, Rollup]) -> None:
    """Add to the cost and the count without a price of the rollups that are there."""
    names = ("project", "granularity", "bucket", "dimension", "value")
    rows = [
        dict(zip(names, key, strict=True)) | {"cost_usd": change.cost_usd, "unpriced_count": change.unpriced_count}
        for key, change in changes.items()
    ]
    given = {"rows": dump_for_postgres(rows)}
    connection.execute(_LOCK_TABLE)
    connection.execute(_LOCK_ROLLUPS, given)
    connection.execute(_MOVE, given)


_LOCK_TABLE = text("LOCK TABLE trace_metrics IN ROW EXCLUSIVE MODE")
"""Before its rows: who makes the rollups anew has locked the table against it, and will want the rows."""
_LOCK_ROLLUPS = text("""
SELECT count(*) FROM (
    SELECT FROM trace_metrics AS m
    JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        project text, granularity text, bucket timestamptz, dimension text, value text)
    USING (project, granularity, bucket, dimension, value)
    ORDER BY m.project COLLATE "C", m.granularity COLLATE "C", m.bucket, m.dimension COLLATE "C", m.value COLLATE "C"
    FOR UPDATE OF m
) AS locked
""")
_MOVE = text("""
UPDATE trace_metrics AS m SET cost_usd = m.cost_usd + r.cost_usd, unpriced_count = m.unpriced_count + r.unpriced_count
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    project text, granularity text, bucket timestamptz, dimension text, value text, cost_usd numeric,
    unpriced_count double precision)
WHERE m.project = r.project AND m.granularity = r.granularity AND m.bucket = r.bucket AND m.dimension = r.dimension
    AND m.value = r.value
""")
