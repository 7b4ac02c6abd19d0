"""The values that filters can take, and how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Select, func, select

from tracing_core.errors import InvalidInput
from tracing_core.query import metrics, rollup_measures
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import measures
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

Facet = Literal["library", "model", "intent"]

SAMPLE = 20_000
"""Traces that are looked at, the newest, where the rollups cannot say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetValue:
    """A value, and how many traces have it, those included that sampling left out."""

    value: str
    count: int


def projects(db: Database) -> tuple[str, ...]:
    """The names of all projects that have traces, in order.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return tuple(sorted(connection.execute(rollup_measures.projects()).scalars()))


def values(db: Database, name: str, chosen: TraceFilter, limit: int = 50) -> tuple[FacetValue, ...]:
    """The values of one column among the chosen traces, the most frequent first.

    What the filter asks of that very column is left aside, so that the other values can be chosen.

    Args:
        db: where the traces are.
        name: library, model or intent.
        chosen: which traces.
        limit: the most values.

    Raises:
        InvalidInput: there is no such facet.
        StorageError: the database did not answer.
    """
    if name not in get_args(Facet):
        raise InvalidInput("facet", f"must be one of {', '.join(get_args(Facet))}")
    chosen = replace(chosen, **{name: None})
    with reading(db, chosen) as connection:
        counts = _counted(connection, name, chosen)
    found = [FacetValue(value=value, count=round(count)) for value, count in counts.items() if value and round(count)]
    return tuple(sorted(found, key=lambda facet: (-facet.count, facet.value))[:limit])


def _counted(connection: Connection, name: str, chosen: TraceFilter) -> dict[str | None, float]:
    by: rollup_measures.By = "library" if name == "library" else "model"
    if name == "intent" or not rollup_measures.answers(chosen, by):
        return {value: count for value, count in connection.execute(_from_rows(name, chosen))}  # noqa: C416
    return {value: each.count for value, each in measures(connection, chosen, by, histograms=False).items()}


def _from_rows(name: str, chosen: TraceFilter) -> Select[Any]:
    columns = (traces.c[name].label("value"), metrics.weight().label("weight"))
    newest = select(*columns).where(*conditions(chosen)).order_by(traces.c.started_at.desc())
    sample = newest.limit(SAMPLE).subquery()
    return select(sample.c.value, func.sum(sample.c.weight)).group_by(sample.c.value)
