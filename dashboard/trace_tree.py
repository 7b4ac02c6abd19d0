"""The spans of a trace as the rows of its tree: each parent before its children, with depth, offset and critical time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard import words
from dashboard.theme import operation_colour
from tracing_core.critical_path import TimedSpan, children_of, critical_path, self_times
from tracing_core.query.trace import SpanRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """The rows in the order in which they are drawn, and the time they share.

    Args:
        rows: lists in the order of `COLUMNS`, which is what the component reads.
        start_ms: where the earliest span starts, from the trace's start.
        total_ms: from the earliest start to the last end.
    """

    rows: tuple[list[Any], ...]
    start_ms: float
    total_ms: float


COLUMNS = (
    "id", "depth", "name", "kind", "offset_ms", "duration_ms", "label", "error", "decisions", "colour", "critical", "note", "title",
)  # fmt: skip
"""`critical` holds the stretches on the critical path as start, end, start, end ... in milliseconds."""


def tree_of(spans: Sequence[SpanRow], notes: Mapping[str, str] | None = None) -> Tree:
    """Lay the spans out.

    Args:
        spans: all spans of one trace, in any order; one whose parent is missing is drawn at the left edge.
        notes: what to write behind a span, by its id, such as tokens and cost.
    """
    timed = [
        TimedSpan(span_id=s.span_id, parent_id=s.parent_id, start_ms=s.offset_ms, duration_ms=s.duration_ms)
        for s in spans
    ]
    own, by_id = self_times(timed), {span.span_id: span for span in spans}
    critical: dict[str, list[float]] = {}
    for segment in critical_path(timed):
        critical.setdefault(segment.span_id, []).extend((segment.start_ms, segment.end_ms))
    rows = tuple(
        _row(by_id[span_id], depth, critical.get(span_id, []), own[span_id], (notes or {}).get(span_id, ""))
        for span_id, depth in _depth_first(timed)
    )
    start = min((span.start_ms for span in timed), default=0.0)
    end = max((span.end_ms for span in timed), default=0.0)
    return Tree(rows=rows, start_ms=start, total_ms=max(end - start, 0.001))


def _depth_first(timed: Sequence[TimedSpan]) -> list[tuple[str, int]]:
    """Ids and depths, parents first. Spans in a ring of parents come last, as if they had none."""
    groups = children_of(timed)
    order: dict[str, int] = {}
    waiting = [(span.span_id, 0) for span in reversed(groups.get(None, []))]
    leftover = iter(timed)
    while True:
        while waiting:
            span_id, depth = waiting.pop()
            if span_id not in order:
                order[span_id] = depth
                waiting.extend((child.span_id, depth + 1) for child in reversed(groups.get(span_id, [])))
        ring = next((span for span in leftover if span.span_id not in order), None)
        if ring is None:
            return list(order.items())
        waiting.append((ring.span_id, 0))


def _row(span: SpanRow, depth: int, critical: list[float], own: float, note: str) -> list[Any]:
    took, failed = words.duration(span.duration_ms), span.status == "error"
    colour = operation_colour(span.name, span.kind)
    return [
        span.span_id, depth, span.name, span.kind, span.offset_ms, span.duration_ms, took, int(failed), span.decision_count,
        colour, critical, note, _title(span, sum(critical[1::2]) - sum(critical[::2]), own),
    ]  # fmt: skip


def _title(span: SpanRow, critical: float, own: float) -> str:
    """What hovering says: the exact numbers."""
    lines = [
        f"{span.name} · {span.kind.lower()}",
        f"{words.duration(span.duration_ms)}, of which {words.duration(own)} itself",
        f"on the critical path for {words.duration(critical)}" if critical else "not on the critical path",
        f"started {words.exact(span.started_at)}, {words.duration(max(span.offset_ms, 0))} into the trace",
    ]
    if span.status == "error":
        lines.append(f"failed: {span.error or 'no message'}")
    return "\n".join(lines)
