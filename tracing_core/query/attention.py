"""What needs attention in a period: alerts that fire, failures of a new kind, what changed, models without a price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, func, select, true
from sqlalchemy.dialects.postgresql import distinct_on

from tracing_core.attention import ALL, FEWEST, Change, Part, Side, Subject, changes
from tracing_core.model import SpanStatus, TraceStatus
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import Measures, measures
from tracing_core.query.reading import reading
from tracing_core.query.rollup_measures import By, answers
from tracing_core.query.time_buckets import WIDTHS, chart_granularity
from tracing_core.rollups import operation_name
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.tables import trace_spans, traces

MOST_PARTS = 12
"""Operations, libraries and models of each kind that are looked at: those with most traffic."""
MOST_COSTS = 3
"""Libraries and models, each, whose costs are."""
MOST_FAILED = 500
"""Failed traces of each period, the newest, that are looked into."""
FEWEST_FAILURES = 3
"""Of one kind, before it is one."""
_LONGEST_KIND = 80
_LOOKED_AT = 5
"""Traces of each bucket of time, for their release."""
_PARTS: Mapping[By, Part] = {
    "all": Part.TRACE, "operation": Part.OPERATION, "library": Part.LIBRARY, "model": Part.MODEL,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFailure:
    """A kind of failure that the period before did not have, and a trace that shows it.

    Args:
        kind: how the error begins, with what varies in it as `*`.
        traces: among the newest failed ones.
    """

    operation: str
    kind: str
    traces: int
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpriced:
    """A model whose price nobody knows, and how many traces called it."""

    model: str
    traces: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """All of it, but for alerts, the most urgent first."""

    changes: tuple[Change, ...]
    failures: tuple[NewFailure, ...]
    unpriced: tuple[Unpriced, ...]


def attention(db: Database, chosen: TraceFilter, before: TraceFilter | None) -> Attention:
    """What needs attention among the chosen traces.

    Args:
        db: where they are.
        chosen: which; with a start.
        before: those of the period before; None when there is none to hold them against.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found: tuple[Change, ...] = ()
        failures: tuple[NewFailure, ...] = ()
        if before is not None and before.start is not None:
            now, then = _parts(connection, chosen), _parts(connection, before)
            costs = {each: _costs(connection, each, chosen, before) for each in _dearest(now)}
            found = changes(_sides(now), _sides(then), costs)
            if ALL in then and then[ALL].stored >= FEWEST:  # of next to nothing, everything would be new
                failures = _new_failures(connection, chosen, before)
        return Attention(changes=found, failures=failures, unpriced=_unpriced(connection, chosen))


def first_of_releases(
    db: Database, chosen: TraceFilter, buckets: Sequence[datetime]
) -> tuple[tuple[datetime, str], ...]:
    """When which release was first seen, to the bucket; not of the one that was there from the beginning.

    Only the first traces of each bucket are looked at, so that it costs the same for any number of traces.

    Raises:
        StorageError: the database did not answer.
    """
    if not buckets:
        return ()
    moments = select(func.unnest(list(buckets)).label("start")).cte("bucket")
    t, width = traces.c, min((later - earlier for earlier, later in pairwise(buckets)), default=WIDTHS["hour"])
    inside = (t.started_at >= moments.c.start, t.started_at < moments.c.start + width)
    of_project = () if chosen.project is None else (t.project == chosen.project,)
    some = select(t.release).where(*inside, *of_project).order_by(t.started_at).limit(_LOOKED_AT).lateral("some")
    asked = select(moments.c.start, some.c.release).join_from(moments, some, true())
    with db.read() as connection:
        rows = connection.execute(asked.order_by(moments.c.start)).all()
    seen: dict[str, datetime] = {}
    for start, release in rows:
        if release is not None:
            seen.setdefault(release, start)
    return tuple((start, release) for release, start in list(seen.items())[1:])


def _parts(connection: Connection, chosen: TraceFilter) -> dict[Subject, Measures]:
    """The parts of the traffic that the rollups know; of another filter only the whole."""
    found: dict[Subject, Measures] = {}
    for by, part in _PARTS.items():
        if by == "all" or answers(chosen, by):
            parts = measures(connection, chosen, by).items()
            most = sorted(parts, key=lambda item: (-item[1].count, str(item[0])))[:MOST_PARTS]
            found |= {(part, str(name)): each for name, each in most}
    return found


def _sides(parts: Mapping[Subject, Measures]) -> dict[Subject, Side]:
    return {
        subject: Side(
            stored=each.stored,
            count=each.count,
            errors=each.errors,
            flagged=metrics.flagged(each.flags),
            histogram=each.histogram,
        )
        for subject, each in parts.items()
    }


