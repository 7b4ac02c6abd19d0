"""Which traces a cohort is: its condition in SQL, its filter, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import ROUND_FLOOR, Context
from typing import Any

from sqlalchemy import and_, false, select

from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.explain.result import Cohort
from tracing_core.explain.sentences import amount
from tracing_core.histogram import RELATIVE_ERROR
from tracing_core.jsontext import storable
from tracing_core.model import QualityFlag
from tracing_core.query import metrics
from tracing_core.query.explain_sample import Membership, quantile_of
from tracing_core.query.feedback import LOW_RATING
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

P95 = 0.95
_t = traces.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Meant:
    """A cohort as it was meant.

    Args:
        member: which traces are of it.
        picks: its filter; None where no filter can say it.
        described: it in words.
    """

    member: Membership
    picks: TraceFilter | None
    described: str


def meant(db: Database, cohort: Cohort) -> Meant:
    """Which traces a cohort is.

    Raises:
        TraceNotFound: it is one trace, which is not there.
        StorageError: the database did not answer.
    """
    found = {
        "slow": _slow, "expensive": _expensive, "failed": _failed, "flagged": _flagged, "low_rated": _low_rated,
        "box": _picked, "filter": _picked, "trace": _one,
    }  # fmt: skip
    return found[cohort.kind](db, cohort.chosen, cohort)


def _slow(db: Database, of: TraceFilter, _: Cohort) -> Meant:
    over = quantile_of(db, of, "duration_ms", P95)
    timed = (_t.duration_ms.is_not(None),)
    if over is None:
        return Meant(member=Membership(of=of, these=false(), eligible=timed), picks=None, described="slow traces")
    over = _sayable(over * (1 - RELATIVE_ERROR))  # where the bin of the histogram begins: the longest may all be in it
    low = max(over, of.min_duration_ms or 0.0)
    return Meant(
        member=Membership(of=of, these=_t.duration_ms >= over, eligible=timed),
        picks=replace(of, min_duration_ms=low),
        described=f"slow traces (over the P95 of {amount(over, 'ms')})",
    )


def _expensive(db: Database, of: TraceFilter, _: Cohort) -> Meant:
    over = quantile_of(db, of, "cost_usd", P95)
    priced = (_t.cost_usd.is_not(None),)
    if over is None:
        return Meant(member=Membership(of=of, these=false(), eligible=priced), picks=None, described="expensive traces")
    over = _sayable(over)
    return Meant(
        member=Membership(of=of, these=_t.cost_usd >= over, eligible=priced),
        picks=replace(of, min_cost_usd=max(over, of.min_cost_usd or 0.0)),
        described=f"expensive traces (over the P95 of {amount(over, 'USD')})",
    )


def _sayable(limit: float) -> float:
    """A limit rounded down to five digits, which the address of a list holds: it has the very traces of the cohort."""
    return float(Context(prec=5, rounding=ROUND_FLOOR).create_decimal(repr(limit)))


def _failed(_db: Database, of: TraceFilter, _: Cohort) -> Meant:
    picks = replace(of, status="failed") if of.status in (None, "failed") else None
    return Meant(member=Membership(of=of, these=metrics.trace_failed()), picks=picks, described="failed traces")


def _flagged(_db: Database, of: TraceFilter, _: Cohort) -> Meant:
    none = of.flagged is False or of.quality_flag == QualityFlag.NORMAL
    picks = None if none else replace(of, flagged=True)
    return Meant(member=Membership(of=of, these=metrics.trace_flagged()), picks=picks, described="flagged traces")


def _low_rated(_db: Database, of: TraceFilter, _: Cohort) -> Meant:
    return Meant(
        member=Membership(of=of, these=_t.rating <= LOW_RATING, eligible=(_t.rating.is_not(None),)),
        picks=replace(of, max_rating=min(of.max_rating or LOW_RATING, LOW_RATING)),
        described=f"low-rated traces (rated {LOW_RATING} or lower, against those rated higher)",
    )


def _picked(_db: Database, of: TraceFilter, cohort: Cohort) -> Meant:
    picks = cohort.picks or TraceFilter()
    eligible = tuple(_KNOWN[name].is_not(None) for name in picks.set_fields() if name in _KNOWN)
    described = "traces in the box" if cohort.kind == "box" else "the chosen traces"
    member = Membership(of=of, these=and_(*conditions(picks)), eligible=eligible)
    return Meant(member=member, picks=_narrowed(of, picks), described=described)


_KNOWN = {
    "min_duration_ms": _t.duration_ms, "max_duration_ms": _t.duration_ms, "max_rating": _t.rating,
    "quality_gate_passed": _t.quality_gate_passed, "min_cost_usd": _t.cost_usd,
}  # fmt: skip
"""Columns that must be known for a trace to be of either group: what nobody rated is not rated well."""


def _one(db: Database, of: TraceFilter, cohort: Cohort) -> Meant:
    trace_id = storable(cohort.trace_id or "")
    with db.read() as connection:
        if connection.scalar(select(_t.trace_id).where(_t.trace_id == trace_id)) is None:
            raise TraceNotFound(f"there is no trace {cohort.trace_id} in this database; check the id")
    member = Membership(of=of, these=_t.trace_id == trace_id)
    return Meant(member=member, picks=TraceFilter(trace_ids=(trace_id,)), described=f"the trace {trace_id}")


def _narrowed(of: TraceFilter, picks: TraceFilter) -> TraceFilter | None:
    """Both filters as one; None where no filter can say that."""
    values: dict[str, Any] = {}
    for field in fields(TraceFilter):
        wide, narrow = getattr(of, field.name), getattr(picks, field.name)
        if wide is None or narrow is None or wide == narrow:
            values[field.name] = wide if narrow is None else narrow
        elif field.name in ("start", "min_duration_ms", "min_cost_usd"):
            values[field.name] = max(wide, narrow)
        elif field.name in ("end", "max_duration_ms", "max_rating"):
            values[field.name] = min(wide, narrow)
        else:
            return None
    try:
        return TraceFilter(**values)
    except InvalidInput:
        return None
