"""Which decisions, and which scores of principles, a question about traces asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, Text, and_, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from tracing_core.errors import InvalidInput
from tracing_core.jsontext import dump_for_postgres, storable
from tracing_core.storage.tables import decisions, traces

_NAMED = (
    "$[*] ? (@ == $name || @ starts with $begin || @ starts with $tight"
    " || @.name == $name || @.what == $name || @.option == $name || @.value == $name)"
)
"""What `alternative.read_alternative` takes for the name of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionFilter:
    """What at least one decision of a trace has to be like; None asks for nothing.

    Args:
        decision: its type, such as `source_selection`.
        what: what was chosen, or one of several things that were; any JSON value.
        min_confidence, max_confidence: bounds of the confidence, 0 to 1, both included; leave out decisions without one.
        alternative: what was on the table and not chosen: `reddit` finds `reddit`, `reddit (0.40)` and `{"name": "reddit"}`.
        stage: in which it was made; empty for those of the trace itself.
        model: that its span called, else the one that answered.

    Raises:
        InvalidInput: a bound is no number from 0 to 1, or the lower one is above the other.
    """

    decision: str | None = None
    what: Any = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    alternative: str | None = None
    stage: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        for name in ("min_confidence", "max_confidence"):
            bound = getattr(self, name)
            if bound is not None and not 0 <= bound <= 1:
                raise InvalidInput(name, f"is {bound}; give a number from 0 to 1")
        if None not in (self.min_confidence, self.max_confidence) and self.min_confidence > self.max_confidence:  # type: ignore[operator]
            raise InvalidInput("min_confidence", "is above max_confidence; give a lower one")

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as conditions on the table `decisions`."""
        d = decisions.c
        exact = [(d.decision, self.decision), (d.stage, self.stage), (d.model, self.model)]
        found = [column == storable(value) for column, value in exact if value is not None]
        if self.what is not None:
            found.append(d.what.contains(cast(literal(dump_for_postgres(self.what), Text), JSONB)))
        if self.min_confidence is not None:
            found.append(d.confidence >= self.min_confidence)
        if self.max_confidence is not None:
            found.append(d.confidence <= self.max_confidence)
        if self.alternative is not None:
            found.append(has_alternative(self.alternative))
        return found

    def of_trace(self) -> ColumnElement[bool]:
        """Whether a trace has such a decision."""
        return exists(select(1).where(decisions.c.trace_id == traces.c.trace_id, *self.conditions()))


def has_alternative(name: str) -> ColumnElement[bool]:
    """Whether a decision was made over this alternative."""
    name = storable(name)
    said = func.jsonb_build_object("name", literal(name), "begin", literal(f"{name} ("), "tight", literal(f"{name}("))
    return func.jsonb_path_exists(decisions.c.alternatives_considered, cast(_NAMED, JSONPATH), said)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipleFilter:
    """That a principle of the rubric scored less than `below` in the last round of a run."""

    principle_id: str
    below: float = 2

    def of_trace(self) -> ColumnElement[bool]:
        """Whether it did in a trace."""
        scores, principle_id = traces.c.principle_scores, storable(self.principle_id)
        return and_(scores.has_key(principle_id), cast(scores[principle_id].astext, Double) < self.below)
