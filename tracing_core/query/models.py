"""The models that were called: those whose cost is known, and those that wait for a price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, func, or_, select

from tracing_core.cost import CostTracker
from tracing_core.cost_audit import AuditedCall, audit
from tracing_core.jsontext import label
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.rates import TokenClass
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY, spans_in, stored_parts
from tracing_core.storage.tables import trace_spans, traces

SAMPLE = 1000
"""Traces, the newest, from which the tokens by class are counted; rows know the sum of a call alone."""
_AT_A_TIME = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCalls:
    """What was used of one model. Calls, tokens and dollars stand for what sampling left out, too.

    Args:
        calls: how many; a call that another one repeats counts once.
        unpriced_calls: those without a known cost.
        cost_usd: of the others.
    """

    model: str
    calls: int
    unpriced_calls: int
    tokens: int
    cost_usd: Decimal
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownModel:
    """A model that has no price, or had none when its traces were stored.

    Args:
        traces: that called it, as they are stored.
        tokens: by class, in the newest of these traces.
        counted: how many traces these were.
        missing: the classes that have no price in the book in force; empty when there is one now.
    """

    model: str
    traces: int
    first_at: datetime
    last_at: datetime
    tokens: Mapping[TokenClass, int]
    counted: int
    missing: tuple[TokenClass, ...]


def model_calls(db: Database, chosen: TraceFilter) -> tuple[ModelCalls, ...]:
    """The models that were called, the dearest first.

    A call that is another's child is counted and not the other: wrappers of a client repeat what it says.

    Raises:
        StorageError: the database did not answer.
    """
    s, child = trace_spans.c, trace_spans.alias("child")
    repeated = select(child.c.trace_id).where(
        child.c.trace_id == s.trace_id, child.c.parent_id == s.span_id, child.c.total_tokens.is_not(None)
    )
    unknown = s.model == traces.c.unknown_models.any_()  # what repeats others has no cost of our own either
    weight = metrics.weight()
    statement = (
        select(
            s.model,
            metrics.how_many(s.span_id.is_not(None), weight).label("calls"),
            metrics.how_many(s.cost_usd.is_(None), weight).label("unpriced_calls"),
            metrics.weighted(s.total_tokens, weight).label("tokens"),
            metrics.cost_sum(s.cost_usd, weight).label("cost_usd"),
            func.max(s.started_at).label("last_at"),
        )
        .join_from(trace_spans, traces, traces.c.trace_id == s.trace_id)
        .where(s.model.is_not(None), s.total_tokens.is_not(None), or_(s.cost_usd.is_not(None), unknown))
        .where(~repeated.exists())
        .where(*conditions(chosen), *_near(chosen))
        .group_by(s.model)
    )
    with reading(db, chosen) as connection:
        found = connection.execute(statement).all()
    calls = [
        ModelCalls(
            model=row.model, calls=round(row.calls), unpriced_calls=round(row.unpriced_calls), tokens=round(row.tokens),
            cost_usd=row.cost_usd, last_at=row.last_at,
        )
        for row in found
    ]  # fmt: skip
    return tuple(sorted(calls, key=lambda each: (-each.cost_usd, -each.tokens, each.model)))


def _near(chosen: TraceFilter) -> list[ColumnElement[bool]]:
    """Spans are stored by day, so a range spares looking through the days without it."""
    s = trace_spans.c
    after = [] if chosen.start is None else [s.started_at >= chosen.start - NEARBY]
    return after if chosen.end is None else [*after, s.started_at < chosen.end + NEARBY]


def unknown_models(db: Database, chosen: TraceFilter, prices: CostTracker) -> tuple[UnknownModel, ...]:
    """The models because of which the cost of a trace is not known, the most used first.

    Args:
        db: where the traces are.
        chosen: which.
        prices: those in force: a model may have got its price since.

    Raises:
        StorageError: the database did not answer.
    """
    where = (metrics.unpriced(), *conditions(chosen))
    t, name = traces.c, func.unnest(traces.c.unknown_models).label("model")
    each = select(name, t.started_at).where(*where).subquery()
    sums = (func.count(), func.min(each.c.started_at), func.max(each.c.started_at))
    with reading(db, chosen) as connection:
        found = connection.execute(select(each.c.model, *sums).group_by(each.c.model)).all()
        newest = connection.execute(
            select(t.trace_id, t.started_at).where(*where).order_by(t.started_at.desc()).limit(SAMPLE)
        ).all()
        counted = _Counted()
        for start in range(0, len(newest), _AT_A_TIME):
            counted.read(
                connection, [(row.trace_id, row.started_at) for row in newest[start : start + _AT_A_TIME]], prices
            )
    models = [
        UnknownModel(
            model=model, traces=count, first_at=first_at, last_at=last_at, tokens=dict(counted.tokens.get(model, {})),
            counted=counted.traces[model], missing=tuple(sorted(counted.missing.get(model, ()))),
        )
        for model, count, first_at, last_at in found
    ]  # fmt: skip
    return tuple(sorted(models, key=lambda each: (-each.traces, each.model)))


def _name(call: AuditedCall) -> str:
    return label(call.model) or ""


class _Counted:
    """Tokens by class of the models that some traces name as unknown."""

    def __init__(self) -> None:
        self.tokens: dict[str, Counter[TokenClass]] = {}
        self.missing: dict[str, set[TokenClass]] = {}
        self.traces: Counter[str] = Counter()

    def read(self, connection: Connection, some: list[tuple[str, datetime]], prices: CostTracker) -> None:
        """Count what is in these traces, given by id and start."""
        for parts in stored_parts(connection, some).values():
            calls = [call for call in audit(spans_in(parts), prices).calls if call.given_usd is None]
            self.traces.update({_name(call) for call in calls})
            for call in calls:
                self.tokens.setdefault(_name(call), Counter()).update(dict(call.counts))
                self.missing.setdefault(_name(call), set()).update(call.missing)
