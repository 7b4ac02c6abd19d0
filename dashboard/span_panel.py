"""The chosen span: why it did what it did, its documents, prompts, what went in and out, its attributes, what it cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import data, words
from dashboard.decision_cards import card, plain
from dashboard.evidence import documents
from dashboard.span_cost import bill
from tracing_core.model import SpanKind
from tracing_core.query.trace import DecisionRow, SpanPayload, SpanRow

_MOST_EVENTS = 20
_ONE_LINE = 80
_IN_AND_OUT = ("input.value", "output.value", "input", "output")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tab:
    title: str
    draw: Callable[[], None]
    filled: bool


def span_panel(trace_id: str, span: SpanRow, decisions: Sequence[DecisionRow], height: int) -> None:
    """Draw the panel.

    Args:
        decisions: those of the whole trace; the span's own are picked from them.
        height: in pixels.
    """
    payload = data.span_payload(trace_id, span.span_id)
    with st.container(border=True, height=height, key="trace.panel"):
        _head(span)
        if payload is None:
            st.caption("What this span held is not stored any more.")
            return
        own = [row for row in decisions if row.span_id == span.span_id]
        tabs = [tab for tab in (*_tabs(payload, own), _cost(trace_id, span.span_id)) if tab.filled]
        if not tabs:
            st.caption("This span holds nothing beyond its times.")
            return
        for place, tab in zip(st.tabs([tab.title for tab in tabs]), tabs, strict=True):
            with place:
                tab.draw()


def _head(span: SpanRow) -> None:
    state = ":red-badge[failed]" if span.status == "error" else ""
    kind = "span" if span.kind is SpanKind.UNKNOWN else span.kind.lower()
    st.markdown(f"**{words.label(span.name)}** :gray[{kind} · {words.duration(span.duration_ms)}] {state}")
    if span.error:
        st.text(span.error)


def _tabs(payload: SpanPayload, decisions: Sequence[DecisionRow]) -> tuple[_Tab, ...]:
    """The tabs in their order: why first, where there is a why."""
    attributes = {name: value for name, value in payload.attributes.items() if name not in _IN_AND_OUT}
    ins_outs = {name: payload.attributes[name] for name in _IN_AND_OUT if name in payload.attributes}
    return (
        _Tab(title="Why", draw=lambda: _why(decisions), filled=bool(decisions)),
        _Tab(title="Documents", draw=lambda: documents(payload.evidence), filled=bool(payload.evidence)),
        _Tab(title="Prompt", draw=lambda: _prompts(payload), filled=bool(payload.prompts)),
        _Tab(
            title="In and out",
            draw=lambda: _in_and_out(payload, ins_outs),
            filled=bool(payload.outputs or ins_outs or payload.events),
        ),
        _Tab(title="Attributes", draw=lambda: _pairs(attributes), filled=bool(attributes)),
    )


def _cost(trace_id: str, span_id: str) -> _Tab:
    stored = data.cost_audit(trace_id)
    found = stored.now.below(span_id) if stored is not None and stored.now is not None else None
    if stored is None or found is None or not found.calls:
        return _Tab(title="Cost", draw=lambda: None, filled=False)
    return _Tab(title="Cost", draw=lambda: bill(stored, found, span_id), filled=True)


def _why(decisions: Sequence[DecisionRow]) -> None:
    for row in decisions:
        card(row)


def _prompts(payload: SpanPayload) -> None:
    for name, text in payload.prompts.items():
        st.caption(words.label(name))
        st.code(plain(text), language=None, wrap_lines=True)


def _in_and_out(payload: SpanPayload, ins_outs: dict[str, Any]) -> None:
    """What was understood first; beneath it what it was understood from, and the events."""
    _values(payload.outputs)
    understood = {plain(value) for value in (*payload.outputs.values(), *payload.prompts.values())}
    raw = {name: value for name, value in ins_outs.items() if plain(value) not in understood}
    if raw and understood:
        with st.expander("As it was sent"):
            _values(raw)
    else:
        _values(raw)
    _events(payload.events)


def _values(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        st.caption(words.label(name))
        st.code(_readable(value), language=None, wrap_lines=True)


def _readable(value: Any) -> str:
    """Text as it is; what has structure, also where it is written as a text, in one line or a line for each part."""
    opened = value
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            opened = json.loads(value)
    if not isinstance(opened, dict | list):
        return plain(opened)
    line = json.dumps(opened, ensure_ascii=False, default=str)
    return line if len(line) <= _ONE_LINE else json.dumps(opened, ensure_ascii=False, indent=2, default=str)


def _events(events: Sequence[Mapping[str, Any]]) -> None:
    """The names of events, with how often they come; what they say is a click away."""
    for name, times in Counter(str(event["name"]) for event in events).items():
        said = [event["attributes"] for event in events if event["name"] == name and event["attributes"]]
        title = words.label(name) + (f" :gray[× {words.count(times)}]" if times > 1 else "")
        if not said:
            st.caption(title)
            continue
        with st.expander(title):
            for attributes in said[:_MOST_EVENTS]:
                _values(attributes)


def _pairs(attributes: dict[str, Any]) -> None:
    rows = {"Name": list(attributes), "Value": [plain(value) for value in attributes.values()]}
    st.dataframe(rows, hide_index=True, height="content", alt="Attributes of the span")
