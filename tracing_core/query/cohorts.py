"""Groups of runs to compare: what there is to tell them apart by, and the numbers of some runs of each.

Of many runs, some are drawn at random, and each stands for others that were not. So a month of a million runs is compared as
quickly as a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Double, RowMapping, Text, cast, func, literal, select

from tracing_core.cohort import Cohort, CohortSample
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Row, drawn
from tracing_core.storage.database import Database
from tracing_core.storage.tables import decisions, traces

MOST = 4_000
"""Runs of a group that are looked at."""
LOOKED_AT = 3_000
"""The newest runs, in which it is found out what groups there are."""
MOST_VALUES = 30
_COLUMNS = ("model", "library", "project", "intent", "release", "environment", "provider", "domain", "name", "user_id")
_NUMBERS = (
    "duration_ms", "time_to_first_token_ms", "tokens_per_second", "input_tokens", "output_tokens", "cost_usd",
    "confidence", "overall_quality_score", "rating", "quality_gate_passed",
)  # fmt: skip
_MIXED = ("library", "intent", "user_id", "model")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dimension:
    """Something that tells groups of runs apart, and its values, the frequent ones first, with how many runs have each.

    Args:
        by: as `Cohort.by` names it.
    """

    by: str
    values: Mapping[str, int]


def dimensions(db: Database, chosen: TraceFilter) -> tuple[Dimension, ...]:
    """What tells the newest of the chosen runs apart: columns, attributes and decisions with two values or more.

    Values are counted in the newest 3,000 runs, as they are stored; a thing with another value for nearly each run (an id)
    is left out.

    Raises:
        StorageError: the database did not answer.
    """
    columns = [traces.c[name] for name in (*_COLUMNS, "attributes", "trace_id")]
    newest = select(*columns).where(*conditions(chosen)).order_by(traces.c.started_at.desc()).limit(LOOKED_AT)
    few = newest.cte("few")
    what = func.coalesce(decisions.c.what.op("#>>")("{}"), "").label("what")
    made = select(decisions.c.decision, what, func.count(func.distinct(few.c.trace_id)))
    made = made.join_from(few, decisions, decisions.c.trace_id == few.c.trace_id).where(func.length(what) <= 100)
    with reading(db, chosen) as connection:
        rows = connection.execute(select(few)).mappings().all()
        choices = connection.execute(made.group_by(decisions.c.decision, what)).all()
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        for by, value in _values(row):
            counted.setdefault(by, Counter())[value] += 1
    for decision, choice, count in choices:
        counted.setdefault(f"decision:{decision}", Counter())[choice] += count
    return tuple(
        Dimension(by=by, values=dict(values.most_common(MOST_VALUES)))
        for by, values in counted.items()
        if len(values) > 1 and len(values) <= max(MOST_VALUES, sum(values.values()) / 3)
    )


def cohort_sample(db: Database, chosen: TraceFilter, cohort: Cohort, most: int = MOST) -> CohortSample:
    """The numbers of some runs of a group.

    Args:
        db: where they are.
        chosen: which runs, of which those of the group are taken.
        cohort: the group.
        most: runs of it that are looked at; where there are more, those are drawn at random.

    Raises:
        InvalidInput: the group cannot be asked for.
        StorageError: the database did not answer.
    """
    first, last = cohort.range_of(chosen.start, chosen.end)
    chosen = replace(chosen, start=first, end=last)
    with reading(db, chosen) as connection:
        rows, sample = drawn(connection, chosen, most, _sampled_columns(), *_inside(cohort))
    return _sample(rows, sample.whole)


def previous_of(db: Database, trace_id: str) -> str | None:
    """The run before this one that did the same (project and name); None where there is none or no such run.

    Raises:
        StorageError: the database did not answer.
    """
    own = select(traces.c.project, traces.c.name, traces.c.started_at).where(traces.c.trace_id == storable(trace_id))
    with db.read() as connection:
        found = connection.execute(own).one_or_none()
        if found is None:
            return None
        before = select(traces.c.trace_id).where(
            traces.c.project == found.project, traces.c.started_at < found.started_at, traces.c.name == found.name
        )
        previous: str | None = connection.scalar(before.order_by(traces.c.started_at.desc()).limit(1))
    return previous


def _values(row: RowMapping) -> Sequence[tuple[str, str]]:
    named = [(name, row[name]) for name in _COLUMNS]
    said = [(f"attribute:{name}", _text(value)) for name, value in row["attributes"].items()]
    return [(by, value) for by, value in (*named, *said) if value]


def _text(value: Any) -> str:
    """A value of JSON as PostgreSQL's `->>` says it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _inside(cohort: Cohort) -> list[ColumnElement[bool]]:
    """The group as conditions on the table `traces`."""
    if cohort.by == "time":
        return []
    value = storable(cohort.value)
    kind, _, name = cohort.by.partition(":")
    if kind == "attribute":
        said = traces.c.attributes.op("->>")(storable(name))
        return [said.is_distinct_from(value) if cohort.others else cast(said, Text) == value]
    if kind == "decision":
        made = select(literal(1)).where(
            decisions.c.trace_id == traces.c.trace_id, decisions.c.decision == storable(name)
        )
        chose = made.where(decisions.c.what.op("#>>")("{}") == value)
        # an offset keeps PostgreSQL from reading all decisions for the few traces that are drawn
        return [made.offset(0).exists(), ~chose.offset(0).exists()] if cohort.others else [chose.offset(0).exists()]
    if kind not in _COLUMNS:
        raise InvalidInput("by", f"must be time, attribute:NAME, decision:NAME or one of {', '.join(_COLUMNS)}")
    column = traces.c[kind]
    return [column.is_distinct_from(value) if cohort.others else column == value]


def _sampled_columns() -> list[ColumnElement[Any]]:
    others = {
        "failed": metrics.trace_failed(),
        "flagged": metrics.trace_flagged(),
    }
    return [
        traces.c.trace_id,
        traces.c.stage_ms,
        *(cast(traces.c[name], Double).label(name) for name in _NUMBERS if name != "quality_gate_passed"),
        traces.c.quality_gate_passed,
        *(traces.c[name] for name in _MIXED),
        *(condition.label(name) for name, condition in others.items()),
    ]


def _sample(rows: Sequence[Row], whole: bool) -> CohortSample:
    weights = np.array([row["weight"] for row in rows], dtype=np.float64)
    shares = ("failed", "flagged")
    return CohortSample(
        trace_ids=tuple(row["trace_id"] for row in rows),
        weights=weights,
        numbers={
            name: np.array([np.nan if row[name] is None else float(row[name]) for row in rows], dtype=np.float64)
            for name in (*_NUMBERS, *shares)
        },
        stages=tuple(row["stage_ms"] or {} for row in rows),
        labels={name: tuple(row[name] or "" for row in rows) for name in _MIXED},
        whole=whole,
    )
