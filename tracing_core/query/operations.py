"""How long the operations of a kind take: P50, P95 and P99 by name, and of all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tracing_core.model import SpanKind
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import Measures, measures
from tracing_core.query.metrics import Percentiles
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import trace_spans, traces

SAMPLE = 1000
"""Traces, the newest, from which it is learnt what the operations of a name do; the rollups know their names alone."""
_TOGETHER: Mapping[SpanKind, SpanKind] = {SpanKind.LLM: SpanKind.GENERATION}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """The spans of one name. `kind` is None where the newest traces have none of them; times are milliseconds."""

    operation: str
    kind: str | None
    count: int
    errors: int
    mean_ms: float | None
    latency: Percentiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """The operations asked for, the one that took most time first, and all of them as one."""

    operations: tuple[Operation, ...]
    count: int
    mean_ms: float | None
    latency: Percentiles


def operation_latency(db: Database, chosen: TraceFilter, operation_type: str | None = None) -> Operations:
    """Latency by operation, which is the name of a span below the root.

    Args:
        db: where they are.
        chosen: which traces.
        operation_type: what the operations do, such as generation, or the name of one; None for all.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found = measures(connection, chosen, "operation")
        kinds = _kinds(connection, chosen)
    wanted = {name: each for name, each in found.items() if _is_of(name, kinds.get(name), operation_type)}
    most_time_first = sorted(wanted.items(), key=lambda item: (-item[1].duration_ms_sum, item[0]))
    whole = _merged(wanted.values())
    return Operations(
        operations=tuple(_operation(name, kinds.get(name), each) for name, each in most_time_first),
        count=sum(each.count for each in wanted.values()),
        mean_ms=metrics.mean(
            sum(each.duration_ms_sum for each in wanted.values()), sum(each.timed_count for each in wanted.values())
        ),
        latency=metrics.percentiles(whole),
    )


def _operation(name: str, kind: SpanKind | None, found: Measures) -> Operation:
    return Operation(
        operation=name,
        kind=kind.value if kind is not None else None,
        count=found.count,
        errors=found.errors,
        mean_ms=metrics.mean(found.duration_ms_sum, found.timed_count),
        latency=metrics.percentiles(found.histogram),
    )


def _merged(found: Iterable[Measures]) -> Counter[int]:
    whole: Counter[int] = Counter()
    for each in found:
        for number, count in each.histogram.items():
            whole[number] += count  # type: ignore[assignment]  # counts are weighted, so they may be fractions
    return whole


def _is_of(name: str, kind: SpanKind | None, operation_type: str | None) -> bool:
    if operation_type is None or name == operation_type:
        return True
    asked = _kind_called(operation_type)
    return asked is not None and kind is not None and _TOGETHER.get(kind, kind) == _TOGETHER.get(asked, asked)


def _kind_called(operation_type: str) -> SpanKind | None:
    kind = SpanKind(operation_type.strip())
    return None if kind is SpanKind.UNKNOWN else kind


def _kinds(connection: Connection, chosen: TraceFilter) -> dict[str, SpanKind]:
    """What operations do, by name: what most of the spans of that name in the newest traces do."""
    newest = select(traces.c.trace_id, traces.c.started_at).where(*conditions(chosen))
    some = newest.order_by(traces.c.started_at.desc()).limit(SAMPLE).cte("newest")
    first, last = connection.execute(select(func.min(some.c.started_at), func.max(some.c.started_at))).one()
    if first is None:
        return {}
    name = metrics.operation(trace_spans.c.name).label("operation")
    statement = (
        select(name, trace_spans.c.kind, func.count().label("spans"))
        .join(some, some.c.trace_id == trace_spans.c.trace_id)
        .where(trace_spans.c.started_at.between(first - NEARBY, last + NEARBY))
        .group_by(name, trace_spans.c.kind)
        .order_by("spans")
    )
    return {operation: SpanKind(kind) for operation, kind, _ in connection.execute(statement)}
