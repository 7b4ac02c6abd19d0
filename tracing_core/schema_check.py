"""What a trace says against what its components declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tracing_core.component_schema import ComponentSchema, DeclaredDecision
from tracing_core.jsontext import dump, text_of
from tracing_core.model import Decision, SpanData, SpanStatus, TraceData

_SHORT = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something that was recorded against a schema.

    Args:
        component: whose schema; several, joined by `, `, where they share a stage.
        stage: in which it was recorded.
        decision: of which type; None when it is about outputs.
        field: what is wrong: decision, what, why, confidence or outputs.
        problem: what is wrong with it and how to mend it, as half a sentence.
    """

    component: str
    stage: str
    decision: str | None
    field: str
    problem: str

    def __str__(self) -> str:
        where = self.stage if self.decision is None else f"{self.stage}.{self.decision}"
        return f"{self.component}: {where}: {self.field} {self.problem}"


def check(trace: TraceData, schemas: Sequence[ComponentSchema]) -> list[Problem]:
    """What is recorded in a trace against the schemas, in order, each once."""
    found: dict[Problem, None] = {}
    for span in trace.spans:
        owners = [schema for schema in schemas if span.name in schema.owned_stages]
        for decision in span.decisions:
            found.update(dict.fromkeys(_of_decision(span.name, decision, schemas, owners)))
        found.update(dict.fromkeys(_of_outputs(span, owners)))
    return list(found)


def _of_decision(
    stage: str, decision: Decision, schemas: Sequence[ComponentSchema], owners: Sequence[ComponentSchema]
) -> Iterator[Problem]:
    declaring = [(schema, found) for schema in schemas if (found := schema.declared(decision.decision, stage))]
    if not declaring:
        if owners:
            types = ", ".join(each.decision for schema in owners for each in schema.decisions) or "none"
            yield _problem(owners, stage, decision, "decision", f"is not declared; there can be {types}")
        return
    problems = [list(_against(schema, stage, decision, declared)) for schema, declared in declaring]
    yield from min(problems, key=len)  # of several that may make it, it is by the one that it fits


def _against(schema: ComponentSchema, stage: str, decision: Decision, declared: DeclaredDecision) -> Iterator[Problem]:
    if declared.what is not None:
        chosen = decision.what if isinstance(decision.what, list | tuple) else [decision.what]
        possible = {dump(each) for each in declared.what}  # as JSON, since an object of the host may not be compared
        others = [each for each in chosen if dump(each) not in possible]
        if others and dump(decision.what) not in possible:
            said = f"is {', '.join(map(_short, others))}; there can be {', '.join(map(_short, declared.what))}"
            yield _problem([schema], stage, decision, "what", said)
    if declared.confidence and decision.confidence is None:
        yield _problem([schema], stage, decision, "confidence", "is missing or no number from 0 to 1; give one")
    if declared.why and not decision.why.strip():
        yield _problem([schema], stage, decision, "why", "is missing; give the reason")


def _of_outputs(span: SpanData, owners: Sequence[ComponentSchema]) -> Iterator[Problem]:
    declared = [each for schema in owners for each in schema.outputs or ()]
    if not owners or any(schema.outputs is None for schema in owners):
        return
    names = [each.output for each in declared]
    for name in span.outputs:
        if name not in names:
            said = f"have {_short(name)}, which is not declared; there can be {', '.join(names) or 'none'}"
            yield _problem(owners, span.name, None, "outputs", said)
    if span.status is not SpanStatus.OK:
        return
    for each in declared:
        if each.required and each.output not in span.outputs:
            yield _problem(owners, span.name, None, "outputs", f"lack {each.output}, which is required")


def _problem(
    schemas: Sequence[ComponentSchema], stage: str, decision: Decision | None, field: str, said: str
) -> Problem:
    return Problem(
        component=", ".join(schema.component for schema in schemas),
        stage=stage,
        decision=None if decision is None else decision.decision,
        field=field,
        problem=said,
    )


def _short(value: Any) -> str:
    text = text_of(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
