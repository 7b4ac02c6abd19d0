"""The filter that picks the traces which have a fact, where one can say it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from tracing_core.errors import InvalidInput
from tracing_core.explain.facts import ABSENT
from tracing_core.explain.result import Part
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter

_FIELDS = {
    ("library", "library"): "library",
    ("model", "model"): "model",
    ("intent", "intent"): "intent",
    ("domain", "domain"): "domain",
    ("user", "user"): "user_id",
    ("user", "session"): "session_id",
    ("project", "project"): "project",
    ("source", "source"): "evidence_source",
    ("principle", "gap"): "gap_principle",
    ("other", "report type"): "report_type",
    ("quality", "quality flag"): "quality_flag",
    ("status", "status"): "status",
}
_MAY_BE_NONE = ("library", "model")
_OF_DECISION = ("decision", "confidence", "alternative")


def picked(parts: Sequence[Part], of: TraceFilter | None) -> TraceFilter | None:
    """The traces of a filter that have this fact.

    Args:
        parts: the fact.
        of: the filter of the cohort; None where there is none.

    Returns:
        None where no filter can say it.
    """
    found = of
    for part in parts:
        found = None if found is None else _with(part, found)
    return found


def _with(part: Part, of: TraceFilter) -> TraceFilter | None:
    if part.kind in _OF_DECISION:
        return _with_decision(part, of)
    name = _FIELDS.get((part.kind, part.subject))
    value: str | None = part.value
    if value == ABSENT:
        value = "" if name in _MAY_BE_NONE else None
    if name is None or value is None or getattr(of, name) not in (None, value):
        return None
    try:
        said: dict[str, Any] = {name: value}
        return replace(of, **said)
    except InvalidInput:
        return None


def _with_decision(part: Part, of: TraceFilter) -> TraceFilter | None:
    asked = of.decision or DecisionFilter()
    if part.value in (None, ABSENT) or asked.decision not in (None, part.subject):
        return None
    said = _asked_of_decision(part)
    if any(getattr(asked, name) is not None for name in said):
        return None
    try:
        return replace(of, decision=replace(asked, decision=part.subject, **said))
    except (InvalidInput, ValueError):
        return None


def _asked_of_decision(part: Part) -> dict[str, Any]:
    value = part.value or ""
    if part.kind == "alternative":
        return {"alternative": value}
    if part.kind == "decision":
        return {"what": _as_recorded(value)}
    number, _, side = value.partition(" or ")
    return {"min_confidence" if side == "more" else "max_confidence": float(number)} if side else _exactly(number)


def _exactly(number: str) -> dict[str, Any]:
    return {"min_confidence": float(number), "max_confidence": float(number)}


def _as_recorded(value: str) -> Any:
    """What was chosen; the text of a value that is none is its JSON."""
    if value[:1] in '{["-0123456789' or value in ("true", "false", "null"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
