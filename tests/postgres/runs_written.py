"""Research runs of seed B's shape, made up and stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tracing_core.model import SpanData, SpanKind, TraceData


def make_run(
    *,
    scores: Mapping[str, float] | None = None,
    score: float | None = None,
    passed: bool | None = None,
    sources: Mapping[str, int] | None = None,
    decisions: tuple[Any, ...] = (),
    cost_usd: float | None = None,
    **overrides: Any,
) -> TraceData:
    """A run with the stages collection, synthesis and quality_gate, of 4 s; what is not given is not said."""
    root = make_span(name="request", kind=SpanKind.ROOT, duration_ns=milliseconds(4000))
    gate: dict[str, Any] = {"passed": passed, "overall_score": score}
    gate["principle_scores"] = [{"id": key, "score": each} for key, each in (scores or {}).items()]
    spans = (
        root,
        _stage(root, "collection", evidence={"by_source": sources} if sources else {}, decisions=decisions),
        _stage(root, "synthesis", outputs={} if cost_usd is None else {"cost_usd": cost_usd}),
        _stage(root, "quality_gate", outputs={key: value for key, value in gate.items() if value is not None}),
    )
    fields: dict[str, Any] = {"spans": spans, "duration_ns": milliseconds(4000), "intent": "validating"}
    return make_trace(**fields | overrides)


def _stage(root: SpanData, name: str, **fields: Any) -> SpanData:
    return make_span(parent_id=root.span_id, name=name, kind=SpanKind.STAGE, started_at=NOON, **fields)


def choice(what: Any, confidence: float | None = 0.9, *alternatives: Any, **overrides: Any) -> Any:
    """A decision for a source over others."""
    return make_decision(what=what, confidence=confidence, alternatives_considered=alternatives, **overrides)
