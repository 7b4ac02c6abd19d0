"""The `traceparent` header of W3C Trace Context: which trace a request belongs to, across services."""

from __future__ import annotations

import re

from tracing_core.ids import otel_trace_id

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def parse_traceparent(header: str) -> tuple[str, str] | None:
    """The trace id and the caller's span id; None for a header that the standard says to ignore."""
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        return None
    version, trace_id, span_id, _, more = match.groups()
    if version == "ff" or (version == "00" and more) or set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return trace_id, span_id


def make_traceparent(trace_id: str, span_id: str) -> str:
    """The header that says: this belongs to `trace_id`, below `span_id`."""
    return f"00-{otel_trace_id(trace_id)}-{span_id}-01"
