"""Which decisions are taken: how often, which way, how sure, and how it turned out; over what else, and whether it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from tracing_core.query.decision_groups import MOST_VALUES, Group, Key, grouped, with_outcome
from tracing_core.query.decision_sample import Sample, sampled
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import Outcome, check_outcome
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database

_SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One way in which decisions of a type went.

    Args:
        key: what tells it from others: its JSON, or the beginning of that where it is long.
        what: it, any JSON value; the key where that is `cut`.
        share: of all decisions of the type, 0 to 1; `share_before` is that of the period before, None where nobody asked.
    """

    key: str
    what: Any
    cut: bool
    share: float
    share_before: float | None
    group: Group


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantiles:
    """Of confidence, 0 to 1, to the hundredth; a tenth of the decisions is less sure than `low`, a tenth surer than `high`."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionPoint:
    """The decisions of a bucket of time, and how often each choice (`Choice.key`) was among them."""

    bucket: datetime
    group: Group
    choices: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionType:
    """The decisions of one type.

    Args:
        decision: its name.
        group: all of them.
        choices: the frequent ones; `others` is the share of all others, 0 to 1.
        distinct: how many there are; `distinct_more` says that there are more, uncounted.
        confidences: how often each hundredth of confidence was said.
        quantiles: of confidence; None when none was said.
        stages, models, projects: by name, the frequent ones first; the empty name is none.
        before: the decisions of the period before; None where nobody asked, or there were none.
        drift: how much the choices differ from those before: 0 not at all, 1 entirely; None where nothing can be compared.
        points: by bucket of time, the oldest first, where they were asked for; buckets without any are left out.
    """

    decision: str
    group: Group
    choices: tuple[Choice, ...]
    others: float
    distinct: int
    distinct_more: bool
    confidences: Mapping[float, float]
    quantiles: Quantiles | None
    stages: Mapping[str, Group]
    models: Mapping[str, Group]
    projects: Mapping[str, Group]
    before: Group | None
    drift: float | None
    points: tuple[DecisionPoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionTypes:
    """The types of decisions, the frequent ones first, and what they were counted from.

    `known` is where outcomes are from; it is the same sample unless there are too many traces to look at.
    """

    types: tuple[DecisionType, ...]
    sample: Sample
    known: Sample


def decision_types(
    db: Database,
    chosen: TraceFilter,
    outcome: Outcome,
    *,
    before: TraceFilter | None = None,
    over_time: bool = False,
    most_choices: int = 8,
) -> DecisionTypes:
    """The types of decisions that the chosen traces took; with `chosen.decision` only what is as that asks.

    Args:
        db: where the traces are.
        chosen: which.
        outcome: by what it is told whether a trace turned out well.
        before: the same over the period before, to compare with.
        over_time: whether the types have points.
        most_choices: of a type that are named.

    Raises:
        InvalidInput: there is no such outcome.
        StorageError: the database did not answer.
    """
    check_outcome(outcome)
    with reading(db, chosen) as connection:
        ways = _WAYS | _IN_TIME if over_time else _WAYS
        granularity = _granularity(connection, chosen)
        found, sample, known = _counted(connection, chosen, outcome, ways, granularity)
        earlier = None if before is None else _counted(connection, before, outcome, _COMPARED)[0]
    return DecisionTypes(types=_types(found, earlier, most_choices), sample=sample, known=known)


_WAYS: dict[str, Key] = {
    "type": ("decision",),
    **{name: ("decision", name) for name in ("what", "hundredth", "stage", "model", "project")},
}
_COMPARED: dict[str, Key] = {name: _WAYS[name] for name in ("type", "what")}
_IN_TIME: dict[str, Key] = {"bucket": ("decision", "bucket"), "bucket and what": ("decision", "bucket", "what")}
_MOST_IN_TIME = 2000
_GRANULARITIES = {"minute": timedelta(hours=1), "hour": timedelta(days=2)}
"""Up to which length of the range buckets are so fine: in each there should be decisions enough for a share."""
_Ways = dict[str, dict[Key, Group]]


def _granularity(connection: Connection, chosen: TraceFilter) -> str:
    if chosen.start is None:
        return "day"
    end = chosen.end or connection.scalar(select(func.now())) or chosen.start
    length = end - chosen.start
    return next((name for name, longest in _GRANULARITIES.items() if length <= longest), "day")


def _counted(
    connection: Connection, chosen: TraceFilter, outcome: Outcome, ways: Mapping[str, Key], granularity: str = "day"
) -> tuple[_Ways, Sample, Sample]:
    """The groups, with outcomes from a sample of their own where not all traces are looked at: few may have one."""
    made = sampled(connection, chosen, outcome)
    most = _MOST_IN_TIME if "bucket" in ways else MOST_VALUES
    found = grouped(connection, made, ways, most=most, granularity=granularity)
    if made.sample.whole:
        return found, made.sample, made.sample
    known = sampled(connection, chosen, outcome, only_known=True)
    told = grouped(connection, known, ways, most=most, granularity=granularity)
    joined = {
        name: {key: with_outcome(group, told[name].get(key)) for key, group in groups.items()}
        for name, groups in found.items()
    }
    return joined, made.sample, known.sample


def _types(found: _Ways, before: _Ways | None, most_choices: int) -> tuple[DecisionType, ...]:
    types = [_type(name, group, found, before, most_choices) for (name,), group in found["type"].items()]
    return tuple(sorted(types, key=lambda each: (-each.group.count, each.decision)))


def _type(name: str, group: Group, found: _Ways, before: _Ways | None, most_choices: int) -> DecisionType:
    def of_type(ways: _Ways, way: str) -> dict[str, Group]:
        return {key[1]: each for key, each in ways[way].items() if key[0] == name}

    earlier = None if before is None else before["type"].get((name,))
    whats = of_type(found, "what")
    shares = {what: each.count / group.count for what, each in whats.items()}
    earlier_shares = (
        None
        if before is None or earlier is None
        else {what: each.count / earlier.count for what, each in of_type(before, "what").items()}
    )
    choices = tuple(_choice(what, each, shares, earlier_shares) for what, each in list(whats.items())[:most_choices])
    confidences = {float(said): each.count for said, each in of_type(found, "hundredth").items() if said}
    return DecisionType(
        decision=name, group=group, choices=choices, others=max(1 - sum(each.share for each in choices), 0.0),
        distinct_more=len(whats) >= MOST_VALUES, distinct=len(whats), confidences=confidences,
        quantiles=_quantiles(confidences), stages=of_type(found, "stage"), models=of_type(found, "model"),
        projects=of_type(found, "project"), before=earlier,
        drift=None if earlier_shares is None else _difference(shares, earlier_shares), points=_points(name, found),
    )  # fmt: skip


def _points(name: str, found: _Ways) -> tuple[DecisionPoint, ...]:
    choices: dict[str, dict[str, float]] = defaultdict(dict)
    for (decision, bucket, what), group in found.get("bucket and what", {}).items():
        if decision == name:
            choices[bucket][what] = group.count
    points = (
        DecisionPoint(bucket=datetime.fromisoformat(bucket), group=group, choices=choices[bucket])
        for (decision, bucket), group in found.get("bucket", {}).items()
        if decision == name
    )
    return tuple(sorted(points, key=lambda point: point.bucket))


def _choice(what: str, group: Group, shares: Mapping[str, float], before: Mapping[str, float] | None) -> Choice:
    share_before = None if before is None else before.get(what, 0.0)
    try:
        value, cut = orjson.loads(what), False
    except orjson.JSONDecodeError:
        value, cut = what, True
    return Choice(key=what, what=value, cut=cut, share=shares[what], share_before=share_before, group=group)


def _quantiles(confidences: Mapping[float, float]) -> Quantiles | None:
    total, reached = sum(confidences.values()), 0.0
    found: list[float] = []
    for said in sorted(confidences):
        reached += confidences[said]
        while len(found) < len(_SHARES) and reached >= _SHARES[len(found)] * total:
            found.append(said)
    return Quantiles(low=found[0], median=found[1], high=found[2]) if found else None


def _difference(shares: Mapping[str, float], before: Mapping[str, float]) -> float:
    """Half the sum of how much each share changed: what part of the decisions goes another way now."""
    moved = sum(abs(shares.get(what, 0.0) - before.get(what, 0.0)) for what in {*shares, *before})
    return min((moved + abs(sum(shares.values()) - sum(before.values()))) / 2, 1.0)
