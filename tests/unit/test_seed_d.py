"""Monitoring Services (seed D): what CostTracker and PerformanceMonitor are to do, without a database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from tests.factories import NOON
from tracing_core import MemorySink, TraceContext, monitoring
from tracing_core.clock import ManualClock
from tracing_core.errors import InvalidInput
from tracing_core.freeze import freeze
from tracing_core.monitoring import (
    CostTracker,
    FeedbackService,
    InteractionMetrics,
    LatencyMetrics,
    MetricsCollector,
    PerformanceMonitor,
    QualityMetrics,
    TokenMetrics,
)
from tracing_core.own_prices import Price

GEMINI = {
    "gemini-1.5-pro-latest": Price(input=Decimal("0.125"), output=Decimal("0.375")),
    "gemini-1.5-flash": Price(input=Decimal("0.075"), output=Decimal("0.30")),
    "embedding-001": Price(embedding=Decimal("0.01")),
}
"""The prices of the seed, dollars per million tokens, as an operator would set them."""


def test_track_costs_as_the_seed_shows() -> None:
    """Track Costs (seed D): the seed's own call, with its prices, costs what the seed prints."""
    tracker = CostTracker(GEMINI)
    cost = tracker.calculate_cost(
        model_name="gemini-1.5-pro-latest",
        prompt_tokens=8234,
        completion_tokens=312,
    )
    assert isinstance(cost, Decimal)
    assert tracker.format_cost(cost) == "$0.001147"


def test_calculate_embedding_cost() -> None:
    """CostTracker (seed D): a million tokens embedded cost a cent; a model without a price costs nothing that is known."""
    tracker = CostTracker(GEMINI)
    assert tracker.calculate_embedding_cost("embedding-001", 1_000_000) == Decimal("0.01")
    assert tracker.calculate_embedding_cost("house-embedder", 1_000_000) is None


def test_estimate_monthly_cost() -> None:
    """CostTracker (seed D): monthly and annual projections of a thousand requests a day."""
    found = CostTracker(GEMINI).estimate_monthly_cost(
        "gemini-1.5-flash", requests_per_day=1000, prompt_tokens=1000, completion_tokens=100
    )
    assert found is not None
    assert (found.daily, found.monthly, found.yearly) == (Decimal("0.105"), Decimal("3.15"), Decimal("38.325"))


def test_a_cost_never_reads_as_nothing() -> None:
    """Currency formatting (seed D): what cost something says so, and what is not known is no number."""
    assert CostTracker.format_cost(Decimal("0.0000000001")) == "$0.000001"
    assert CostTracker.format_cost(Decimal("1234.5")) == "$1,234.500000"
    assert CostTracker.format_cost(None) == "unknown"


def test_the_services_come_from_one_place() -> None:
    """Monitoring Services (seed D): each name of the seed is in `tracing_core.monitoring`."""
    names = {
        CostTracker,
        FeedbackService,
        InteractionMetrics,
        LatencyMetrics,
        MetricsCollector,
        QualityMetrics,
        TokenMetrics,
    }
    assert {each.__name__ for each in names} | {"PerformanceMonitor"} == set(monitoring.__all__)


def test_performance_monitor_takes_the_time() -> None:
    """PerformanceMonitor (seed D): name, duration and success of what is done inside, also while it goes on."""
    clock = ManualClock(NOON)
    timed = PerformanceMonitor("rerank", clock=clock)
    assert (timed.duration_ms, timed.success) == (0.0, None)
    with timed:
        clock.advance(0.25)
        assert (timed.duration_ms, timed.success) == (250.0, None)
    clock.advance(9)
    assert (timed.name, timed.duration_ms, timed.success, timed.error) == ("rerank", 250.0, True, None)


def test_performance_monitor_lets_errors_through() -> None:
    """PerformanceMonitor (seed D): an operation that raises has not succeeded, and its caller learns why."""
    timed = PerformanceMonitor("rerank")
    with pytest.raises(ValueError, match="no documents"), timed:
        raise ValueError("no documents")
    assert timed.success is False
    assert timed.error == "ValueError: no documents"


def test_performance_monitor_can_be_used_again() -> None:
    """PerformanceMonitor (seed D): the second time knows nothing of how the first one ended."""
    timed = PerformanceMonitor("rerank")
    with suppress(ValueError), timed:
        raise ValueError("no documents")
    with timed:
        pass
    assert (timed.success, timed.error) == (True, None)


def test_performance_monitor_is_a_span_of_the_trace(sink: MemorySink) -> None:
    """PerformanceMonitor (seed D): inside a trace the operation is one of its spans, with its error; `async with` works alike."""

    async def ask() -> None:
        trace = TraceContext.start(query="why?")
        async with PerformanceMonitor("rewrite"):
            with PerformanceMonitor("rerank"):
                pass
        with pytest.raises(ValueError, match="gone"):
            async with PerformanceMonitor("lookup", kind="RETRIEVAL"):
                raise ValueError("gone")
        trace.mark_complete()
        TraceContext.finish(trace)

    asyncio.run(ask())
    stored = freeze(sink.traces[0])
    spans = {span.name: span for span in stored.spans}
    assert spans["rerank"].parent_id == spans["rewrite"].span_id
    assert spans["lookup"].kind == "RETRIEVAL"
    assert spans["lookup"].error == "ValueError: gone"


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), True])
def test_a_time_that_cannot_be_is_refused(hours: float) -> None:
    """MetricsCollector (seed D): the error names the argument, before anything is asked."""
    with pytest.raises(InvalidInput, match="hours"):
        MetricsCollector().get_system_statistics(hours=hours)
    with pytest.raises(InvalidInput, match="user_id"):
        MetricsCollector().get_user_statistics(user_id=" ")
