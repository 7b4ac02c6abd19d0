"""Runs of research that calibration looks at, recorded as a program records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tracing_core as tracing
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.sink import Receipt


def begin_run(
    *,
    gaps: tuple[str, ...] = (),
    passed: bool | None = True,
    score: float | None = None,
    confidence: float = 0.9,
    failed: bool = False,
    verbose: bool = False,
    decides: bool = True,
    **facts: Any,
) -> Receipt:
    """Record a run and hand it over; principles in `gaps` score 1, META-1 scores 3."""
    trace = finished(tracing.TraceContext.start(query="analyze", **{"project_name": "cobot"} | facts))
    trace.start_stage("collection")
    if decides:
        choice = {"what": "exa", "why": "neural", "confidence": confidence, "alternatives_considered": ["google (0.6)"]}
        trace.record("collection", "source_selected", choice)
    trace.end_stage("collection")
    scores = [{"id": "META-1", "score": 3}, *({"id": gap, "score": 1} for gap in gaps)]
    gate: Mapping[str, Any] = {"passed": passed, "overall_score": score, "principle_scores": scores}
    trace.end_stage("quality_gate", outputs={key: value for key, value in gate.items() if value is not None})
    trace.mark_failed("no luck") if failed else trace.mark_complete()
    return tracing.TraceContext.finish(trace, verbose=verbose)


def run(**about: Any) -> dict[str, Any]:
    """Record a run and wait until all is told of it: what its receipt says."""
    return begin_run(**about).result(PATIENCE_SECONDS)
