"""Metrics of what keeps watch: ratings, unknown costs, when rules were looked at, and how long questions take."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from tracing_core.query.watching import Watching
from tracing_core.question_times import QuestionTime


def watch_metrics(found: Watching) -> Iterator[Metric]:
    """Of the last 24 hours, but for what is so at present."""
    yield _known(
        "tracewhy_feedback_rate", "Share of the traces of the last 24 hours that somebody rated", found.feedback_rate
    )
    yield GaugeMetricFamily("tracewhy_feedback_waiting", "Ratings whose trace has not come yet", found.waiting_ratings)
    yield GaugeMetricFamily(
        "tracewhy_unpriced_traces", "Traces of the last 24 hours whose cost is not known", found.unpriced
    )
    yield _known(
        "tracewhy_alert_evaluated_timestamp_seconds",
        "When an alert rule was last looked at, in seconds since 1970",
        None if found.alerts.evaluated_at is None else found.alerts.evaluated_at.timestamp(),
    )


def question_metrics(times: tuple[QuestionTime, ...]) -> Iterator[Metric]:
    """What the service's own questions to the database take."""
    taken = SummaryMetricFamily(
        "tracewhy_query_seconds", "Seconds that the database took, by the question asked", labels=("question",)
    )
    longest = GaugeMetricFamily("tracewhy_query_longest_seconds", "The longest of these", labels=("question",))
    failed = CounterMetricFamily("tracewhy_query_failures", "How many of these failed", labels=("question",))
    for each in times:
        taken.add_metric((each.question,), count_value=each.calls, sum_value=each.total_ms / 1000)
        longest.add_metric((each.question,), each.max_ms / 1000)
        if each.failed:
            failed.add_metric((each.question,), each.failed)
    yield from (taken, longest, failed)


def _known(name: str, about: str, value: float | None) -> Metric:
    """A number that may not be known: its line is left out then, as no number stands for that."""
    family = GaugeMetricFamily(name, about, labels=())
    if value is not None:
        family.add_metric((), value)
    return family
