"""The rows of a trace's tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.trace_tree import COLUMNS, tree_of

START = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Span:
    span_id: str
    parent_id: str | None = None
    offset_ms: float = 0.0
    duration_ms: float | None = 10.0
    name: str = "step"
    kind: str = "STAGE"
    status: str = "ok"
    error: str | None = None
    decision_count: int = 0
    started_at: datetime = START


def column(spans: list[Span], name: str) -> list[object]:
    return [row[COLUMNS.index(name)] for row in tree_of(spans).rows]


def test_parents_come_before_their_children_by_start() -> None:
    """The tree reads from the top down, whatever order the spans arrived in."""
    spans = [Span("b", "root", 5), Span("a1", "a", 2), Span("root", None, 0, 20), Span("a", "root", 1)]
    assert column(spans, "id") == ["root", "a", "a1", "b"]
    assert column(spans, "depth") == [0, 1, 2, 1]


def test_no_span_is_lost() -> None:
    """Orphans and spans whose parents form a ring are drawn too, once each."""
    spans = [Span("root"), Span("orphan", "gone"), Span("x", "y"), Span("y", "x"), Span("own", "own")]
    assert sorted(map(str, column(spans, "id"))) == ["orphan", "own", "root", "x", "y"]


def test_orphans_stand_at_the_left_edge_with_what_is_below_them() -> None:
    """A trace without its root, as it is while the root is on its way: each subtree begins at the top level."""
    spans = [
        Span("a", "gone", 0),
        Span("a1", "a", 1),
        Span("b", "gone", 2),
        Span("b1", "b", 3),
        Span("c", "elsewhere", 4),
    ]
    assert column(spans, "id") == ["a", "a1", "b", "b1", "c"]
    assert column(spans, "depth") == [0, 1, 0, 1, 0]


def test_a_failed_span_says_what_happened() -> None:
    """The mark for an error and its message are in the row."""
    spans = [Span("root", status="error", error="connection refused")]
    assert column(spans, "error") == [1]
    assert "failed: connection refused" in str(column(spans, "title")[0])


def test_an_empty_trace_has_an_empty_tree() -> None:
    """Nothing to draw is not an error."""
    assert tree_of([]).rows == ()


def test_time_runs_from_the_earliest_start_to_the_last_end() -> None:
    """A child that sticks out of its parent is inside the picture."""
    tree = tree_of([Span("root", None, 0, 10), Span("late", "root", -2, 20)])
    assert (tree.start_ms, tree.total_ms) == (-2, 20)
