"""From the lines of a journal back to the runs that they tell of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any

import orjson

from tracing_core.journal_lines import FACTS, RUN, SETTLED, SPAN, SPAN_PARTS, kind_and_run
from tracing_core.model import SpanKind, TraceStatus
from tracing_core.recording import Span
from tracing_core.runtime import Runtime
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

RECOVERED = "recovered_from_journal"
"""Set on the root span of a run whose process ended before it did."""
_RUNTIME = Runtime()


def unsettled(lines: Iterable[bytes]) -> dict[int, list[bytes]]:
    """The lines of each run that is not noted as settled, by the number of its root span, in the order of their writing."""
    runs: dict[int, list[bytes]] = {}
    settled = set()
    for line in lines:
        found = kind_and_run(line)
        if found is None:
            continue  # half a line, at which the process was killed
        kind, run = found
        if kind == SETTLED:
            settled.add(run)
            runs.pop(run, None)
        elif run not in settled:
            runs.setdefault(run, []).append(line)
    return runs


def rebuilt(run: int, lines: Iterable[bytes]) -> Trace | None:
    """The run that `lines` tell of: as it was marked, or incomplete; None when they do not say which run it is."""
    facts, spans = _latest(lines)
    if facts is None:
        return None
    started_at, start_tick, values = facts
    named = dict(zip(FACTS, values, strict=False))
    trace = Trace(_RUNTIME, str(named["name"]), named["trace_id"], named["project_name"], named["source"])
    for name, value in named.items():
        if value is not None:
            setattr(trace, name, value)
    trace.started_at = datetime.fromisoformat(started_at)
    trace.status = TraceStatus(named["status"])
    trace.root.start_tick = start_tick
    trace.root.number = run
    _hang(trace, spans)
    if trace.root.end_tick is None or trace.status == TraceStatus.IN_PROGRESS:
        trace.status = TraceStatus.INCOMPLETE
        trace.root.set(**{RECOVERED: True})
    return trace


def _latest(lines: Iterable[bytes]) -> tuple[list[Any] | None, dict[int, dict[str, Any]]]:
    """The latest facts, and the latest state of each span in the order in which they were opened."""
    facts: list[Any] | None = None
    spans: dict[int, dict[str, Any]] = {}
    for kind, rest in _in_order(lines):
        if kind == RUN:
            facts = rest
        elif kind == SPAN:
            parts = dict(zip_longest(SPAN_PARTS, rest))
            spans[parts["number"]] = parts
    return facts, spans


def _in_order(lines: Iterable[bytes]) -> Iterator[tuple[bytes, list[Any]]]:
    read = []
    for line in lines:
        try:
            kind, _run, order, *rest = orjson.loads(line)
        except (orjson.JSONDecodeError, ValueError):
            logger.error("a line of the journal cannot be read: %r", line[:100])
        else:
            read.append((order, kind.encode(), rest))
    read.sort(key=lambda each: each[0])
    return ((kind, rest) for _order, kind, rest in read)


def _hang(trace: Trace, parts: dict[int, dict[str, Any]]) -> None:
    """Hang the spans below the root; one whose parent is not known (it was given up) directly."""
    spans = {trace.root.number: trace.root}
    for number, part in parts.items():
        if number not in spans:
            spans[number] = Span(trace, trace.root, part["name"], part["kind"], {})
            trace.spans.append(spans[number])
    for number, part in parts.items():
        span = spans[number]
        if span is not trace.root:
            span.parent = spans.get(part["parent"], trace.root)
        _fill(span, part)


def _fill(span: Span, part: dict[str, Any]) -> None:
    span.number = part["number"]
    span.name, span.kind = part["name"], part["kind"] or SpanKind.UNKNOWN
    span.start_tick, span.end_tick, span.error = part["start_tick"], part["end_tick"], part["error"]
    span.details = part["details"] if part["details"] is not None else {}
    span.events = [(name, tick, attributes) for name, tick, attributes in part["events"] or ()]
    span.decisions = part["decisions"] or []
    span.evidence, span.prompts, span.outputs = part["evidence"], part["prompts"], part["outputs"]
