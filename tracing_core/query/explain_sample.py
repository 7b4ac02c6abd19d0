"""Draws the traces that are looked at: some of the cohort, some of the others, each by chance and not by when they came.

Which of a range are drawn is told by a hash of their ids, so that the same question gets the same answer. A range with so
many traces that going through it would take long is not gone through: pages of the table are drawn (TABLESAMPLE SYSTEM).
Where these hold too few of the cohort, it is looked for by itself, with whatever index serves, for a bounded time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    select,
    tablesample,
    text,
)
from sqlalchemy.sql.util import ClauseAdapter

from tracing_core.errors import StorageError
from tracing_core.query import metrics, rollup_measures
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import measures
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

THESE, OTHERS = 1_500, 2_500
"""Traces of the cohort, and of the others, that are looked at when there are more."""
READ = 60_000
"""Rows that are gone through for it; of a range with more, as many are drawn."""
_ENOUGH = 0.5
"""Of what is wanted of a group; with less of it, it is looked for by itself."""
_LOOK_MS = 2_500
_SEED = 20_261_121
_FEWEST_SEEN = 8_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """Which traces are of the cohort.

    Args:
        of: the range, and what else holds for both groups.
        these: the condition for the cohort.
        eligible: the conditions without which a trace is of neither group, such as that somebody rated it.
    """

    of: TraceFilter
    these: ColumnElement[bool]
    eligible: tuple[ColumnElement[bool], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """Some traces of one group.

    Args:
        trace_ids, started_at, weights: of those drawn; a weight is how many a trace stands for that was sampled at ingest.
        count: how many there are of the group, with those that were left out then; estimated unless `exact`.
        late: whether the rest of the group could not be looked for in time.
    """

    trace_ids: tuple[str, ...]
    started_at: tuple[datetime, ...]
    weights: NDArray[np.float64]
    count: float
    exact: bool
    late: bool = False


NOBODY = Drawn(trace_ids=(), started_at=(), weights=np.zeros(0), count=0.0, exact=True)


def draw(db: Database, member: Membership, *, these: int = THESE, others: int = OTHERS) -> tuple[Drawn, Drawn]:
    """Some of the cohort, and some of the others.

    Args:
        db: where they are.
        member: which are of the cohort.
        these, others: the most that are drawn of each.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, member.of) as connection:
        rate = _rate(connection, member.of)
        ours, theirs = _drawn(connection, member, rate, (these, others))
    if rate < 1 and len(ours.trace_ids) < _ENOUGH * these:
        ours = _looked_for(db, member, True, ours, these)
    if rate < 1 and len(theirs.trace_ids) < _ENOUGH * others:
        theirs = _looked_for(db, member, False, theirs, others)
    return ours, theirs


def _rate(connection: Connection, of: TraceFilter) -> float:
    """Of the pages of the table, which share is read: 1 where the range, by its index, holds few enough."""
    asked = set(of.set_fields())
    if asked & {"trace_ids", "text", "session_id", "user_id"}:
        return 1.0  # these have an index and are few
    plain = TraceFilter(start=of.start, end=of.end, project=of.project)
    inside = sum(each.count for each in measures(connection, plain, "all", histograms=False).values())
    if inside <= READ:
        return 1.0
    rows = max(connection.scalar(_ROWS) or 0, inside, 1)
    return min(max(READ / rows, _FEWEST_SEEN / inside), 1.0)


_ROWS = text("SELECT reltuples::bigint FROM pg_class WHERE oid = 'traces'::regclass")


def sampled_from(rate: float) -> FromClause:
    """The table, or a share of its pages."""
    if rate >= 1:
        return traces
    return tablesample(traces, func.system(rate * 100), name="drawn", seed=literal(_SEED))


def told_of(source: FromClause, conditions: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Conditions on `traces` as conditions on what was drawn of it."""
    if source is traces:
        return list(conditions)
    adapter = ClauseAdapter(source)
    return [adapter.traverse(each) for each in conditions]


def _drawn(connection: Connection, member: Membership, rate: float, wanted: tuple[int, int]) -> tuple[Drawn, Drawn]:
    source = sampled_from(rate)
    (inside,) = told_of(source, [func.coalesce(member.these, false())])
    where = told_of(source, [*conditions(member.of), *member.eligible])
    seen = _seen(source, inside).where(*where).cte("seen")
    rows = connection.execute(_first_of_each(seen, wanted)).all()
    return (
        _group([row for row in rows if row.these], rate),
        _group([row for row in rows if not row.these], rate),
    )


def _seen(source: FromClause, inside: ColumnElement[bool]) -> Select[Any]:
    (weight,) = told_of(source, [cast(metrics.weight(), Double)])
    chance = func.hashtextextended(source.c.trace_id, _SEED)
    return select(
        source.c.trace_id, source.c.started_at, inside.label("these"), weight.label("weight"), chance.label("chance")
    )


def _first_of_each(seen: FromClause, wanted: tuple[int, int]) -> Select[Any]:
    place = func.row_number().over(partition_by=seen.c.these, order_by=seen.c.chance)
    stands_for = func.sum(seen.c.weight).over(partition_by=seen.c.these)
    all_of = select(seen, place.label("place"), stands_for.label("stands_for")).subquery()
    most = case((all_of.c.these, wanted[0]), else_=wanted[1])
    return select(all_of).where(all_of.c.place <= most)


def _looked_for(db: Database, member: Membership, inside: bool, before: Drawn, wanted: int) -> Drawn:
    """The same group, looked for by itself in all of the range; as before where that takes too long."""
    condition = func.coalesce(member.these, false())
    where = [*conditions(member.of), *member.eligible, condition if inside else ~condition]
    plain = and_(member.these, *where) if inside else and_(*where)  # an index serves the bare condition alone
    seen = _seen(traces, literal(inside)).where(plain).cte("seen")
    try:
        with reading(db, member.of) as connection:
            connection.execute(_BOUNDED, {"ms": str(_LOOK_MS)})
            rows = connection.execute(_first_of_each(seen, (wanted, wanted))).all()
    except StorageError:
        return replace(before, late=True)
    return _group(rows, 1.0)


_BOUNDED = text("SELECT set_config('statement_timeout', :ms, true)")


def _group(rows: Sequence[Any], rate: float) -> Drawn:
    if not rows:
        return replace(NOBODY, exact=rate >= 1)
    return Drawn(
        trace_ids=tuple(row.trace_id for row in rows),
        started_at=tuple(row.started_at for row in rows),
        weights=np.array([row.weight for row in rows], dtype=np.float64),
        count=float(rows[0].stands_for) / rate,
        exact=rate >= 1,
    )


def quantile_of(db: Database, of: TraceFilter, column: str, share: float) -> float | None:
    """The quantile of a column of the chosen traces: of duration as everywhere, of anything else from those drawn.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, of) as connection:
        if column == "duration_ms" and share == 0.95 and rollup_measures.answers(of, "all"):
            found = measures(connection, of, "all").get("")
            return None if found is None else metrics.percentiles(found.histogram).p95_ms
        rate = _rate(connection, of)
        source = sampled_from(rate)
        known = source.c[column]
        numbers = select(known).where(*told_of(source, conditions(of)), known.is_not(None)).limit(READ)
        values = [float(value) for value in connection.execute(numbers).scalars()]
    return float(np.quantile(values, share, method="higher")) if values else None
