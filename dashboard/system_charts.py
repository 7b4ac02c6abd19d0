"""The charts of the system page: data in, figure out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from tracing_core.ledger import Outcome
from tracing_core.model import TraceStatus
from tracing_core.query.ledger import LedgerLine
from tracing_core.query.system import DayPart

HEIGHT = 320
MOST_REASONS = 8
"""Losses that have a stream of their own; the rest shares one."""
_NARROWEST = 0.06
"""Of the whole: the width of a stream that would be narrower."""
_LONGEST = 34
_INK = {False: "#1d2733", True: "#dfe6ee"}
"""Streamlit's own grey cannot be read on a coloured stream."""
SOURCES = {"native": "recorded here", "otlp": "by OTLP"}
"""What the ledger calls sources, in words."""
_STORED = {"": "stored", "piece": "joined to a stored one", "again": "had already"}
_COLOURS = {
    Outcome.STORED: theme.STATUS_COLOURS[TraceStatus.COMPLETE],
    Outcome.SAMPLED_OUT: theme.QUIET,
    Outcome.DEAD_LETTERED: theme.STATUS_COLOURS[TraceStatus.INCOMPLETE],
    Outcome.DROPPED: theme.WRONG,
}


def flow(lines: Sequence[LedgerLine], *, dark: bool = False) -> go.Figure:
    """From each source to each fate; a loss has its reason for a name. A stream's customdata says its traces and spans.

    Args:
        lines: of the ledger.
        dark: whether names are written on a dark ground.
    """
    streams = _streams(lines)
    whole = sum(count for count, _ in streams.values()) or 1
    sources = sorted({source for source, _, _ in streams})
    fates = sorted({(outcome, name) for _, outcome, name in streams}, key=lambda fate: (_RANK[fate[0]], fate[1]))
    totals: dict[Any, int] = defaultdict(int)
    for (source, outcome, name), (count, _) in streams.items():
        totals[source] += count
        totals[outcome, name] += count
    places = {key: number for number, key in enumerate([*sources, *fates])}
    labels = [f"{SOURCES.get(source, source)}  {words.count(totals[source])}" for source in sources]
    labels += [f"{name}  {words.count(totals[outcome, name])}" for outcome, name in fates]
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            textfont={"size": 13, "shadow": "none", "color": _INK[dark]},
            node={
                "label": labels,
                "color": [theme.ACCENT] * len(sources) + [_COLOURS[outcome] for outcome, _ in fates],
                "thickness": 14,
                "pad": 22,
                "line": {"width": 0},
                "hoverinfo": "skip",
            },
            link={
                "source": [places[source] for source, _, _ in streams],
                "target": [places[outcome, name] for _, outcome, name in streams],
                "value": [max(count, whole * _NARROWEST) for count, _ in streams.values()],
                "color": [_pale(_COLOURS[outcome]) for _, outcome, _ in streams],
                "customdata": [f"{words.count(n)} traces, {words.count(spans)} spans" for n, spans in streams.values()],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        )
    )
    height = max(HEIGHT, 44 * len(fates) + 40)
    return figure.update_layout(height=height, margin={"l": 4, "r": 4, "t": 12, "b": 12})


_RANK = {each: number for number, each in enumerate(_COLOURS)}


def _streams(lines: Sequence[LedgerLine]) -> dict[tuple[str, Outcome, str], tuple[int, int]]:
    """Traces and spans by source, outcome and the name of the fate; of many reasons the frequent ones."""
    met = [line for line in lines if line.outcome != Outcome.RECEIVED and line.count > 0]
    losses = sorted((line for line in met if line.outcome in _NAMED), key=lambda line: -line.count)
    named = {(line.outcome, line.reason) for line in losses[:MOST_REASONS]}
    streams: dict[tuple[str, Outcome, str], tuple[int, int]] = {}
    for line in met:
        outcome = Outcome(line.outcome)
        key = line.source, outcome, _fate(outcome, line.reason, (line.outcome, line.reason) in named)
        count, spans = streams.get(key, (0, 0))
        streams[key] = count + line.count, spans + line.spans
    return streams


_NAMED = (Outcome.DEAD_LETTERED, Outcome.DROPPED)


def _fate(outcome: Outcome, reason: str, named: bool) -> str:
    if outcome is Outcome.STORED:
        return _STORED.get(reason, f"stored: {reason}")
    if outcome is Outcome.SAMPLED_OUT:
        return "sampled out"
    verb = "kept aside" if outcome is Outcome.DEAD_LETTERED else "dropped"
    said = f"{verb}: {reason or 'no reason'}" if named else f"{verb}: other reasons"
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def growth(days: Sequence[DayPart]) -> go.Figure:
    """Bytes of the database by day, the oldest at the left; customdata is the day's spans."""
    dated = [part for part in reversed(days) if part.day is not None]
    figure = go.Figure(layout={"height": HEIGHT, "margin": {"l": 4, "r": 8, "t": 12, "b": 4}})
    figure.add_bar(
        x=[part.day for part in dated],
        y=[part.bytes / 1e6 for part in dated],
        marker={"color": theme.ACCENT, "line": {"width": 0}},
        customdata=[[words.size(part.bytes), words.count(part.spans)] for part in dated],
        hovertemplate="%{customdata[0]} · about %{customdata[1]} spans<extra>%{x|%d %b %Y}</extra>",
    )
    return figure.update_layout(
        showlegend=False,
        xaxis={"showgrid": False, "title": None, "nticks": 6, "tickangle": 0, "tickformat": "%d %b"},
        yaxis={"title": None, "ticksuffix": " MB", "rangemode": "tozero", "nticks": 5},
    )


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.35)"
