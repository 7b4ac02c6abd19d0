"""Many runs, read for an assistant: two of them side by side, decisions by type, operations by name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from service import mcp_overviews as say
from service.mcp_reading import Links, line, need_run
from service.mcp_text import MOST_ITEMS
from tracing_core.errors import InvalidInput
from tracing_core.query.confidence import WrongDecision, wrong_decisions
from tracing_core.query.decision_groups import Group
from tracing_core.query.decisions import Choice, DecisionType, decision_types
from tracing_core.query.filters import TraceFilter
from tracing_core.query.operations import operation_latency
from tracing_core.query.outcomes import OUTCOMES, Outcome, known_outcomes
from tracing_core.query.runs import compare_runs
from tracing_core.query.trace import DecisionRow, SpanRow, decisions, spans
from tracing_core.storage.database import Database

_CHOICES = 5
_WRONG = 5


def compared(db: Database, a: str, b: str, links: Links) -> say.Comparison:
    """Two runs side by side.

    Raises:
        InvalidInput: one of them is not there; names which.
        StorageError: the database did not answer.
    """
    for field, trace_id in (("trace_id_a", a), ("trace_id_b", b)):
        need_run(db, trace_id, field)
    found = compare_runs(db, a, b)
    if found is None:
        raise InvalidInput("trace_id_a", "was removed just now; ask again")
    return say.Comparison(
        a=line(found.a, links),
        b=line(found.b, links),
        quality_delta=found.quality_delta,
        duration_delta_seconds=found.duration_delta,
        cost_delta_usd=found.cost_delta,
        gaps_a_only=list(found.gaps_a_only),
        gaps_b_only=list(found.gaps_b_only),
        gaps_both=list(found.gaps_both),
        stages=_stages(spans(db, a), spans(db, b)),
        decisions_that_differ=_differing(decisions(db, a), decisions(db, b)),
    )


def _stages(a: Sequence[SpanRow], b: Sequence[SpanRow]) -> list[say.StageChange]:
    took_a, took_b = _took(a), _took(b)
    names = list(dict.fromkeys([*took_a, *took_b]))[:MOST_ITEMS]
    return [say.StageChange(name=name, a_ms=took_a.get(name), b_ms=took_b.get(name)) for name in names]


def _took(found: Sequence[SpanRow]) -> dict[str, float]:
    """Milliseconds by stage, those of all its rounds together."""
    roots = {span.span_id for span in found if span.parent_id is None}
    took: dict[str, float] = {}
    for span in found:
        if span.parent_id in roots and span.duration_ms is not None:
            took[span.name] = took.get(span.name, 0.0) + span.duration_ms
    return took


def _differing(a: Sequence[DecisionRow], b: Sequence[DecisionRow]) -> list[say.DecisionChange]:
    """The decisions of a stage and type, the first of the one run against the first of the other and so on."""
    by_a, by_b = _by_type(a), _by_type(b)
    changes = []
    for stage, name in dict.fromkeys([*by_a, *by_b]):
        for one, other in zip_longest(by_a.get((stage, name), ()), by_b.get((stage, name), ())):
            if one is None or other is None or one.what != other.what:
                changes.append(_change(stage, name, one, other))
    return changes[:MOST_ITEMS]


def _by_type(made: Sequence[DecisionRow]) -> dict[tuple[str, str], list[DecisionRow]]:
    found: dict[tuple[str, str], list[DecisionRow]] = {}
    for each in made:
        found.setdefault((each.stage, each.decision), []).append(each)
    return found


def _change(stage: str, name: str, a: DecisionRow | None, b: DecisionRow | None) -> say.DecisionChange:
    return say.DecisionChange(
        stage=stage,
        decision=name,
        a=None if a is None else a.what,
        b=None if b is None else b.what,
        a_confidence=None if a is None else a.confidence,
        b_confidence=None if b is None else b.confidence,
    )


def kinds(db: Database, chosen: TraceFilter, outcome: Outcome | None, most: int, links: Links) -> say.DecisionKinds:
    """Decisions by type, held against how their runs turned out.

    Args:
        db: where they are.
        chosen: of which runs; with a decision asked for only decisions like that.
        outcome: by what it is told; None for the first that is known of any of the runs.
        most: types that are given.
        links: to the runs.

    Raises:
        StorageError: the database did not answer.
    """
    told_by: Outcome = outcome if outcome is not None else _first_known(db, chosen)
    found = decision_types(db, chosen, told_by, most_choices=_CHOICES)
    wrong = wrong_decisions(db, chosen, told_by, "over", limit=_WRONG)
    return say.DecisionKinds(
        outcome=told_by,
        looked_at=found.sample.looked_at,
        whole=found.sample.whole,
        types=[_kind(each) for each in found.types[:most]],
        types_in_all=len(found.types),
        most_confidently_wrong=[_confident(each, links) for each in wrong],
    )


def _first_known(db: Database, chosen: TraceFilter) -> Outcome:
    for outcome in known_outcomes(db, chosen):
        return outcome
    return OUTCOMES[0]


def _kind(found: DecisionType) -> say.DecisionKind:
    group, quantiles = found.group, found.quantiles
    return say.DecisionKind(
        decision=found.decision,
        count=group.count,
        stored=group.stored,
        mean_confidence=group.confidence,
        confidence_quantiles=None
        if quantiles is None
        else {"low": quantiles.low, "median": quantiles.median, "high": quantiles.high},
        known=group.known,
        good_share=group.good,
        good_interval=_interval(group),
        said=group.said,
        came_true=group.came_true,
        choices=[_choice(each) for each in found.choices],
        distinct_choices=found.distinct,
    )


def _interval(group: Group) -> tuple[float, float] | None:
    return None if group.interval is None else (group.interval.low, group.interval.high)


def _choice(found: Choice) -> say.Chosen:
    return say.Chosen(what=found.what, share=found.share, good_share=found.group.good, known=found.group.known)


def _confident(found: WrongDecision, links: Links) -> say.Confident:
    names: dict[str, Any] = {name: getattr(found, name) for name in say.Confident.model_fields if name != "url"}
    return say.Confident.model_validate(names | {"url": links.trace(found.trace_id)})


def latencies(db: Database, chosen: TraceFilter, operation: str | None, most: int) -> say.Latencies:
    """Operations by name.

    Raises:
        StorageError: the database did not answer.
    """
    found = operation_latency(db, chosen, operation).operations
    told = [
        say.Latency(
            operation=each.operation,
            kind=each.kind,
            count=each.count,
            errors=each.errors,
            mean_ms=each.mean_ms,
            p50_ms=each.latency.p50_ms,
            p95_ms=each.latency.p95_ms,
            p99_ms=each.latency.p99_ms,
        )
        for each in found[:most]
    ]
    return say.Latencies(operations=told, operations_in_all=len(found))