def _dearest(parts: Mapping[Subject, Measures]) -> list[Subject]:
    """Everything, and the libraries and models that cost most."""
    found = [ALL] if ALL in parts else []
    for part in (Part.LIBRARY, Part.MODEL):
        spent = [(each.cost_usd, subject) for subject, each in parts.items() if subject[0] is part and each.cost_usd]
        found += [subject for _, subject in sorted(spent, key=lambda item: (-item[0], item[1]))[:MOST_COSTS]]
    return found


def _costs(
    connection: Connection, subject: Subject, chosen: TraceFilter, before: TraceFilter
) -> tuple[list[float], list[float]]:
    """Dollars a trace in each bucket of time, of traces whose cost is known."""
    part, name = subject
    only = {} if part is Part.TRACE else {part.value: name}
    periods = [replace(each, **only) for each in (chosen, before)]  # type: ignore[arg-type]  # library or model
    these, others = (_cost_by_bucket(connection, each) for each in periods)
    return these, others


def _cost_by_bucket(connection: Connection, chosen: TraceFilter) -> list[float]:
    if not answers(chosen, "bucket") or chosen.start is None:
        return []
    end = chosen.end or connection.scalar(select(func.now()))
    assert end is not None
    granularity = chart_granularity(end - chosen.start)
    found = measures(connection, chosen, "bucket", granularity, histograms=False)
    inside = [
        each for start, each in found.items() if chosen.start <= start
    ]  # the first one is of the period before, too
    priced = [(float(each.cost_usd), each.count - each.unpriced_count) for each in inside]
    return [cost / count for cost, count in priced if count > 0]


def _new_failures(connection: Connection, chosen: TraceFilter, before: TraceFilter) -> tuple[NewFailure, ...]:
    known = {(operation, kind) for operation, kind, _ in _failures(connection, before)}
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for operation, kind, trace_id in _failures(connection, chosen):
        if (operation, kind) not in known:
            counts[operation, kind] += 1
            examples[operation, kind] = max(trace_id, examples.get((operation, kind), ""))
    return tuple(
        NewFailure(operation=operation, kind=kind, traces=count, example=examples[operation, kind])
        for (operation, kind), count in counts.most_common()
        if count >= FEWEST_FAILURES
    )


def _failures(connection: Connection, chosen: TraceFilter) -> set[tuple[str, str, str]]:
    """Operation, kind and trace of what went wrong first in each of the newest failed traces."""
    t, s = traces.c, trace_spans.c
    failed = select(t.trace_id, t.started_at, t.error).where(*conditions(chosen), t.status == TraceStatus.FAILED)
    rows = connection.execute(failed.order_by(t.started_at.desc()).limit(MOST_FAILED)).all()
    if not rows:
        return set()
    near = (min(row.started_at for row in rows) - NEARBY, max(row.started_at for row in rows) + NEARBY)
    deepest = (
        select(s.trace_id, s.name, s.error)
        .where(
            s.trace_id.in_([row.trace_id for row in rows]),
            s.started_at.between(*near),
            s.status == SpanStatus.ERROR,
            s.parent_id.is_not(None),
        )
        .order_by(s.trace_id, s.started_at.desc(), s.position.desc())
        .ext(distinct_on(s.trace_id))
    )
    found = {row.trace_id: (operation_name(row.name), failure_kind(row.error)) for row in connection.execute(deepest)}
    whole = {row.trace_id: ("", failure_kind(row.error)) for row in rows}
    return {(*kind, trace_id) for trace_id, kind in (whole | found).items()}


def failure_kind(error: str | None) -> str:
    """What kind of failure an error's text tells: its first line up to a colon, ids and numbers in it as `*`."""
    line = (error or "").strip().partition("\n")[0]
    kind, colon, _ = line.partition(":")
    said = kind if colon and " " not in kind.strip() else line
    return operation_name(said.strip())[:_LONGEST_KIND] or "no reason given"


def _unpriced(connection: Connection, chosen: TraceFilter) -> tuple[Unpriced, ...]:
    name = func.unnest(traces.c.unknown_models).label("model")
    each = select(name).where(metrics.unpriced(), *conditions(chosen)).subquery()
    counted = select(each.c.model, func.count().label("n")).group_by(each.c.model).order_by(func.count().desc())
    rows: Iterable[tuple[str, int]] = connection.execute(counted.limit(MOST_PARTS)).all()
    return tuple(Unpriced(model=model, traces=count) for model, count in rows)
