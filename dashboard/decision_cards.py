"""A decision as a card: what was chosen, why, how sure the system was, and what it was chosen over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import streamlit as st

from dashboard import words

MOST_CARDS = 100


class DecisionRow(Protocol):
    """What a card needs to know."""

    span_id: str
    stage: str
    decision: str
    what: Any
    why: str
    confidence: float | None
    alternatives_considered: Sequence[Any]
    inputs: Mapping[str, Any]
    decided_at: datetime


def card(row: DecisionRow, place: str | None = None) -> None:
    """Draw one decision.

    Args:
        place: when and where it was taken, for a timeline.
    """
    with st.container(border=True, gap="small"):
        sure = "" if row.confidence is None else f" :gray[confidence] **{words.confidence(row.confidence)}**"
        st.markdown(f":violet[◆] {words.label(row.decision)} → **{words.label(plain(row.what), 200)}**{sure}")
        if place:
            st.caption(place)
        if row.why:
            st.text(f"because {row.why}")
        if row.alternatives_considered:
            st.caption("instead of")
            st.text("\n".join(f"·  {plain(each)}" for each in row.alternatives_considered))
        if row.inputs:
            st.caption("based on")
            st.text("\n".join(f"{name}: {plain(value)}" for name, value in row.inputs.items()))


def timeline(rows: Sequence[DecisionRow], started_at: datetime) -> None:
    """All decisions of a trace, in the order in which they were taken."""
    for row in rows[:MOST_CARDS]:
        after = (row.decided_at - started_at).total_seconds() * 1000
        card(row, f"{words.duration(max(after, 0))} into the trace · {words.label(row.stage)}")
    if len(rows) > MOST_CARDS:
        st.caption(f"The first {MOST_CARDS} of {words.count(len(rows))} decisions. All of them are in the raw trace.")


def plain(value: Any) -> str:
    """Any value of a decision as text: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


