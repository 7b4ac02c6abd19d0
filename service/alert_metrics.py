"""Alerts in Prometheus's form: what the rules say, what was sent, and what looking at them costs."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from tracing_core.alerts.watch import WatchTally
from tracing_core.query.alert_counts import AlertCounts


def of_process(tally: WatchTally) -> Iterator[Metric]:
    """What this process did."""
    yield SummaryMetricFamily(
        "tracewhy_alert_evaluation_seconds",
        "Seconds that looking at all alert rules took, in this process",
        count_value=tally.looks,
        sum_value=tally.seconds,
    )
    yield GaugeMetricFamily(
        "tracewhy_alert_last_evaluation_seconds", "Seconds that the last look took", tally.last_seconds
    )
    yield CounterMetricFamily("tracewhy_alert_evaluation_failures", "Looks that the database let fail", tally.failed)
    yield CounterMetricFamily("tracewhy_alert_events", "Events that this process entered", tally.events)
    yield CounterMetricFamily("tracewhy_alert_attempts", "Messages that this process sent, or tried to", tally.attempts)


def of_database(counts: AlertCounts) -> Iterator[Metric]:
    """What all processes know together."""
    states = GaugeMetricFamily("tracewhy_alert_rules", "Alert rules that are on, by state", labels=("state",))
    for state, count in sorted(counts.states.items()):
        states.add_metric((state,), count)
    yield states
    deliveries = GaugeMetricFamily(
        "tracewhy_alert_deliveries",
        "Messages about alerts, by destination and status",
        labels=("destination", "status"),
    )
    for labels, count in sorted(counts.deliveries.items()):
        deliveries.add_metric(labels, count)
    yield deliveries
