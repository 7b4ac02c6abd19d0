"""Some of the chosen traces, drawn at random, so that a question about very many is answered in bounded time and says so.

The draw is the same each time. Of up to `ALL_LOOKED_AT` traces those are taken whose ids come first by a hash; of more,
pages of the table are drawn (TABLESAMPLE), since looking at each trace would take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
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
from sqlalchemy.sql.util import ClauseAdapter

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.storage.tables import traces

ALL_LOOKED_AT = 60_000
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
    some = select(literal(1)).select_from(traces).where(wanted).limit(ALL_LOOKED_AT + 1).subquery()
    count = connection.scalar(select(func.count()).select_from(some)) or 0
    few, found = (_by_hash(wanted, most), count) if count <= ALL_LOOKED_AT else _by_pages(connection, wanted, most)
    weight = cast(metrics.weight(), DoublePrecision).label("weight")
    joined = select(*columns, weight).join_from(few, traces, traces.c.trace_id == few.c.trace_id).order_by(few.c.place)
    rows = [dict(row) for row in connection.execute(joined).mappings()]
    sample = Drawn(looked_at=len(rows), stands_for=max(found, len(rows)), whole=len(rows) >= found)
    for row in rows:
        row["weight"] *= sample.factor
    return rows, sample


def _place(of: FromClause) -> ColumnElement[int]:
    return func.hashtextextended(of.c.trace_id, _SEED).label("place")


def _by_hash(wanted: ColumnElement[bool], most: int) -> FromClause:
    place = _place(traces)
    return select(traces.c.trace_id, place).where(wanted).order_by(place).limit(most).subquery("few")


def _by_pages(connection: Connection, wanted: ColumnElement[bool], most: int) -> tuple[FromClause, int]:
    """Those that are in pages drawn at random, and about how many there are in all."""
    there = max(connection.scalar(_HOW_MANY) or 0.0, ALL_LOOKED_AT)
    looked = min(100.0, 100.0 * _MORE * most / ALL_LOOKED_AT)
    for percent in (min(100.0, 100.0 * _MORE * most / there), looked):
        pages = tablesample(traces, func.system(percent), name="drawn", seed=literal(_SEED))
        condition = ClauseAdapter(pages).traverse(wanted)
        count = connection.scalar(select(func.count()).select_from(pages).where(condition)) or 0
        if count >= most or percent >= looked:
            place = _place(pages)
            few = select(pages.c.trace_id, place).where(condition).order_by(place).limit(most).subquery("few")
            return few, round(count * 100 / percent)
    raise AssertionError("one of the two shares is the last")
