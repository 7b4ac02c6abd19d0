"""Alert rules to begin with, for what seed D asks for: they are offered, and made only when a person takes one."""

from __future__ import annotations

from collections.abc import Mapping

from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule, Direction, Severity

TEMPLATES: Mapping[str, AlertRule] = {
    "low_confidence": AlertRule(
        name="Low confidence",
        measure=AlertMeasure.LOW_CONFIDENCE,
        confidence=0.6,
        threshold=0.2,
        recovery_threshold=0.15,
        window_minutes=60,
        minimum_count=20,
        note="More than a fifth of the answers are below a confidence of 0.6: see what they were asked, and what was retrieved.",
    ),
    "cost_spike": AlertRule(
        name="Cost spike",
        measure=AlertMeasure.COST_PER_HOUR,
        against=Against.LAST_WEEK,
        threshold=2.0,
        recovery_threshold=1.5,
        window_minutes=6 * 60,
        for_minutes=30,
        note="Twice what was spent at the same time last week: look for a model, a user or a prompt that is new.",
    ),
    "low_rating": AlertRule(
        name="Low rating",
        measure=AlertMeasure.RATING,
        direction=Direction.BELOW,
        threshold=3.0,
        recovery_threshold=3.5,
        window_minutes=24 * 60,
        minimum_count=5,
        note="People are unhappy with the answers of the last day: read the comments.",
    ),
    "latency_objective": AlertRule(
        name="Latency objective",
        measure=AlertMeasure.P95,
        threshold=5000.0,
        recovery_threshold=4500.0,
        window_minutes=15,
        minimum_count=20,
        for_minutes=5,
        severity=Severity.CRITICAL,
        note="One answer of twenty takes longer than promised: ask Explain what sets the slow ones apart.",
    ),
}
"""Rules by what they are for."""
