"""Charts of confidence against what came true: on the diagonal it holds, beneath it is over-confident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import decisions_words, theme, words
from tracing_core.confidence import Calibration, Interval
from tracing_core.model import QualityFlag

MOST_NAMES = 12
FEWEST = 5
"""Decisions of a bin, below which it is not called wrong."""
_HEIGHT = 340
_LONGEST = 26
_ROW = 36
_NO_LINE = {"width": 0}
_AXIS: dict[str, Any] = {"range": [-0.02, 1.02], "tickvals": [0, 0.25, 0.5, 0.75, 1]}


def says_and_comes_true(rows: Sequence[tuple[str, Calibration]]) -> go.Figure:
    """What each name says (a ring) and how often that is right (a dot with its interval); customdata is the name."""
    ordered = list(reversed(rows[:MOST_NAMES]))
    names = [_short(name) for name, _ in ordered]
    said = [[name, decisions_words.verdict(each)] for name, each in ordered]
    figure = go.Figure(layout={"height": rows_height(len(ordered)), "margin": {"l": 4, "r": 8, "t": 28, "b": 4}})
    figure.add_scatter(
        y=[name for name in names for _ in range(3)],
        x=[x for _, each in ordered for x in (each.confidence, each.good, None)],
        mode="lines",
        line={"color": theme.QUIET, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        y=names,
        x=[each.confidence for _, each in ordered],
        mode="markers",
        name="says",
        marker={"size": 11, "symbol": "circle-open", "color": theme.QUIET, "line": {"width": 2}},
        customdata=said,
        hovertemplate="%{customdata[1]}<extra></extra>",
    )
    figure.add_scatter(
        y=names,
        x=[each.good for _, each in ordered],
        error_x=whiskers([(each.good, each.interval) for _, each in ordered]),
        mode="markers",
        marker={"size": 10, "color": [_colour(each) for _, each in ordered], "line": _NO_LINE},
        customdata=said,
        hovertemplate="%{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    figure.add_scatter(y=[None], x=[None], mode="markers", name="is right", marker={"size": 10, "color": theme.QUIET})
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None}
    return figure.update_layout(clickmode="event+select", legend=legend, xaxis={**_AXIS, "tickformat": ".0%"})


def reliability(found: Calibration) -> go.Figure:
    """What was said against how often it came true, by bins with their intervals; customdata is the bounds of a bin."""
    figure = _square()
    most = max(each.count for each in found.bins)
    figure.add_scatter(
        x=[each.confidence for each in found.bins],
        y=[each.good for each in found.bins],
        error_y=whiskers([(each.good, each.interval) for each in found.bins]),
        mode="lines+markers",
        line={"color": theme.ACCENT, "width": 1.5},
        marker={
            "size": [7 + 13 * (each.count / most) ** 0.5 for each in found.bins],
            "color": [theme.WRONG if each.is_off and each.count >= FEWEST else theme.ACCENT for each in found.bins],
            "line": _NO_LINE,
        },
        customdata=[
            [*bounds(each.low, each.high), words.count(each.count), decisions_words.between(each.interval)]
            for each in found.bins
        ],
        hovertemplate="says %{x:.2f}, right %{y:.0%} (%{customdata[4]})<br>%{customdata[3]} decisions<extra></extra>",
    )
    return figure


def whiskers(shares: Sequence[tuple[float, Interval | None]]) -> dict[str, Any]:
    """Error bars from a share to the ends of its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if each is None else max(each.high - share, 0.0) for share, each in shares],
        "arrayminus": [0.0 if each is None else max(share - each.low, 0.0) for share, each in shares],
        "thickness": 1.2,
        "width": 3,
        "color": theme.QUIET,
    }


def bounds(low: float, high: float) -> list[Any]:
    """The bounds of a bin of confidence, and them in words: what a bar or point carries to lead to its decisions."""
    return [round(low, 4), round(high, 4), f"{low:.2f}–{high:.2f}"]


def rows_height(rows: int) -> int:
    """Of a chart with a bar or mark for each of some names, in pixels."""
    return max(rows * _ROW + 70, 180)


def _square() -> go.Figure:
    figure = go.Figure(
        layout={
            "height": _HEIGHT,
            "margin": {"l": 4, "r": 8, "t": 12, "b": 4},
            "clickmode": "event+select",
            "showlegend": False,
            "xaxis": {**_AXIS, "title": "says (confidence)"},
            "yaxis": {**_AXIS, "title": "is right", "tickformat": ".0%"},
        }
    )
    return figure.add_shape(
        type="line", x0=0, y0=0, x1=1, y1=1, line={"dash": "dash", "width": 1, "color": theme.QUIET}, layer="below"
    )


def _colour(found: Calibration) -> str:
    return {
        "over": theme.WRONG,
        "under": theme.FLAG_COLOURS[QualityFlag.LOW_CONFIDENCE],
        "fits": theme.ACCENT,
        "unknown": theme.QUIET,
    }[found.verdict]


def _short(name: str) -> str:
    name = name or "none"
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
