"""A decision as a card: what was chosen, why, how sure the system was, and what it was chosen over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import words
from tracing_core.decision_marks import is_mark, notes
from tracing_core.query.trace import DecisionRow

MOST_CARDS = 100
_ONE_LINE = 90


def card(row: DecisionRow, place: str | None = None) -> None:
    """Draw one decision.

    Args:
        place: when and where it was taken, for a timeline.
    """
    with st.container(border=True, gap=None):
        sure = "" if row.confidence is None else f" :gray[confidence] **{words.confidence(row.confidence)}**"
        st.markdown(f":violet[◆] {words.label(row.decision)} → **{words.label(plain(row.what), 200)}**{sure}")
        if place:
            st.caption(place)
        if row.why:
            st.text(f"because {row.why}")
        if row.alternatives_considered:
            _listed("instead of", [plain(each) for each in row.alternatives_considered])
        if inputs := {name: value for name, value in row.inputs.items() if not is_mark(name)}:
            _listed("based on", [f"{name}: {plain(value)}" for name, value in inputs.items()])
        for note in notes(row.inputs, row.why):
            st.caption(f":material/info: {words.label(note, 300)}")


def timeline(rows: Sequence[DecisionRow], started_at: datetime) -> None:
    """All decisions of a trace, in the order in which they were taken."""
    with st.grid(2, min_column_width=380, gap="small"):
        for row in rows[:MOST_CARDS]:
            after = (row.decided_at - started_at).total_seconds() * 1000
            card(
                row, f"{words.duration(max(after, 0))} into the trace · {words.label(row.stage or 'the trace itself')}"
            )
    if len(rows) > MOST_CARDS:
        st.caption(f"The first {MOST_CARDS} of {words.count(len(rows))} decisions. All of them are in the raw trace.")


def _listed(title: str, items: Sequence[str]) -> None:
    """A few things after their title: in one line where they fit, one a line where they do not."""
    line = " · ".join(items)
    if len(line) <= _ONE_LINE and "\n" not in line:
        st.text(f"{title}  {line}")
    else:
        st.text(f"{title}\n" + "\n".join(f"·  {item}" for item in items))


def plain(value: Any) -> str:
    """Any value of a decision as text: text as it is, flat lists and tables as words, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value and all(map(_is_short, value.values())):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items())
    if isinstance(value, list) and value and all(map(_is_short, value)):
        return ", ".join(map(_short, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
