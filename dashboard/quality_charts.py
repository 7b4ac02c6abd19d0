"""Charts of what degrades quality. What a bar, point or cell stands for is in its `customdata`, to lead to its traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import charts, theme, words
from dashboard.calibration_charts import whiskers
from tracing_core.model import TraceStatus
from tracing_core.query.quality import Cell, Failing, GatePoint, Standing

MOST_PRINCIPLES = 14
MOST_VALUES = 10
PASSED = theme.STATUS_COLOURS[TraceStatus.COMPLETE]
_ROW, _HEIGHT, _LONGEST = 30, 260, 22
_RED, _BLUE = "214, 74, 74", "61, 124, 201"
_NEUTRAL = "rgba(138, 149, 163, 0.13)"
_STRONGEST = 0.4
"""A difference of rates from which on a cell has its full colour."""


def gate_over_time(points: Sequence[GatePoint]) -> go.Figure:
    """Failures below, passes above, as stacked bars; customdata is "no" or "yes" and the bucket."""
    figure = _figure(_HEIGHT)
    for name, said, colour in (("failed", "no", theme.WRONG), ("passed", "yes", PASSED)):
        figure.add_bar(
            x=[point.bucket for point in points],
            y=[getattr(point, name) for point in points],
            name=f"Gate {name}",
            marker={"color": colour, "line": {"width": 0}},
            customdata=[[said, point.bucket.isoformat()] for point in points],
            hovertemplate="%{y} · %{x|%b %-d, %H:%M}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        barmode="stack", bargap=0.15, hovermode="closest", dragmode=False,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        xaxis={"showgrid": False, "title": None, "nticks": 6, "tickangle": 0},
        yaxis=charts.counts_axis(max((point.passed + point.failed for point in points), default=0)),
    )  # fmt: skip


def principles(rows: Sequence[Failing]) -> go.Figure:
    """How often each principle fails, with the interval, the most frequent on top; customdata is the principle."""
    shown = list(reversed(rows[:MOST_PRINCIPLES]))
    figure = _figure(_tall(len(shown)))
    figure.add_bar(
        y=[_short(each.principle_id) for each in shown],
        x=[each.rate for each in shown],
        orientation="h",
        marker={"color": theme.WRONG, "opacity": 0.75, "line": {"width": 0}},
        error_x=whiskers([(each.rate, each.interval) for each in shown]),
        customdata=[[each.principle_id, _failing(each)] for each in shown],
        hovertemplate="%{customdata[1]}<extra>%{customdata[0]}</extra>",
    )
    return figure.update_layout(
        showlegend=False, xaxis={"tickformat": ".0%", "range": [0, 1]}, yaxis={"automargin": True}
    )


def heat(cells: Sequence[Cell], overall: Sequence[Failing]) -> go.Figure:
    """Principles by intents or domains: how often each fails; customdata is principle and value.

    A cell is red or blue where a principle fails more or less often than on the whole, by more than chance explains. Bars
    of equal length, and not a heat map, since those can be picked.
    """
    whole = {each.principle_id: each for each in overall[:MOST_PRINCIPLES]}
    names, values = list(reversed(whole)), frequent(cells)
    found = {(cell.failing.principle_id, cell.value): cell.failing for cell in cells}
    figure = _figure(_tall(len(names)) + 20)
    for place, value in enumerate(values):
        column = [found.get((name, value)) for name in names]
        figure.add_bar(
            y=[_short(name) for name in names],
            x=[1] * len(names),
            orientation="h",
            marker={"color": [_colour(each, whole) for each in column], "line": {"width": 0}},
            customdata=[[name, value, _failing(each)] for name, each in zip(names, column, strict=True)],
            hovertemplate="%{customdata[2]}<extra>%{customdata[0]} · %{customdata[1]}</extra>",
        )
        # Apart from the bars: inside of them Plotly chooses its colour as if they were opaque, which none can read in the dark.
        figure.add_scatter(
            y=[_short(name) for name in names],
            x=[place + 0.5] * len(names),
            mode="text",
            text=["" if each is None else f"{each.rate:.0%}" for each in column],
            textfont={"size": 12},
            hoverinfo="skip",
        )
    ticks: dict[str, Any] = {
        "tickvals": [at + 0.5 for at in range(len(values))],
        "ticktext": [_short(value) for value in values],
    }
    return figure.update_layout(
        barmode="stack", bargap=0.06, showlegend=False,
        xaxis={**ticks, "side": "top", "showgrid": False, "zeroline": False, "range": [0, max(len(values), 1)], "tickangle": 0},
        yaxis={"automargin": True},
    )  # fmt: skip


def standings(rows: Sequence[Standing]) -> go.Figure:
    """How much each intent or domain is above or below the average score, with the interval; customdata is the value."""
    shown = list(reversed([row for row in rows if row.value is not None][:MOST_VALUES]))
    figure = _figure(_tall(len(shown)) + 20)
    figure.add_vline(x=0, line={"width": 1, "dash": "dash", "color": theme.QUIET})
    figure.add_scatter(
        y=[_short(row.value or "") for row in shown],
        x=[row.difference for row in shown],
        mode="markers",
        marker={"size": 11, "color": [_side(row) for row in shown], "line": {"width": 0}},
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.2, "width": 3, "color": theme.QUIET,
            "array": [0 if row.high is None else row.high - row.difference for row in shown],
            "arrayminus": [0 if row.low is None else row.difference - row.low for row in shown],
        },
        customdata=[[row.value, _standing(row)] for row in shown],
        hovertemplate="%{customdata[1]}<extra>%{customdata[0]}</extra>",
    )  # fmt: skip
    return figure.update_layout(
        showlegend=False, xaxis={"title": "score against the average", "tickformat": "+.1f"}, yaxis={"automargin": True}
    )


def rounds(scores: Sequence[tuple[int, float | None, bool | None]], threshold: float) -> go.Figure:
    """The score of each round (its number, score, whether it passed) against what was asked for."""
    figure = _figure(190)
    figure.add_hline(
        y=threshold, line={"width": 1, "dash": "dash", "color": theme.QUIET},
        annotation={"text": f"asked for {threshold:g}", "font": {"size": 11}}, annotation_position="bottom right",
    )  # fmt: skip
    figure.add_scatter(
        x=[number for number, _, _ in scores],
        y=[score for _, score, _ in scores],
        mode="lines+markers+text",
        text=["" if score is None else f"{score:.1f}" for _, score, _ in scores],
        textposition="top center",
        line={"color": theme.QUIET, "width": 1.5},
        marker={"size": 12, "color": [_VERDICTS[passed] for _, _, passed in scores], "line": {"width": 0}},
        hovertemplate="round %{x}: %{y:.2f}<extra></extra>",
    )
    return figure.update_layout(
        showlegend=False,
        xaxis={"tickvals": [number for number, _, _ in scores], "showgrid": False, "title": "round"},
        yaxis={"range": [0, 3.3], "tickvals": [0, 1, 2, 3]},
    )


def frequent(cells: Sequence[Cell]) -> list[str]:
    """The values that most runs have, the most frequent first."""
    most: dict[str, float] = {}
    for cell in cells:
        if cell.value is not None:
            most[cell.value] = max(most.get(cell.value, 0.0), cell.failing.count)
    return sorted(most, key=lambda value: (-most[value], value))[:MOST_VALUES]


_VERDICTS: Mapping[bool | None, str] = {True: PASSED, False: theme.WRONG, None: theme.QUIET}


def _figure(height: int) -> go.Figure:
    return go.Figure(
        layout={"height": height, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}, "clickmode": "event+select"}
    )


def _tall(rows: int) -> int:
    return max(rows * _ROW + 60, 140)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _failing(each: Failing | None) -> str:
    if each is None:
        return "not judged"
    mean = "" if each.mean_score is None else f"<br>mean score {each.mean_score:.2f}"
    between = f"{each.interval.low:.0%}–{each.interval.high:.0%}"
    return f"fails {words.count(round(each.fails))} of {words.count(round(each.count))} ({between}){mean}"


def _standing(row: Standing) -> str:
    between = "too few for an interval" if row.low is None else f"{row.low:+.2f} to {row.high:+.2f}"
    return f"{row.difference:+.2f} ({between})<br>mean {row.mean_score:.2f} of {words.count(round(row.count))} runs"


def _side(row: Standing) -> str:
    if row.low is None or row.high is None or row.low <= 0 <= row.high:
        return theme.QUIET
    return theme.WRONG if row.high < 0 else PASSED


def _colour(each: Failing | None, whole: Mapping[str, Failing]) -> str:
    if each is None:
        return "rgba(0, 0, 0, 0)"
    usual = whole[each.principle_id].rate
    if each.interval.low <= usual <= each.interval.high:
        return _NEUTRAL
    strength = min(abs(each.rate - usual) / _STRONGEST, 1.0)
    return f"rgba({_RED if each.rate > usual else _BLUE}, {0.15 + 0.35 * strength:.2f})"
