"""The trace's tree and waterfall in one: a component of our own, since ten thousand rows need virtual scrolling."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import words
from dashboard.trace_tree import COLUMNS, Tree

TALLEST = 560
SHORTEST = 440
_ROW, _FRAME = 26, 76
_HERE = Path(__file__).parent
_QUARTERS = 4

_component = st.components.v2.component(
    "tracewhy_trace_view",
    html=(_HERE / "trace_view.html").read_text(),
    css=(_HERE / "trace_view.css").read_text(),
    js=(_HERE / "trace_view.js").read_text(),
)


def trace_view(tree: Tree, *, trace_id: str, initial: str | None, height: int) -> str | None:
    """Draw the tree of a trace.

    Args:
        tree: its rows.
        trace_id: whose tree it is; another one starts afresh, unfolded.
        initial: the span to choose at first.
        height: in pixels; the rows scroll inside.

    Returns:
        The id of the span that was chosen, None as long as nobody chose one.
    """
    quarters = [words.duration(tree.total_ms * at / _QUARTERS) for at in range(1, _QUARTERS + 1)]
    data = {
        "columns": COLUMNS,
        "rows": tree.rows,
        "ticks": ["0", *quarters],
        "start_ms": tree.start_ms,
        "total_ms": tree.total_ms,
        "initial": initial,
        "trace_id": trace_id,
        "height": height,
    }
    chosen = _component(key=f"trace.tree.{trace_id}", data=data, on_selected_change=_nothing, height=height)
    selected = chosen.selected
    return str(selected) if selected else None


def height_of(rows: int) -> int:
    """How tall a tree of that many rows is drawn, in pixels."""
    return min(max(rows * _ROW + _FRAME, SHORTEST), TALLEST)


def _nothing() -> None:
    """Choosing needs no handling beyond the rerun, but a state needs a callback to exist from the start."""
