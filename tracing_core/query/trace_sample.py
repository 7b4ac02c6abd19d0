"""Some of the chosen traces, drawn at random, so that a question about very many is answered in bounded time and says so.

The draw is the same each time. Where all that are wanted can be gone through quickly, by an index or as there are few, those
are taken whose ids come first by a hash. Otherwise pages of the table are drawn (TABLESAMPLE), and what is wanted is looked
for in these alone: of what is rare and has no index that gives fewer than were asked for, but never takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
    tablesample,
    text,
    true,
)
from sqlalchemy import Double as DoublePrecision
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.util import ClauseAdapter

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.storage.tables import traces

ALL_LOOKED_AT = 60_000
"""Traces with the same words of which all are gone through; more of them are drawn from pages."""
IN_PAGES = 120_000
"""Traces in pages that are drawn, at most."""
CHEAP = 60_000.0
"""By PostgreSQL's reckoning, what looking at about a hundred thousand traces costs: a tenth of a second."""
_SEED = 5
Row = dict[str, Any]
_MORE = 1.3
"""How many more pages are drawn than are expected to be needed, as the chosen traces are not spread evenly."""
_HOW_MANY = text("SELECT reltuples FROM pg_class WHERE oid = CAST('traces' AS regclass)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What was looked at.

    Args:
        looked_at: traces.
        stands_for: stored traces that there are: exact where few enough, else estimated.
        whole: whether all were looked at.
    """

    looked_at: int
    stands_for: int
    whole: bool

    @property
    def factor(self) -> float:
        """For how many stored traces one that was looked at stands."""
        return self.stands_for / self.looked_at if self.looked_at else 1.0


def drawn(
    connection: Connection,
    chosen: TraceFilter,
    most: int,
    columns: Sequence[ColumnElement[Any]],
    *where: ColumnElement[bool],
) -> tuple[list[Row], Drawn]:
    """Rows of some of the chosen traces, in no order that means anything: the first of them are a sample, too.

    Args:
        connection: to read with.
        chosen: which traces.
        most: how many at most.
        columns: of `traces`, beside `weight`: how many traces a row stands for by the sampling of its time, and by this.
        where: further conditions on `traces`.
    """
    wanted = and_(true(), *conditions(chosen), *where)
    if _is_cheap(connection, chosen, wanted):
        few, share = _first(traces, wanted, most, 1.0), 1.0
    else:
        few, share = _by_pages(connection, wanted, most)
    weight = cast(metrics.weight(), DoublePrecision).label("weight")
    joined = select(*columns, weight, few.c.found).join_from(few, traces, traces.c.trace_id == few.c.trace_id)
    rows = [dict(row) for row in connection.execute(joined.order_by(few.c.place)).mappings()]
    found = max(round(rows[0]["found"]) if rows else 0, len(rows))
    sample = Drawn(looked_at=len(rows), stands_for=found, whole=share >= 1 and len(rows) >= found)
    for row in rows:
        del row["found"]
        row["weight"] *= sample.factor
    return rows, sample


class _Explained(Executable, ClauseElement):
    """What PostgreSQL would do to answer a question."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explained)
def _explained(element: _Explained, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def _is_cheap(connection: Connection, chosen: TraceFilter, wanted: ColumnElement[bool]) -> bool:
    """Whether all that are wanted can be gone through: by an index that finds few, or as there are few traces."""
    if chosen.text is None:
        (told,) = connection.execute(_Explained(select(traces.c.trace_id).where(wanted))).scalar_one()
        return bool(told["Plan"]["Total Cost"] <= CHEAP)
    some = select(literal(1)).select_from(traces).where(wanted).limit(ALL_LOOKED_AT + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) <= ALL_LOOKED_AT  # words have an index


def _by_pages(connection: Connection, wanted: ColumnElement[bool], most: int) -> tuple[FromClause, float]:
    """Those that are in pages drawn at random, in more of them while these hold too few; and the share of pages."""
    there = max(connection.scalar(_HOW_MANY) or 0.0, 1.0)
    largest = min(IN_PAGES / there, 1.0)
    share = min(_MORE * most / there, largest)
    while True:
        pages = tablesample(traces, func.system(share * 100), name="drawn", seed=literal(_SEED))
        condition = ClauseAdapter(pages).traverse(wanted)
        count = 0
        if share < largest:
            count = connection.scalar(select(func.count()).select_from(pages).where(condition)) or 0
        if count >= most or share >= largest:
            return _first(pages, condition, most, share), share
        share = min(share * _MORE * most / max(count, 1), largest)


def _first(of: FromClause, wanted: ColumnElement[bool], most: int, share: float) -> FromClause:
    """The first ones by their hash, and how many there are in all, about."""
    place = func.hashtextextended(of.c.trace_id, _SEED).label("place")
    found = (cast(func.count().over(), DoublePrecision) / share).label("found")
    return select(of.c.trace_id, place, found).where(wanted).order_by(place).limit(most).subquery("few")
