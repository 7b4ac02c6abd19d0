"""Links of alerts to the dashboard: to the traces behind a number, and to the event itself. Pure."""

from __future__ import annotations

from urllib.parse import urlencode

from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.state import EventKind
from tracing_core.model import QualityFlag, TraceStatus


def traces_link(public_url: str, event: AlertEvent) -> str:
    """The address of the list of the traces that the number of an event was taken of, the telling ones of them if it can.

    Args:
        public_url: address of the dashboard, with or without a slash at its end.
        event: which.
    """
    rule = event.rule
    params: dict[str, str] = {
        "range": "custom", "start": event.window_start.isoformat(), "end": event.window_end.isoformat(),
    }  # fmt: skip
    for name in ("project", "library", "model"):
        if (value := getattr(rule, name)) is not None:
            params[name] = value
    if event.kind is not EventKind.RECOVERED:
        params |= _telling(event)
    return f"{public_url.rstrip('/')}/traces?{urlencode(params)}"


def event_link(public_url: str, event: AlertEvent) -> str:
    """The address of an event on the page Alerts."""
    return f"{public_url.rstrip('/')}/alerts?{urlencode({'event': event.event_id})}"


def _telling(event: AlertEvent) -> dict[str, str]:
    """What chooses the traces that make the number bad."""
    rule = event.rule
    if rule.operation is not None:
        return {}
    if rule.measure is AlertMeasure.ERROR_RATE:
        return {"status": TraceStatus.FAILED.value}
    if rule.measure is AlertMeasure.FLAGGED and rule.flag is not QualityFlag.NORMAL:
        return {"flagged": "yes"} if rule.flag is None else {"flag": str(rule.flag)}
    if rule.measure is AlertMeasure.RATING:
        return {"max_rating": "2"}
    if rule.measure is AlertMeasure.GATE_FAILURES:
        return {"gate": "no"}
    if rule.measure is AlertMeasure.UNSURE_DECISIONS:
        return {"sure_to": str(rule.confidence)}
    if rule.measure in (AlertMeasure.P50, AlertMeasure.P95, AlertMeasure.P99, AlertMeasure.MEAN):
        return {"sort": "slowest"}
    return {}
