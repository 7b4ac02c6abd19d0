"""What the journal writes: one JSON array a line, its kind first, then the number of the run's root span.

`["t", run, order, start of the run, its tick, [facts]]` says what is known of a run, `["s", run, order, ...]` what is known of a
span (again when it changes: the highest order counts, a tick), `["x", run]` that the run is stored or otherwise settled.
"""

from __future__ import annotations

from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

import orjson

from tracing_core.jsontext import dump

if TYPE_CHECKING:
    from tracing_core.recording import Span
    from tracing_core.trace import Trace

FACTS = (
    "status", "query", "answer", "intent", "domain", "report_type", "research_type", "library", "session_id",
    "user_id", "tags", "confidence", "citations_count", "error", "project_id", "outputs", "iterations",
    "quality_gate_failures", "child_traces", "parent_trace_id", "parent_span_id", "name", "source", "project_name",
    "trace_id", "trace_state",
)  # fmt: skip
"""What a run says of itself, in the order of its line; later versions add at the end."""
SPAN_PARTS = (
    "number", "parent", "name", "kind", "start_tick", "end_tick", "error", "details", "events", "decisions", "evidence",
    "prompts", "outputs",
)  # fmt: skip
"""What a span says, in the order of its line; an open one stops after its details."""
RUN, SPAN, SETTLED = b"t", b"s", b"x"
"""The kinds of lines."""

_facts = attrgetter(*FACTS)
_dumps = orjson.dumps
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
_MOST_CHARS = 1000
"""Of the texts of a span whose content is left out."""


def facts_of(trace: Trace) -> tuple[Any, ...]:
    """The facts of a run as they are now, to be compared and to be written."""
    facts: tuple[Any, ...] = _facts(trace)
    return facts


def are_same(facts: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether facts are those of before, the very objects: what the host compares its objects by may raise anything."""
    return len(facts) == len(others) and all(map(is_, facts, others))


def open_line(span: Span) -> bytes:
    """The line of a span below another that has just been opened.

    Raises:
        TypeError: JSON cannot hold all of it; `careful_line` can.
    """
    parent: Any = span.parent
    return _dumps(
        ["s", span.trace.root.number, span.start_tick, span.number, parent.number, span.name, span.kind,
         span.start_tick, None, None, span.details],
        None, _OPTIONS,
    )  # fmt: skip


def ended_line(span: Span) -> bytes:
    """The line of a span below another that has just ended.

    Raises:
        TypeError: JSON cannot hold all of it; `careful_line` can.
    """
    parent: Any = span.parent
    end = span.end_tick
    return _dumps(
        ["s", span.trace.root.number, end, span.number, parent.number, span.name, span.kind, span.start_tick, end,
         span.error, span.details, span.events, span.decisions, span.evidence, span.prompts, span.outputs],
        None, _OPTIONS,
    )  # fmt: skip


def careful_line(span: Span, longest: int) -> bytes:
    """The line of any span as it is now. What JSON cannot hold becomes text; content that makes a line longer than
    `longest` bytes is left out.
    """
    line = _careful(_head(span, span.name, span.kind, span.error, span.details) + _content(span))
    if len(line) <= longest:
        return line
    error = None if span.error is None else str(span.error)[:_MOST_CHARS]
    left_out = {"journal.left_out_bytes": len(line)}
    return _careful(_head(span, span.name[:_MOST_CHARS], str(span.kind)[:_MOST_CHARS], error, left_out))


def run_line(trace: Trace, facts: tuple[Any, ...], longest: int) -> bytes:
    """The line of a run; texts and lists are left out of one that is longer than `longest` bytes."""
    root = trace.root
    head = ["t", root.number, trace.tick(), trace.started_at, root.start_tick]
    line = _careful([*head, facts])
    if len(line) <= longest:
        return line
    return _careful([*head, [fact if _is_short(fact) else None for fact in facts]])


def settled_line(run: int) -> bytes:
    """The line that says that the run with this root span needs no recovery."""
    return b'["x",%d]\n' % run


def kind_and_run(line: bytes) -> tuple[bytes, int] | None:
    """Which kind of line this is, and of which run; None for a line that was not written to its end."""
    if not line.startswith(b'["') or not line.endswith(b"]") or b"\0" in line:
        return None
    run = line[5:].partition(b",")[0].rstrip(b"]")
    return (line[2:3], int(run)) if run.isdigit() else None


def _head(span: Span, name: str, kind: str, error: object, details: object) -> list[Any]:
    trace, parent = span.trace, span.parent
    return [
        "s", trace.root.number, trace.tick(), span.number, None if parent is None else parent.number, name, kind,
        span.start_tick, span.end_tick, error, details,
    ]  # fmt: skip


def _content(span: Span) -> list[Any]:
    return [span.events, span.decisions, span.evidence, span.prompts, span.outputs]


def _careful(row: list[Any]) -> bytes:
    try:
        return _dumps(row, None, _OPTIONS)
    except (TypeError, RecursionError, ValueError):
        return dump(row) + b"\n"


def _is_short(fact: Any) -> bool:
    return fact is None or isinstance(fact, int | float) or (isinstance(fact, str) and len(fact) <= _MOST_CHARS)
