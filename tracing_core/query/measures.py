"""Counts, sums and histograms of many traces, from whichever source can answer the filter.

The rollups answer by time range, project, and library or model; they cost the same with a thousand traces as with
millions. Any other filter is answered from the rows themselves, with the same definitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from types import ModuleType
from typing import Any

import orjson
from sqlalchemy import Connection

from tracing_core.model import QualityFlag
from tracing_core.query import rollup_measures, row_measures
from tracing_core.query.filters import TraceFilter
from tracing_core.query.rollup_measures import By
from tracing_core.rollups import FLAG_COLUMNS


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """Some traces (or spans) added up, each for as many as it stands for. Durations are milliseconds, `cost_usd` dollars.

    `stored` is how many there are, each counted once: what the sums are evidence of.
    """

    stored: int = 0
    count: int = 0
    errors: int = 0
    duration_ms_sum: float = 0.0
    timed_count: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced_count: int = 0
    rating_count: int = 0
    rating_sum: int = 0
    flags: Mapping[QualityFlag, int]
    histogram: Mapping[int, float]


NOTHING = Measures(flags=dict.fromkeys(QualityFlag, 0), histogram={})


def measures(
    connection: Connection, chosen: TraceFilter, by: By, granularity: str = "day", *, histograms: bool = True
) -> dict[Any, Measures]:
    """What the chosen traces add up to.

    Args:
        connection: to read with.
        chosen: which traces; by bucket, the buckets at the edges of the range are whole.
        by: `all` gives one entry under "", the others one per bucket, operation or library that has any.
        granularity: of the buckets.
        histograms: whether these are asked for, too; they are most of the work.
    """
    rolled = rollup_measures.answers(chosen, by)
    source: ModuleType = rollup_measures if rolled else row_measures
    if rolled and by != "bucket":
        chosen = rollup_measures.widened(connection, chosen)
    rows = source.rows(connection, chosen, by, granularity, histograms=histograms)
    return {row["key"]: measures_of(row, histogram_of(row) if histograms else {}) for row in rows if row["count"]}


def histogram_of(row: Mapping[Any, Any]) -> dict[int, float]:
    """The histograms behind a key added up; their `bins` and `bin_counts` are as `rollup_measures.written` has them."""
    if row["bins"] is None:
        return {}
    bins, counts = _lists(row["bins"]), _lists(row["bin_counts"])
    if len(bins) == 1:
        return dict(zip(bins[0], counts[0], strict=True))
    added: defaultdict[int, float] = defaultdict(int)
    for number, count in zip(chain.from_iterable(bins), chain.from_iterable(counts), strict=True):
        added[number] += count
    return dict(added)


def _lists(arrays: str) -> list[list[Any]]:
    lists: list[list[Any]] = orjson.loads(f"[{arrays.replace('{', '[').replace('}', ']')}]")
    return lists


_NUMBERS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("stored", int), ("count", round), ("errors", round), ("duration_ms_sum", float), ("timed_count", float),
    ("input_tokens", round), ("output_tokens", round), ("cost_usd", Decimal), ("unpriced_count", round), ("rating_count", round),
    ("rating_sum", round),
)  # fmt: skip


def measures_of(row: Mapping[Any, Any], histogram: Mapping[int, float]) -> Measures:
    """A row of sums, as `rollup_measures.SUMS` names them, with the histogram that belongs to it."""
    return Measures(
        **{name: kind(row[name] or 0) for name, kind in _NUMBERS},
        flags={flag: round(row[column] or 0) for flag, column in FLAG_COLUMNS.items()},
        histogram=histogram,
    )
