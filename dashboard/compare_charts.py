"""Charts of two groups or two runs beside each other. What a bar or point stands for is in its `customdata`."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import theme, words
from tracing_core.comparison import Line
from tracing_core.model import TraceStatus
from tracing_core.trace_comparison import SpanPair

BETTER = theme.STATUS_COLOURS[TraceStatus.COMPLETE]
COLOURS = {"better": BETTER, "worse": theme.WRONG, "other": theme.ACCENT, "same": theme.QUIET}
A_COLOUR, B_COLOUR = theme.QUIET, theme.ACCENT
MOST_SPANS = 40
_ROW, _LONGEST = 30, 34
_WIDEST = 4.0
"""Times as much, where an interval is cut off."""


def ratios(lines: Sequence[Line]) -> go.Figure:
    """How many percent more or less B has, with the interval of 95 %; customdata is the key of the measure."""
    shown = [line for line in reversed(lines) if line.ratio is not None]
    figure = go.Figure()
    figure.add_vline(x=0, line={"width": 1, "dash": "dash", "color": theme.QUIET})
    parts = [
        [_percent(end) for end in (line.ratio.low, line.ratio.value, line.ratio.high)] for line in shown if line.ratio
    ]
    figure.add_scatter(
        y=[_short(line.measure.title) for line in shown],
        x=[middle for _, middle, _ in parts],
        mode="markers",
        marker={
            "size": 11, "color": [COLOURS[line.verdict] for line in shown], "line": {"width": 0},
            "symbol": ["triangle-right" if middle >= (_WIDEST - 1) * 100 else "circle" for _, middle, _ in parts],
        },
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.4, "width": 3, "color": theme.QUIET,
            "array": [high - middle for _, middle, high in parts], "arrayminus": [middle - low for low, middle, _ in parts],
        },
        customdata=[[line.measure.key, _said(line)] for line in shown],
        hovertemplate="%{customdata[1]}<extra>%{y}</extra>",
    )  # fmt: skip
    return figure.update_layout(
        height=len(shown) * _ROW + 60, margin={"l": 0, "r": 10, "t": 10, "b": 0}, showlegend=False,
        xaxis={"ticksuffix": " %", "zeroline": False, "title": None}, yaxis={"automargin": True, "title": None},
    )  # fmt: skip


def spans(pairs: Sequence[SpanPair]) -> go.Figure:
    """How long each span took in both, and at the right how much longer in B; customdata is the id of the span, and the run."""
    shown = list(reversed(pairs[:MOST_SPANS]))
    longest = max((span.duration_ms or 0 for pair in shown for span in (pair.a, pair.b) if span), default=0)
    size, unit = (1000, " s") if longest >= 1000 else (1, " ms")
    rows = [f"{place}" for place in range(len(shown))]
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        column_widths=[0.62, 0.38],
        horizontal_spacing=0.03,
        subplot_titles=["", "B longer or shorter"],
    )
    for name, colour in (("B", B_COLOUR), ("A", A_COLOUR)):
        own = [pair.b if name == "B" else pair.a for pair in shown]
        figure.add_bar(
            y=rows, x=[None if span is None or span.duration_ms is None else span.duration_ms / size for span in own], orientation="h", name=name,
            marker={"color": colour, "line": {"width": 0}},
            customdata=[[name.lower(), span.span_id if span else "", words.duration(span.duration_ms if span else None)] for span in own],
            hovertemplate="%{customdata[2]}<extra>" + name + "</extra>", row=1, col=1,
        )  # fmt: skip
    longer = [None if pair.difference_ms is None else pair.difference_ms / size for pair in shown]
    figure.add_bar(
        y=rows, x=longer, orientation="h", showlegend=False,
        marker={"color": [theme.WRONG if (each or 0) > 0 else BETTER for each in longer], "line": {"width": 0}},
        customdata=[["b" if pair.b else "a", (pair.b or pair.a).span_id, _longer(pair)] for pair in shown],  # type: ignore[union-attr]
        hovertemplate="%{customdata[2]}<extra></extra>", row=1, col=2,
    )  # fmt: skip
    labels = [f"{'· ' * pair.depth}{_short(pair.name)}" for pair in shown]
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, automargin=True, title=None, type="category")
    figure.update_xaxes(ticksuffix=unit, nticks=5, title=None, zeroline=True)
    return figure.update_layout(
        height=len(shown) * _ROW + 90, margin={"l": 0, "r": 10, "t": 30, "b": 0}, barmode="group", bargap=0.25,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
    )  # fmt: skip


def _longer(pair: SpanPair) -> str:
    difference = pair.difference_ms
    if difference is None:
        return "only in B" if pair.a is None else "only in A" if pair.b is None else words.ABSENT
    return f"{words.duration(abs(difference))} {'longer' if difference > 0 else 'shorter'} in B"


def _said(line: Line) -> str:
    ratio = line.ratio
    if ratio is None:
        return words.ABSENT
    low, middle, high = (
        "∞" if each == inf else f"{(each - 1) * 100:+,.0f} %" for each in (ratio.low, ratio.value, ratio.high)
    )
    return f"{middle} ({low} to {high})"


def _percent(ratio: float) -> float:
    return (min(ratio, _WIDEST) - 1) * 100


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
