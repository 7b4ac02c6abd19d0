"""Decisions counted by what they have in common: how often, how sure, and how their traces turned out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Numeric,
    RowMapping,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from tracing_core.confidence import Interval, wilson
from tracing_core.query import metrics
from tracing_core.query.decision_sample import Made

WHAT_CHARS = 200
"""Of what was chosen; longer texts that begin alike are one."""
MOST_VALUES = 101
"""Of one kind that are told apart: every hundredth of confidence, and more choices than anybody looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Some decisions. Everything but `stored` and `known` counts each as often as it stands for.

    Args:
        stored: how many there are; `count` is what they stand for.
        confidence: their mean, 0 to 1; None when none of them says.
        known: those of which it is known how their trace turned out.
        good: the share of these that turned out well, 0 to 1; `interval` is its Wilson interval.
        said: the mean confidence of those with a confidence and a known outcome, and `came_true` their share of good ones.
    """

    stored: int
    count: float
    confidence: float | None
    known: int
    good: float | None
    interval: Interval | None
    said: float | None
    came_true: float | None


Key = tuple[str, ...]


def grouped(
    connection: Connection,
    made: Made,
    by: Mapping[str, Sequence[str]],
    *,
    most: int = MOST_VALUES,
    granularity: str = "day",
) -> dict[str, dict[Key, Group]]:
    """The decisions, counted in several ways in one go.

    Args:
        connection: to read with.
        made: which decisions.
        by: for each way its columns, out of decision, what (as JSON, cut), hundredth (of confidence), stage, model, project
            and bucket (of time); all ways begin with the same column.
        most: groups of one way and one value of the first column; the most frequent ones.
        granularity: of the buckets: minute, hour or day.

    Returns:
        For each way the groups by the values of its columns, as text, the frequent ones first.
    """
    used = list(dict.fromkeys(name for names in by.values() for name in names))
    keys = _keys(made, granularity)
    each = select(*(keys[name].label(name) for name in used), *_measured(made)).subquery()
    columns = [each.c[name] for name in used]
    way = func.grouping(*columns).label("way")
    sets = [tuple_(*(each.c[name] for name in names)) for names in by.values()]
    sums = (func.sum(each.c[name]).label(name) for name in _SUMS)
    groups = select(*columns, way, *sums).group_by(func.grouping_sets(*sets)).subquery()
    place = func.row_number().over(partition_by=(groups.c[used[0]], groups.c.way), order_by=groups.c["count"].desc())
    ranked = select(*groups.c, place.label("place")).subquery()
    statement = select(ranked).where(ranked.c.place <= most).order_by(ranked.c.place)
    ways = {_bits(used, names): name for name, names in by.items()}
    found: dict[str, dict[Key, Group]] = {name: {} for name in by}
    for row in connection.execute(statement).mappings():
        name = ways[row["way"]]
        found[name][tuple(row[key] or "" for key in by[name])] = _group(row)
    return found


def with_outcome(group: Group, told: Group | None) -> Group:
    """The group, with what is known of outcomes from another sample of the same decisions."""
    if told is None:
        return replace(group, known=0, good=None, interval=None, said=None, came_true=None)
    return replace(
        group, known=told.known, good=told.good, interval=told.interval, said=told.said, came_true=told.came_true
    )


def _keys(made: Made, granularity: str) -> dict[str, ColumnElement[Any]]:
    d = made.rows.c
    bucket = func.date_trunc(granularity, d.started_at, "UTC")
    return {
        "what": func.left(cast(d.what, Text), WHAT_CHARS),
        "hundredth": cast(func.round(cast(d.confidence, Numeric), 2), Text),
        "bucket": func.to_char(func.timezone("UTC", bucket), 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
        **{name: d[name] for name in ("decision", "stage", "model", "project")},
    }


_SUMS = (
    "stored", "count", "sure_weight", "sure", "known", "known_weight", "known_squares", "good_weight", "said_weight", "said",
    "came_true",
)  # fmt: skip


def _measured(made: Made) -> list[ColumnElement[Any]]:
    """What `_SUMS` adds up; NULL where a decision does not say."""
    d = made.rows.c
    told = d.good.is_not(None)
    both = and_(told, d.confidence.is_not(None))
    amounts: dict[str, ColumnElement[Any]] = {
        "stored": literal(1),
        "count": d.weight,
        "sure_weight": case((d.confidence.is_not(None), d.weight)),
        "sure": d.confidence * d.weight,
        "known": case((told, 1)),
        "known_weight": case((told, d.weight)),
        "known_squares": case((told, d.weight * d.weight)),
        "good_weight": case((d.good, d.weight), (told, 0.0)),
        "said_weight": case((both, d.weight)),
        "said": case((both, d.confidence * d.weight)),
        "came_true": case((and_(both, d.good), d.weight), (both, 0.0)),
    }
    return [amounts[name].label(name) for name in _SUMS]


def _bits(used: Sequence[str], names: Sequence[str]) -> int:
    """PostgreSQL's GROUPING(): a bit is set for each column that a way does not go by."""
    return sum(1 << at for at, name in enumerate(reversed(used)) if name not in names)


def _group(row: RowMapping) -> Group:
    share = metrics.share(row["good_weight"] or 0.0, row["known_weight"] or 0.0)
    effective = (row["known_weight"] or 0.0) ** 2 / (row["known_squares"] or 1.0)
    return Group(
        stored=row["stored"],
        count=row["count"],
        confidence=metrics.share(row["sure"] or 0.0, row["sure_weight"] or 0.0),
        known=row["known"] or 0,
        good=share,
        interval=None if share is None else wilson(share, effective),
        said=metrics.share(row["said"] or 0.0, row["said_weight"] or 0.0),
        came_true=metrics.share(row["came_true"] or 0.0, row["said_weight"] or 0.0),
    )
