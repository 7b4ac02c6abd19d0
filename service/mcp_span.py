"""What one span holds, as an assistant is told."""

from __future__ import annotations

from service import mcp_answers as say
from service.mcp_reading import Links, decision, need_run
from service.mcp_text import MOST_ITEMS
from tracing_core.errors import InvalidInput
from tracing_core.query.trace import SpanPayload, decisions, span_payload, spans
from tracing_core.storage.database import Database

_NOTHING = SpanPayload(attributes={}, events=(), evidence={}, prompts={}, outputs={}, otel={})
_OF_ROW = (
    "span_id", "parent_id", "name", "kind", "status", "error", "offset_ms", "duration_ms", "model", "total_tokens", "cost_usd",
)  # fmt: skip


def span_content(db: Database, trace_id: str, span_id: str, links: Links) -> say.SpanContent:
    """One span.

    Raises:
        InvalidInput: there is no such run, or it has no such span.
        StorageError: the database did not answer.
    """
    need_run(db, trace_id)
    listed = spans(db, trace_id)
    row = next((span for span in listed if span.span_id == span_id), None)
    if row is None:
        raise InvalidInput("span_id", "is the id of no span of this run; get_run gives those of its stages")
    held = span_payload(db, trace_id, span_id) or _NOTHING
    return say.SpanContent.model_validate(
        {name: getattr(row, name) for name in _OF_ROW}
        | {name: getattr(held, name) for name in ("attributes", "prompts", "evidence", "outputs")}
        | {
            "url": links.trace(trace_id, span_id),
            "events": list(held.events[:MOST_ITEMS]),
            "decisions": [decision(each) for each in decisions(db, trace_id) if each.span_id == span_id][:MOST_ITEMS],
            "child_span_ids": [span.span_id for span in listed if span.parent_id == span_id][:MOST_ITEMS],
        }
    )
