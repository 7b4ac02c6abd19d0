"""Where the money goes: by model, project, user, operation or library, over time, and the traces that cost the most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from sqlalchemy import Connection, func, select

from tracing_core.errors import InvalidInput
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.query.rollup_measures import first_day, without_minutes
from tracing_core.query.spend_rollups import answers, rolled
from tracing_core.query.spend_rows import call_rows, user_rows
from tracing_core.query.time_buckets import bucket_starts, chart_granularity
from tracing_core.query.trace_sample import Drawn
from tracing_core.query.traces import TraceRow, trace_columns, trace_row
from tracing_core.rollups import bucket_start
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import trace_spans, traces

CostBy = Literal["model", "project", "user", "operation", "library"]
LOOKED_THROUGH = 100_000
"""Traces, the newest, among which the dearest are looked for."""
GOOD_RATING = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendLine:
    """What was spent on one key, those traces included that sampling left out.

    Args:
        key: a model, project, user, operation or library; empty for none.
        cost_usd: dollars, as far as prices are known; None when none is.
        requests: traces; of an operation, calls.
        unpriced: those of them that have no known price.
        tokens: that went in and came out.
        share: of all that was spent, 0 to 1; None when nothing was.
    """

    key: str
    cost_usd: Decimal | None
    requests: int
    unpriced: int
    tokens: int
    share: float | None

    @property
    def each_usd(self) -> Decimal | None:
        """What one request costs; None when that is not known."""
        return None if self.cost_usd is None else self.cost_usd / (self.requests - self.unpriced)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """Where the money went.

    Args:
        lines: the dearest first.
        buckets: starts of the buckets of time, in order, empty ones included; `granularity` is minute, hour or day.
        over_time: dollars by key and bucket; where there is nothing, nothing is known to have been spent.
        sample: what it is estimated from; None when all traces are in it.
    """

    by: CostBy
    granularity: str
    lines: tuple[SpendLine, ...]
    buckets: tuple[datetime, ...]
    over_time: Mapping[str, Mapping[datetime, Decimal]]
    sample: Drawn | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GoodAnswers:
    """What rated answers cost, and how many of them are good: rated 4 or 5 by everybody who rated them.

    `cost_usd` is dollars of all rated ones, as far as prices are known; `unpriced` of these have none.
    """

    rated: int
    good: int
    unpriced: int
    cost_usd: Decimal | None

    @property
    def each_usd(self) -> Decimal | None:
        """What a good answer costs, with the bad ones that it takes to get it; None when that is not known."""
        known = self.cost_usd is not None and self.good
        return self.cost_usd / self.good if known and self.cost_usd is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dearest:
    """The traces that cost the most, the dearest first; of how many; and whether these are all."""

    rows: tuple[TraceRow, ...]
    among: int
    whole: bool


def spending(db: Database, chosen: TraceFilter, by: CostBy) -> Spending:
    """Where the money of the chosen traces went.

    By model, project and library the rollups answer when they know the filter; everything else is from the rows of traces,
    of very many of which some are drawn.

    Raises:
        InvalidInput: `by` is none of the five.
        StorageError: the database did not answer.
    """
    if by not in get_args(CostBy):
        raise InvalidInput("by", f"must be one of {', '.join(get_args(CostBy))}")
    with reading(db, chosen) as connection:
        start, end = _extent(connection, chosen)
        granularity = _granularity(connection, chosen, start, end)
        sample: Drawn | None = None
        if by in ("model", "project", "library") and answers(chosen, by):
            rows: Iterable[Mapping[Any, Any]] = rolled(connection, chosen, by)
            points: Iterable[Mapping[Any, Any]] = rolled(connection, chosen, by, granularity)
        else:
            found = call_rows(connection, chosen) if by == "operation" else user_rows(connection, chosen, by)
            rows, sample = found
            points = [{**row, "bucket": bucket_start(row["started_at"], granularity)} for row in rows]
            sample = None if sample.whole else sample
    over_time: dict[str, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for point in points:
        if point["cost_usd"]:
            over_time[point["key"]][point["bucket"]] += point["cost_usd"]
    buckets = {*bucket_starts(start, end, granularity), *(bucket for sums in over_time.values() for bucket in sums)}
    return Spending(
        by=by, granularity=granularity, lines=_lines(rows), buckets=tuple(sorted(buckets)),
        over_time={key: dict(sums) for key, sums in over_time.items()}, sample=sample,
    )  # fmt: skip


def good_answers(db: Database, chosen: TraceFilter) -> GoodAnswers:
    """What a good answer costs.

    Raises:
        StorageError: the database did not answer.
    """
    weight = metrics.weight()
    statement = select(
        func.coalesce(func.sum(weight), 0).label("rated"),
        metrics.how_many(traces.c.rating >= GOOD_RATING, weight).label("good"),
        metrics.how_many(metrics.unpriced(), weight).label("unpriced"),
        metrics.cost_sum(traces.c.cost_usd, weight).label("cost_usd"),
    ).where(traces.c.rating.is_not(None), *conditions(chosen))  # which has an index of its own
    with reading(db, chosen) as connection:
        row = connection.execute(statement).one()
    rated, unpriced = round(row.rated), round(row.unpriced)
    return GoodAnswers(
        rated=rated, good=round(row.good), unpriced=unpriced,
        cost_usd=metrics.known_cost(row.cost_usd, unpriced, rated),
    )  # fmt: skip


def dearest(db: Database, chosen: TraceFilter, *, operation: str | None = None, limit: int = 10) -> Dearest:
    """The traces that cost the most, among the newest of the chosen ones.

    Args:
        db: where they are.
        chosen: which.
        operation: only those with a span of this operation, which are looked for among fewer.
        limit: how many at most.

    Raises:
        StorageError: the database did not answer.
    """
    most_looked = LOOKED_THROUGH if operation is None else LOOKED_THROUGH // 20
    newest = select(traces.c.trace_id, traces.c.cost_usd, traces.c.started_at).where(*conditions(chosen))
    some = newest.order_by(traces.c.started_at.desc()).limit(most_looked + 1).cte("newest")
    most = select(some.c.trace_id).where(some.c.cost_usd > 0).order_by(some.c.cost_usd.desc(), some.c.trace_id)
    if operation is not None:
        s = trace_spans.c
        near = (s.started_at >= some.c.started_at - NEARBY, s.started_at < some.c.started_at + NEARBY)
        called = select(s.trace_id).where(s.trace_id == some.c.trace_id, metrics.operation(s.name) == operation, *near)
        most = most.where(called.offset(0).exists())  # an offset keeps PostgreSQL from going through all spans for it
    first = most.limit(limit).subquery()
    listed = select(*trace_columns()).join_from(first, traces, traces.c.trace_id == first.c.trace_id)
    with reading(db, chosen) as connection:
        found = connection.execute(listed.order_by(traces.c.cost_usd.desc(), traces.c.trace_id)).mappings().all()
        among = connection.scalar(select(func.count()).select_from(some)) or 0
    return Dearest(
        rows=tuple(trace_row(row) for row in found), among=min(among, most_looked), whole=among <= most_looked
    )


def unpriced_traces(db: Database, chosen: TraceFilter, *, limit: int = 5) -> tuple[TraceRow, ...]:
    """The newest traces whose cost is not known.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(*trace_columns()).where(metrics.unpriced(), *conditions(chosen))
    with reading(db, chosen) as connection:
        found = connection.execute(statement.order_by(traces.c.started_at.desc()).limit(limit)).mappings().all()
    return tuple(trace_row(row) for row in found)


