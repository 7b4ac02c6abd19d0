"""Monitoring in seed D's words: what requests cost, how they did, what people thought, and how long operations take."""

from tracing_core.cost import CostTracker
from tracing_core.feedback import FeedbackService
from tracing_core.monitoring.collector import MetricsCollector
from tracing_core.monitoring.interactions import (
    InteractionMetrics,
    LatencyMetrics,
    QualityMetrics,
    TokenMetrics,
)
from tracing_core.monitoring.performance import PerformanceMonitor

__all__ = [
    "CostTracker",
    "FeedbackService",
    "InteractionMetrics",
    "LatencyMetrics",
    "MetricsCollector",
    "PerformanceMonitor",
    "QualityMetrics",
    "TokenMetrics",
]
