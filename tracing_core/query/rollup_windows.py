"""Many windows of time at once from the rollups in `trace_metrics`, each of something else, in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Integer, RowMapping, Select, Text, bindparam, column, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from tracing_core.query.rollup_measures import SUMS, projects, without_minutes, written
from tracing_core.query.time_buckets import bucket_end, pieces
from tracing_core.rollups import bucket_start
from tracing_core.storage.schema import Moment
from tracing_core.storage.side_tables import trace_metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledWindow:
    """What began from `start` up to and without `end`, both whole minutes.

    Args:
        project: its name; None for all.
        dimension: trace, operation, library or model.
        value: which of these; empty for traces as a whole.
    """

    project: str | None
    dimension: str
    value: str
    start: datetime
    end: datetime


def rolled_windows(
    connection: Connection, windows: Collection[RolledWindow], *, histograms: bool
) -> dict[RolledWindow, RowMapping]:
    """The sums of each window, in the columns `SUMS`; with histograms `bins` and `bin_counts` too. None without traces.

    Args:
        connection: to read with.
        windows: which.
        histograms: whether those of durations are asked for; they are most of the work.
    """
    asked = list(dict.fromkeys(windows))
    known = projects_of(connection) if any(each.project is None for each in asked) else ()
    parts = list(_parts(asked, known))
    if not parts:
        return {}
    names = ("number", "project", "dimension", "value", "granularity", "low", "high")
    arrays = {name: list(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)}
    rows = connection.execute(_statement(histograms), arrays).mappings().all()
    return {asked[row["number"]]: row for row in rows if row["count"]}


def rolled_minutes(connection: Connection, window: RolledWindow, *, histograms: bool) -> Sequence[RowMapping]:
    """The sums of each minute of a window that has any, with the minute as `key`."""
    t = trace_metrics.c
    inside = (
        t.granularity == "minute", t.dimension == window.dimension, t.value == window.value,
        t.bucket >= window.start, t.bucket < window.end,
    )  # fmt: skip
    named = [window.project] if window.project is not None else list(projects_of(connection))
    asked = select(t.bucket.label("key"), *_columns(histograms)).where(*inside, t.project.in_(named)).group_by(t.bucket)
    return connection.execute(asked).mappings().all()


def with_minutes(connection: Connection, windows: Iterable[RolledWindow]) -> dict[RolledWindow, RolledWindow]:
    """Each window as the rollups can answer it: edges whose minutes are not kept any more are taken to the whole hour."""
    asked = tuple(dict.fromkeys(windows))
    gone: dict[str | None, frozenset[datetime]] = {}
    for project in {each.project for each in asked}:
        edges = (edge for each in asked if each.project == project for edge in (each.start, each.end) if edge.minute)
        gone[project] = without_minutes(connection, project, {bucket_start(edge, "hour") for edge in edges})
    return {each: _widened(each, gone[each.project]) for each in asked}


def projects_of(connection: Connection) -> tuple[str, ...]:
    """The names of all projects."""
    return tuple(connection.execute(projects()).scalars())


def _widened(window: RolledWindow, gone: frozenset[datetime]) -> RolledWindow:
    if bucket_start(window.start, "hour") in gone:
        window = replace(window, start=bucket_start(window.start, "hour"))
    if bucket_start(window.end, "hour") in gone:
        window = replace(window, end=bucket_end(window.end, "hour"))
    return window


def _parts(windows: Sequence[RolledWindow], known: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Each window as the stretches of the index that it is made of."""
    for number, each in enumerate(windows):
        for piece in pieces(each.start, each.end):
            for project in known if each.project is None else (each.project,):
                yield number, project, each.dimension, each.value, piece.granularity, piece.start, piece.end


@cache
def _statement(histograms: bool) -> Select[Any]:
    """Piece by piece, as each is one stretch of the index, and then added up by window."""
    t, p = trace_metrics.c, _PIECES.c
    inside = (
        t.project == p.project, t.granularity == p.granularity, t.dimension == p.dimension, t.bucket >= p.low,
        t.bucket < p.high, t.value == p.value,
    )  # fmt: skip
    found = select(*_columns(histograms)).where(*inside).lateral("found")
    added = [func.sum(found.c[name]).label(name) for name in SUMS]
    if histograms:
        added += [func.string_agg(found.c[name], ",").label(name) for name in ("bins", "bin_counts")]
    return select(p.number, *added).select_from(_PIECES.join(found, onclause=true())).group_by(p.number)


def _columns(histograms: bool) -> list[Any]:
    t = trace_metrics.c
    sums = [func.sum(t[name]).label(name) for name in SUMS]
    if histograms:
        sums += [written(t[name]).label(name) for name in ("bins", "bin_counts")]
    return sums


_PIECES = (
    func.unnest(
        bindparam("number", type_=ARRAY(Integer)),
        bindparam("project", type_=ARRAY(Text)),
        bindparam("dimension", type_=ARRAY(Text)),
        bindparam("value", type_=ARRAY(Text)),
        bindparam("granularity", type_=ARRAY(Text)),
        bindparam("low", type_=ARRAY(Moment)),
        bindparam("high", type_=ARRAY(Moment)),
    )
    .table_valued(
        column("number", Integer), column("project", Text), column("dimension", Text), column("value", Text),
        column("granularity", Text), column("low", Moment), column("high", Moment), name="piece",
    )
    .render_derived()
)  # fmt: skip
