"""Tracewhy's tracing library: record what a run did and why, and find it again."""

from tracing_core.context import TraceContext, current_span, span
from tracing_core.decorators import traced
from tracing_core.errors import InvalidInput, TraceNotFound, TracewhyError
from tracing_core.interface import (
    TracingComponent,
    assert_follows_schema,
    register,
    registered,
    unregister,
    validate_trace,
)
from tracing_core.model import Decision, QualityFlag, SpanData, SpanKind, TraceData, TraceStatus
from tracing_core.rating import rate
from tracing_core.recording import Span
from tracing_core.research import traced_research
from tracing_core.sink import MemorySink, Receipt
from tracing_core.store import Store, init, open_store
from tracing_core.threads import TracingThreadPoolExecutor, in_this_context
from tracing_core.trace import Trace
from tracing_core.trace_query import TraceQuery, TraceResult

__all__ = [
    "Decision",
    "InvalidInput",
    "MemorySink",
    "QualityFlag",
    "Receipt",
    "Span",
    "SpanData",
    "SpanKind",
    "Store",
    "Trace",
    "TraceContext",
    "TraceData",
    "TraceNotFound",
    "TraceQuery",
    "TraceResult",
    "TraceStatus",
    "TracewhyError",
    "TracingComponent",
    "TracingThreadPoolExecutor",
    "assert_follows_schema",
    "current_span",
    "in_this_context",
    "init",
    "open_store",
    "rate",
    "register",
    "registered",
    "span",
    "traced",
    "traced_research",
    "unregister",
    "validate_trace",
]
