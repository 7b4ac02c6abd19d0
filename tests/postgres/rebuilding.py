"""A store with a little of everything in it, and all that can be known of it, for tests that make it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import tracing_core as tracing
from tests.factories import NOON
from tests.otlp_messages import START_NS, otlp_request, otlp_span
from tests.postgres.tables import rows
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.clock import ManualClock
from tracing_core.model import SpanKind
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.spans import Received, received
from tracing_core.query import overview
from tracing_core.query.feedback import for_trace, rating_distribution
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import payloads
from tracing_core.query.traces import list_traces
from tracing_core.rebuild import Rebuild, Tally
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import Settings
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import decisions, feedback, trace_spans, traces
from tracing_core.store import Store, open_store

QUIET, SLOW = 60, 9
ALL = TraceFilter()
_KEYS: dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]] = {
    "traces": itemgetter("trace_id"),
    "trace_spans": itemgetter("trace_id", "span_id"),
    "decisions": itemgetter("trace_id", "position"),
    "trace_metrics": itemgetter("project", "granularity", "dimension", "bucket", "value"),
    "feedback": itemgetter("trace_id", "user_id"),
}


def rebuilt(settings: Settings, database: Database, project: str | None = None) -> Tally:
    """All files read."""
    return Rebuild(settings, database, ManualClock(NOON)).run(project)


def record_a_little_of_everything(settings: Settings) -> None:
    """Runs with decisions, evidence, rounds and ratings; spans of OTLP in pieces, out of order; a slow one; a moved one."""
    store = open_store(settings)
    restore = configure(Runtime(sink=store.writer))
    for number in range(24):
        trace_id = _native(number)
        if number % 3 == 0:
            store.feedback.submit_feedback(
                interaction_id=trace_id, rating=1 + number % 5, comment="so so", user_id="ann"
            ).result()
            store.feedback.submit_feedback(interaction_id=trace_id, rating=5, user_id="bob").result()
            store.feedback.submit_feedback(interaction_id=trace_id, rating=2, user_id="bob").result()
    restore()
    _from_opentelemetry(store)
    store.close()


def _native(number: int) -> str:
    trace = finished(tracing.TraceContext.start(project_name="shop", query=f"How? {number}", library="fastapi"))
    trace.tags = ["x"]
    trace.iterations.append({"round": 1, "score": 0.5})
    trace.outputs["report_path"] = "r.md"
    with trace.span("quality_gate", SpanKind.RETRIEVAL) as span:
        span.decide("source", what={"a": [1, 2.5]}, confidence=0.4, alternatives_considered=["bm25 (0.40)"])
        span.evidence = {"collected_count": 3, "kept": [1, 2], "filtered_out": [3]}
        span.outputs = {"passed": True}
    with trace.span("generation", SpanKind.GENERATION) as span:
        span.set(model="gpt-4o-mini", prompt_tokens=10 + number, completion_tokens=5)
    trace.answer, trace.confidence = "x" * (20 if number % 2 else 90), 0.9
    if number % 3 == 0:
        trace.mark_failed("no")
    else:
        trace.mark_complete()
    outcome = tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)
    assert outcome["database"] in ("saved", "sampled_out")
    return trace.trace_id


def _from_opentelemetry(store: Store) -> None:
    spans = []
    for number in range(QUIET + 1):
        seconds = SLOW if number == QUIET else 1
        times = {
            "start_time_unix_nano": START_NS + number * 10**9,
            "end_time_unix_nano": START_NS + (number + seconds) * 10**9,
        }
        ids = {"trace_id": (number + 1).to_bytes(16), **times}
        spans.append(otlp_span({"user.id": "u"}, span_id=b"\1" * 8, **ids))
        call = {
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 7,
            "decision.type": "t",
            "decision.what": "w",
        }
        spans.append(otlp_span(call, span_id=b"\2" * 8, parent_span_id=b"\1" * 8, **ids))
    late = spans[1::2]
    for part in (spans[::2], late[::2], late[1::2], late[:5]):
        body = otlp_request(*part)
        store.ingest.offer(partial(spans_in, body), len(body), project="otlp").result(PATIENCE_SECONDS)


def spans_in(body: bytes) -> Received:
    """What a body of OTLP brings."""
    return received(trace_request(body))


def everything(database: Database) -> dict[str, Any]:
    """All that pages can know: tables, and what the queries make of them."""
    found = {str(table): rows(database, table) for table in (traces, trace_spans, decisions, trace_metrics, feedback)}
    for table, its_rows in found.items():
        its_rows.sort(key=_KEYS[table])
    for row in found["traces"]:
        del row["created_at"], row["updated_at"]
    for row in found["trace_spans"]:
        del row["part"]
    found["trace_metrics"] = [
        row for row in found["trace_metrics"] if row["stored"]
    ]  # others: pieces counted elsewhere at first
    return found | {
        "totals": overview.totals(database, ALL),
        "breakdown": overview.breakdown(database, ALL),
        "flags": overview.flags_over_time(database, ALL),
        "latency": overview.latency_over_time(database, ALL),
        "list": list_traces(database, ALL, limit=1000).rows,
        "ratings": rating_distribution(database, ALL),
        "said": [for_trace(database, row["trace_id"]) for row in found["traces"]],
        "payloads": [payloads(database, row["trace_id"]) for row in found["traces"]],
    }


def assert_alike(found: Any, before: Any) -> None:
    """The same, but for the last digits of sums."""
    assert found.keys() == before.keys()
    for name in before:
        assert _rounded(found[name]) == _rounded(before[name]), name


def _rounded(value: Any) -> Any:
    """Sums of weights depend on their order in the last of their digits."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value
