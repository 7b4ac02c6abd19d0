"""Where the time of a trace went: each span's self time, and the critical path through the tree.

A span's *self time* is the part of it during which none of its children ran. The *critical path* is the chain of spans
that the end of the trace waited for: going back from the root's end, the child that finished last, then the child that
had finished last when that one started, and so on; the parent itself where there is none. A child that was still running
when the next one started held nobody up: it is beside the path, and shortening it would not have shortened the trace.

Pure functions over intervals in milliseconds; they accept what really arrives: orphans, clock skew that lets a child
stick out of its parent, spans without an end, parents that form a ring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

OVERLAP_MS = 1.0
"""By how much the work that came before may reach into the work that followed: clocks are no better than that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedSpan:
    """A span as an interval.

    Args:
        span_id: its id, unique in the trace.
        parent_id: the span it ran in; one that is not in the trace counts as none.
        start_ms: when it started, from any common zero.
        duration_ms: how long it took; None and negative count as no time.
    """

    span_id: str
    parent_id: str | None
    start_ms: float
    duration_ms: float | None

    @property
    def end_ms(self) -> float:
        """When it ended."""
        return self.start_ms + max(self.duration_ms or 0.0, 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of the critical path during which `span_id` was what the trace waited for."""

    span_id: str
    start_ms: float
    end_ms: float


def children_of(spans: Iterable[TimedSpan]) -> dict[str | None, list[TimedSpan]]:
    """The spans by their parent's id, each group by start; those without a parent in the trace are under None."""
    listed = list(spans)
    known = {span.span_id for span in listed}
    groups: dict[str | None, list[TimedSpan]] = {}
    for span in sorted(listed, key=lambda each: (each.start_ms, each.end_ms, each.span_id)):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else None
        groups.setdefault(parent, []).append(span)
    return groups


def self_times(spans: Sequence[TimedSpan]) -> dict[str, float]:
    """The self time of every span, in milliseconds, by span id."""
    groups = children_of(spans)
    return {span.span_id: _uncovered(span, groups.get(span.span_id, ())) for span in spans}


def critical_path(spans: Sequence[TimedSpan]) -> tuple[Segment, ...]:
    """The critical path of the longest root, in the order of time.

    Returns:
        Stretches that neither overlap nor leave a gap: together they cover the root from its start to its end. Empty
        when nothing took any time.
    """
    groups = children_of(spans)
    roots = groups.get(None, ())
    if not roots:
        return ()
    root = max(roots, key=lambda span: (span.end_ms - span.start_ms, span.span_id))
    return tuple(reversed(_backwards(root, groups)))


def critical_ms(path: Iterable[Segment]) -> dict[str, float]:
    """The time each span spent on the critical path, in milliseconds; spans beside it are absent."""
    totals: dict[str, float] = {}
    for segment in path:
        totals[segment.span_id] = totals.get(segment.span_id, 0.0) + segment.end_ms - segment.start_ms
    return totals


def _uncovered(span: TimedSpan, children: Iterable[TimedSpan]) -> float:
    free, reached = 0.0, span.start_ms
    for child in children:
        start = min(max(child.start_ms, span.start_ms), span.end_ms)
        free += max(start - reached, 0.0)
        reached = max(reached, min(child.end_ms, span.end_ms))
    return free + max(span.end_ms - reached, 0.0)


class _Visit:
    """A span on the way back: how far back its path has come, and which children may still be on it."""

    __slots__ = ("ceiling", "cursor", "floor", "span_id", "waiting")

    def __init__(self, span: TimedSpan, floor: float, cursor: float, children: Sequence[TimedSpan]) -> None:
        self.span_id, self.floor, self.ceiling, self.cursor = span.span_id, floor, cursor, cursor
        self.waiting = sorted(children, key=lambda child: (child.end_ms, child.start_ms, child.span_id))


def _backwards(root: TimedSpan, groups: Mapping[str | None, Sequence[TimedSpan]]) -> list[Segment]:
    """The segments from the last to the first. A stack of its own, since a chain may be deeper than Python's."""
    found: list[Segment] = []
    stack = [_Visit(root, root.start_ms, root.end_ms, groups.get(root.span_id, ()))]
    while stack:
        visit = stack[-1]
        child = _last_before(visit)
        end = min(child.end_ms, visit.cursor) if child else visit.floor
        if visit.cursor > end:
            found.append(Segment(span_id=visit.span_id, start_ms=end, end_ms=visit.cursor))
        visit.cursor = end
        if child is None:
            stack.pop()
            continue
        start = max(child.start_ms, visit.floor)
        stack.append(_Visit(child, start, end, groups.get(child.span_id, ())))
        visit.cursor = start
    return found


def _last_before(visit: _Visit) -> TimedSpan | None:
    """The child that had finished last at the cursor. What sticks out of the parent is cut off: it is clock skew."""
    while visit.waiting:
        child = visit.waiting.pop()
        ends = min(child.end_ms, visit.ceiling)
        if ends <= visit.cursor + OVERLAP_MS and max(child.start_ms, visit.floor) < min(ends, visit.cursor):
            return child
    return None