def unpriced_models(db: Database, chosen: TraceFilter) -> dict[str, int]:
    """How many stored traces have no known cost because of which model, the most first.

    Raises:
        StorageError: the database did not answer.
    """
    model, many = func.unnest(traces.c.unknown_models).label("model"), func.count()
    each = select(model).where(metrics.unpriced(), *conditions(chosen)).subquery()
    statement = select(each.c.model, many).group_by(each.c.model).order_by(many.desc(), each.c.model)
    with reading(db, chosen) as connection:
        return {name: count for name, count in connection.execute(statement)}  # noqa: C416


def _lines(rows: Iterable[Mapping[Any, Any]]) -> tuple[SpendLine, ...]:
    sums: dict[str, list[Any]] = defaultdict(lambda: [0.0, Decimal(0), 0.0, 0.0])
    for row in rows:
        added = (
            row["count"], row["cost_usd"] or 0, row["unpriced_count"] or 0,
            (row["input_tokens"] or 0) + (row["output_tokens"] or 0),
        )  # fmt: skip
        sums[row["key"]] = [old + new for old, new in zip(sums[row["key"]], added, strict=True)]
    whole = sum((each[1] for each in sums.values()), Decimal(0))
    lines = [
        SpendLine(
            key=key, cost_usd=metrics.known_cost(cost, round(unpriced), round(count)), requests=round(count),
            unpriced=round(unpriced), tokens=round(tokens), share=metrics.share(float(cost), float(whole)),
        )
        for key, (count, cost, unpriced, tokens) in sums.items()
        if round(count)
    ]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-(line.cost_usd or 0), -line.requests, line.key)))


def _extent(connection: Connection, chosen: TraceFilter) -> tuple[datetime, datetime]:
    end: datetime = chosen.end or connection.execute(select(func.now())).scalar_one()
    start = chosen.start or connection.scalar(first_day(chosen.project)) or end
    return min(start, end), end


def _granularity(connection: Connection, chosen: TraceFilter, start: datetime, end: datetime) -> str:
    """What suits the length of the range, unless that is minutes which are not kept any more."""
    suiting = chart_granularity(end - start)
    gone = suiting == "minute" and without_minutes(connection, chosen.project, bucket_starts(start, end, "hour"))
    return "hour" if gone else suiting
