"""The pipeline in six numbers, under the names of seed C."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import NOTHING, measures
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

SAMPLE = 10_000
"""Traces, the newest, over which retrieval and generation are averaged; the rollups do not know which span is which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineStats:
    """Traces, those included that sampling left out, and their latency, in milliseconds; None where nothing was timed.

    `queries_per_library` has the most asked first; None counts the traces about no library, as seed C's `null` does.
    """

    total_queries: int
    avg_latency_ms: float | None
    avg_retrieval_ms: float | None
    avg_generation_ms: float | None
    p95_latency_ms: float | None
    queries_per_library: dict[str | None, int]


def pipeline_stats(db: Database, chosen: TraceFilter) -> PipelineStats:
    """The chosen traces in seed C's numbers.

    Raises:
        StorageError: the database did not answer.
    """
    columns = (traces.c.retrieval_ms, traces.c.generation_ms, metrics.weight().label("weight"))
    newest = select(*columns).where(*conditions(chosen)).order_by(traces.c.started_at.desc()).limit(SAMPLE).subquery()
    with reading(db, chosen) as connection:
        whole = measures(connection, chosen, "all").get("", NOTHING)
        libraries = measures(connection, chosen, "library")
        retrieval = connection.scalar(select(metrics.weighted_mean(newest.c.retrieval_ms, newest.c.weight)))
        generation = connection.scalar(select(metrics.weighted_mean(newest.c.generation_ms, newest.c.weight)))
    most_first = sorted(libraries.items(), key=lambda item: (-item[1].count, item[0]))
    return PipelineStats(
        total_queries=whole.count,
        avg_latency_ms=metrics.mean(whole.duration_ms_sum, whole.timed_count),
        avg_retrieval_ms=retrieval,
        avg_generation_ms=generation,
        p95_latency_ms=metrics.percentiles(whole.histogram).p95_ms,
        queries_per_library={name or None: found.count for name, found in most_first if found.count},
    )
