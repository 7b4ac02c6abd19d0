"""Traces as a table: the status, the question, a latency bar split by stage, cost, flag and rating. A row opens its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import navigation, theme, words
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.traces import TraceRow

_HERE = Path(__file__).parent
_TITLES = {
    "pick": "",
    "time": "Time",
    "question": "Question and answer",
    "latency": "Latency by stage",
    "tokens": "Tokens",
    "cost": "Cost",
    "flag": "Flag",
    "rating": "Rating",
}
MOST_STAGES = 12
"""That are drawn apart in a latency bar; the others are in "everything else"."""
ALL_COLUMNS = tuple(name for name in _TITLES if name != "pick")
SHORT_COLUMNS = ("time", "question", "latency", "flag", "rating")

_component = st.components.v2.component(
    "tracewhy_trace_list",
    html=(_HERE / "table_frame.html").read_text(),
    css=(_HERE / "trace_list.css").read_text(),
    js=(_HERE / "trace_list.js").read_text(),
)


def trace_list(
    rows: Sequence[TraceRow],
    *,
    key: str,
    now: datetime,
    columns: Sequence[str] = ALL_COLUMNS,
    text: str | None = None,
    pickable: bool = False,
) -> tuple[str, ...]:
    """Draw the table, and open the trace whose row is clicked.

    Args:
        rows: the traces, in the order to show.
        key: of the component, unique on the page.
        now: what ages count from.
        columns: which ones, out of `ALL_COLUMNS`.
        text: what was searched for; its words are marked.
        pickable: whether rows can be ticked, too.

    Returns:
        The ids of the rows that are ticked.
    """
    longest = max((row.duration_ms or 0 for row in rows), default=0) or 1.0
    data = {
        "columns": [{"name": name, "title": _TITLES[name]} for name in (*(("pick",) if pickable else ()), *columns)],
        "rows": [row_data(row, now=now, longest_ms=longest) for row in rows],
        "marks": marks(text),
        "picked": _picked(key),
    }
    state = _component(key=key, data=data, on_opened_change=_nothing, on_picked_change=_nothing)
    if state.opened:
        navigation.open_page("trace", {"id": str(state.opened)})
    shown = {row.trace_id for row in rows}
    return tuple(each for each in state.picked or () if each in shown)


def row_data(row: TraceRow, *, now: datetime, longest_ms: float) -> dict[str, Any]:
    """One row as the component reads it; `longest_ms` is what a full latency bar stands for."""
    tokens = (
        None if row.input_tokens is row.output_tokens is None else (row.input_tokens or 0) + (row.output_tokens or 0)
    )
    flag, status = QualityFlag(row.quality_flag), TraceStatus(row.status)
    unpriced = ", ".join(row.unknown_models)
    return {
        "id": row.trace_id,
        "href": navigation.address("trace", {"id": row.trace_id}),
        "status": words.status(status) + (f": {row.error}" if row.error else ""),
        "status_colour": theme.STATUS_COLOURS[status],
        "time": words.ago(row.started_at, now),
        "time_title": words.exact(row.started_at),
        "question": row.query or row.name,
        "answer": row.answer_start or "",
        "stages": stage_parts(row.stage_ms, row.duration_ms or 0.0, longest_ms),
        "duration": words.duration(row.duration_ms),
        "tokens": words.count(tokens),
        "cost": words.money(row.cost_usd),
        "cost_title": f"no price known for {unpriced}" if unpriced else "",
        "flag": words.flag(flag),
        "flag_colour": theme.FLAG_COLOURS[flag],
        "flagged": flag is not QualityFlag.NORMAL,
        "rating": words.stars(row.rating),
        "bad_rating": row.rating is not None and row.rating <= 2,
    }


def marks(text: str | None) -> list[str]:
    """The words to mark for a search: not its quotation marks, nor `or`, nor what must not be there."""
    words_of = [word.strip('"') for word in (text or "").split() if not word.startswith("-")]
    return [word for word in words_of if len(word) > 1 and word.lower() != "or"]


def stage_parts(stage_ms: Mapping[str, float], total_ms: float, longest_ms: float) -> list[tuple[str, str, float, str]]:
    """The latency bar: (name, colour, share of the full bar, duration), with what no stage accounts for at the end.

    Stages that ran side by side add up to more than the trace took; then they are drawn smaller, so that the bar is right.
    """
    longest = sorted(stage_ms, key=lambda name: -stage_ms[name])[:MOST_STAGES]
    parts = [(name, stage_ms[name]) for name in sorted(longest, key=theme.operation_rank) if stage_ms[name] > 0]
    named = sum(ms for _, ms in parts)
    scale = min(1.0, total_ms / named) if named else 1.0
    drawn = [(name, theme.operation_colour(name), ms * scale / longest_ms, words.duration(ms)) for name, ms in parts]
    rest = total_ms - named
    if rest > 0:
        drawn.append(
            ("everything else", theme.FLAG_COLOURS[QualityFlag.NORMAL], rest / longest_ms, words.duration(rest))
        )
    return drawn


def _picked(key: str) -> list[str]:
    """What was ticked when the table was drawn last."""
    before = st.session_state.get(key)
    return list(getattr(before, "picked", None) or ())


def _nothing() -> None:
    """Opening needs no handling beyond the rerun, but a trigger needs a callback to exist from the start."""
