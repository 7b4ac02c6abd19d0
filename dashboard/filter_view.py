"""A filter of traces as the view of a page: the way from an answer to the list of the traces behind it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

from dashboard.view import View, choice_words, parse
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter


def as_view(chosen: TraceFilter) -> View | None:
    """A filter as the view of a page, with times and durations rounded outwards; None where no view can say it."""
    decision = chosen.decision or DecisionFilter()
    made = View(
        range="custom" if chosen.start else "30d",
        start=chosen.start,
        end=_whole_second(chosen.end),
        project=chosen.project,
        library=chosen.library,
        flag=None if chosen.quality_flag is None else QualityFlag(chosen.quality_flag),
        flagged=chosen.flagged,
        status=None if chosen.status is None else TraceStatus(chosen.status),
        model=chosen.model,
        session=chosen.session_id,
        user=chosen.user_id,
        text=chosen.text,
        min_ms=_rounded(chosen.min_duration_ms, ROUND_FLOOR),
        max_ms=_rounded(chosen.max_duration_ms, ROUND_CEILING),
        min_cost=_rounded(chosen.min_cost_usd, ROUND_FLOOR),
        max_rating=chosen.max_rating,
        decision=decision.decision,
        what=choice_words(decision.what),
        stage=decision.stage,
        alternative=decision.alternative,
        sure_from=_four_digits(decision.min_confidence, math.floor),
        sure_to=_four_digits(decision.max_confidence, math.ceil),
        intent=chosen.intent,
        domain=chosen.domain,
        gap=chosen.gap_principle,
        gate=chosen.quality_gate_passed,
        review=chosen.flagged_for_review,
    )
    again = parse(made.params())
    whole = all(getattr(again, name) == value for name, value in asdict(made).items() if isinstance(value, str))
    return made if whole and _asks_for(again) == _asks_for_all(chosen) else None


def _asks_for(view: View) -> frozenset[str]:
    return _asks_for_all(view.trace_filter(datetime.max.replace(tzinfo=UTC)))


def _asks_for_all(chosen: TraceFilter) -> frozenset[str]:
    """The names of all that a filter asks for, of its decision, too; a time range goes without saying."""
    of_decision = chosen.decision or DecisionFilter()
    inside = {field.name for field in fields(of_decision) if getattr(of_decision, field.name) is not None}
    return (chosen.set_fields() - {"start", "end"}) | {f"decision.{name}" for name in inside}


def _rounded(limit: float | None, towards: str) -> float | None:
    """Milliseconds or dollars with five digits, which is what a URL holds; never so that a trace is lost."""
    return None if limit is None else float(Context(prec=5, rounding=towards).create_decimal(repr(limit)))


def _four_digits(share: float | None, towards: Callable[[float], int]) -> float | None:
    return None if share is None else towards(share * 10_000) / 10_000


def _whole_second(moment: datetime | None) -> datetime | None:
    if moment is None or not moment.microsecond:
        return moment
    return moment.replace(microsecond=0) + timedelta(seconds=1)
