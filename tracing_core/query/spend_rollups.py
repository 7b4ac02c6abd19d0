"""What was spent, from the rollups: by project, library or model, as a whole or by bucket of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal, select, union_all

from tracing_core.query.filters import TraceFilter
from tracing_core.query.rollup_measures import widened
from tracing_core.query.rollup_windows import projects_of
from tracing_core.query.time_buckets import Piece, bucket_end, pieces
from tracing_core.rollups import bucket_start
from tracing_core.storage.side_tables import trace_metrics

Rolled = Literal["project", "library", "model"]
SPENT = ("count", "cost_usd", "unpriced_count", "input_tokens", "output_tokens")
_ALWAYS = frozenset({"start", "end", "project"})


def answers(chosen: TraceFilter, by: Rolled) -> bool:
    """Whether the rollups can tell: they know one of library and model, not both at once."""
    beside = chosen.set_fields() - _ALWAYS
    return len(beside) <= 1 and beside <= ({"library", "model"} if by == "project" else {by})


def rolled(
    connection: Connection, chosen: TraceFilter, by: Rolled, granularity: str | None = None
) -> Sequence[RowMapping]:
    """One row for each `key`, and, with a granularity, for each `bucket` of it: the sums `SPENT`.

    Args:
        connection: to read with.
        chosen: which traces; with a granularity, the buckets at the edges of the range are whole.
        by: what the key is.
        granularity: minute, hour or day; None for the whole range.
    """
    if granularity is None:
        chosen = widened(connection, chosen)
        parts = pieces(chosen.start, chosen.end)
    else:
        start, end = chosen.start, chosen.end
        low, high = start and bucket_start(start, granularity), end and bucket_end(end, granularity)
        parts = (Piece(granularity=granularity, start=low, end=high),)
    projects = (chosen.project,) if chosen.project is not None else projects_of(connection)
    if not parts or not projects:
        return ()
    # Piece by piece, as each is one stretch of the index and their union is not.
    found = union_all(*[_piece(each, chosen, by, projects) for each in parts]).subquery()
    bucket = literal(None).label("bucket") if granularity is None else found.c.bucket
    sums = [func.sum(found.c[name]).label(name) for name in SPENT]
    statement = select(found.c.key, bucket, *sums).group_by(found.c.key)
    return connection.execute(statement if granularity is None else statement.group_by(bucket)).mappings().all()


def _piece(piece: Piece, chosen: TraceFilter, by: Rolled, projects: Sequence[str]) -> Select[Any]:
    t = trace_metrics.c
    dimension, value = _dimension(chosen, by)
    where: list[ColumnElement[bool]] = [
        t.project.in_(projects), t.granularity == piece.granularity, t.dimension == dimension,
    ]  # fmt: skip
    where += [] if piece.start is None else [t.bucket >= piece.start]
    where += [] if piece.end is None else [t.bucket < piece.end]
    where += [] if value is None else [t.value == value]
    key = t.project if by == "project" else t.value
    return select(key.label("key"), t.bucket, *(t[name] for name in SPENT)).where(*where)


def _dimension(chosen: TraceFilter, by: Rolled) -> tuple[str, str | None]:
    if by != "project":
        return by, getattr(chosen, by)
    if chosen.library is not None:
        return "library", chosen.library
    return ("model", chosen.model) if chosen.model is not None else ("trace", "")
