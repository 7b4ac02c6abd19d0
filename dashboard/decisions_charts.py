"""The charts of decisions: data in, Plotly figure out. What a point leads to is in its `customdata`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import decisions_words, theme
from dashboard.calibration_charts import bounds, rows_height, whiskers
from dashboard.view import choice_words
from tracing_core.model import TraceStatus
from tracing_core.query.decisions import Choice, DecisionPoint, DecisionType

HEIGHT = 320
MOST_TYPES = 12
MOST_OVER_TIME = 5
GOOD = theme.STATUS_COLOURS[TraceStatus.COMPLETE]
_CHOICES = ("#3d7cc9", "#159a8c", "#8268c4", "#4fa3c7", "#b0629a", "#6f9a3e", "#5a69b8", "#8c6d52")
_LABEL_CHARS = 34
_WIDTH_OF_BINS = 0.05
_NO_LINE = {"width": 0}
_PERCENT: dict[str, Any] = {"tickformat": ".0%", "range": [0, 1.02], "title": None, "nticks": 6}
_TIME: dict[str, Any] = {"showgrid": False, "title": None, "nticks": 6, "tickangle": 0}
_LEGEND: dict[str, Any] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None}


def types(rows: Sequence[DecisionType]) -> go.Figure:
    """Each type as a bar of its choices by share, the most frequent type on top; customdata is the type and the choice."""
    ordered = list(reversed(rows[:MOST_TYPES]))
    figure = _figure(rows_height(len(ordered)))
    for at in range(max((len(row.choices) for row in ordered), default=0)):
        named = [(row, row.choices[at]) for row in ordered if at < len(row.choices)]
        figure.add_bar(
            y=[_short(row.decision) for row, _ in named],
            x=[each.share for _, each in named],
            orientation="h",
            marker={"color": _CHOICES[at % len(_CHOICES)], "line": {"width": 1, "color": "rgba(255,255,255,0.6)"}},
            text=[_said(each) if each.share > 0.12 else "" for _, each in named],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            customdata=[[row.decision, _link(each), _said(each)] for row, each in named],
            hovertemplate="%{customdata[2]}<br>%{x:.1%} of %{y}<extra></extra>",
        )
    figure.add_bar(
        y=[_short(row.decision) for row in ordered],
        x=[row.others for row in ordered],
        orientation="h",
        marker={"color": theme.QUIET, "opacity": 0.45, "line": _NO_LINE},
        customdata=[[row.decision, None, "others"] for row in ordered],
        hovertemplate="others<br>%{x:.1%} of %{y}<extra></extra>",
    )
    return figure.update_layout(
        barmode="stack", bargap=0.3, showlegend=False, uniformtext={"minsize": 10, "mode": "hide"},
        xaxis={**_PERCENT, "range": [0, 1]},
    )  # fmt: skip


def choices(found: DecisionType) -> go.Figure:
    """How often each choice was made, and beside it how it turned out, with intervals; customdata is the choice."""
    ordered = list(reversed(found.choices))
    names = [_said(each) for each in ordered]
    links = [[_link(each), decisions_words.good(each.group)] for each in ordered]
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        column_widths=[0.6, 0.4],
        subplot_titles=("How often", "Right"),
    )
    figure.add_bar(
        y=names,
        x=[each.share for each in ordered],
        orientation="h",
        marker={"color": theme.ACCENT, "line": _NO_LINE},
        text=[decisions_words.percent(each.share) for each in ordered],
        textposition="auto",
        customdata=links,
        hovertemplate="%{x:.1%}<extra>%{y}</extra>",
        col=1,
        row=1,
    )
    known = [(name, each, link) for name, each, link in zip(names, ordered, links, strict=True) if each.group.interval]
    figure.add_scatter(
        y=[name for name, _, _ in known],
        x=[each.group.good for _, each, _ in known],
        error_x=whiskers([(each.group.good or 0.0, each.group.interval) for _, each, _ in known]),
        mode="markers",
        marker={"size": 9, "color": GOOD},
        customdata=[link for _, _, link in known],
        hovertemplate="right %{customdata[1]}<extra>%{y}</extra>",
        col=2,
        row=1,
    )
    if found.group.good is not None:
        figure.add_vline(x=found.group.good, line={"dash": "dot", "width": 1, "color": theme.QUIET}, col=2, row=1)
    figure.update_xaxes(visible=False, col=1).update_xaxes(
        **{**_PERCENT, "range": [-0.04, 1.04]}, tickvals=[0, 0.5, 1], col=2
    )
    figure.update_annotations(font={"size": 12})
    return figure.update_layout(
        height=rows_height(len(ordered)), margin={"l": 4, "r": 8, "t": 28, "b": 4}, showlegend=False,
        clickmode="event+select", bargap=0.3,
    )  # fmt: skip


def confidences(found: DecisionType) -> go.Figure:
    """How often which confidence was said, in twentieths; customdata is the bounds."""
    counts: dict[int, float] = defaultdict(float)
    last = round(1 / _WIDTH_OF_BINS) - 1
    for said, count in found.confidences.items():
        counts[min(int(said / _WIDTH_OF_BINS + 1e-9), last)] += count
    total = sum(counts.values()) or 1.0
    places = sorted(counts)
    figure = _figure(HEIGHT)
    figure.add_bar(
        x=[(at + 0.5) * _WIDTH_OF_BINS for at in places],
        y=[counts[at] / total for at in places],
        width=_WIDTH_OF_BINS * 0.9,
        marker={"color": theme.ACCENT, "line": _NO_LINE},
        customdata=[bounds(at * _WIDTH_OF_BINS, (at + 1) * _WIDTH_OF_BINS) for at in places],
        hovertemplate="%{y:.1%} say %{customdata[2]}<extra></extra>",
    )
    if found.quantiles is not None:
        median = found.quantiles.median
        figure.add_vline(
            x=median, line={"dash": "dot", "width": 1, "color": theme.QUIET}, annotation_text=f"median {median:.2f}"
        )
    shown = {"range": [0, 1.02], "title": None, "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    return figure.update_layout(
        showlegend=False, xaxis=shown, yaxis={"tickformat": ".0%", "rangemode": "tozero", "nticks": 5}
    )


def confidence_over_time(points: Sequence[DecisionPoint]) -> go.Figure:
    """What was said and what came true by bucket of time; customdata is the bucket."""
    figure = _figure(HEIGHT)
    buckets = [[point.bucket.isoformat(), decisions_words.good(point.group)] for point in points]
    lines = (
        ("Says", [point.group.confidence for point in points], theme.ACCENT, "%{y:.2f}"),
        ("Right", [point.group.good for point in points], GOOD, "%{customdata[1]}"),
    )
    for name, values, colour, said in lines:
        figure.add_scatter(
            x=[point.bucket for point in points],
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 5, "color": colour},
            customdata=buckets,
            hovertemplate=f"{said}<extra>{name}</extra>",
        )
    return figure.update_layout(
        hovermode="x unified", legend=_LEGEND, xaxis=_TIME, yaxis={**_PERCENT, "tickformat": ".1f"}
    )


def choices_over_time(found: DecisionType) -> go.Figure:
    """The share of each choice by bucket of time; customdata is the bucket and the choice."""
    figure = _figure(HEIGHT)
    named = found.choices[:MOST_OVER_TIME]
    keys = {each.key for each in named}
    totals = [sum(point.choices.values()) or 1.0 for point in found.points]
    for each, colour in zip(named, _CHOICES, strict=False):
        shares = [point.choices.get(each.key, 0.0) / total for point, total in zip(found.points, totals, strict=True)]
        link = _link(each)
        _add_shares(figure, found.points, shares, _said(each), colour, link)
    if found.distinct > len(named):
        others = (
            sum(count for key, count in point.choices.items() if key not in keys) / total
            for point, total in zip(found.points, totals, strict=True)
        )
        _add_shares(figure, found.points, list(others), "others", theme.QUIET, None)
    legend = {**_LEGEND, "font": {"size": 11}, "traceorder": "normal"}
    return figure.update_layout(
        barmode="stack", bargap=0.12, hovermode="x unified", legend=legend, xaxis=_TIME,
        yaxis={**_PERCENT, "range": [0, 1]},
    )  # fmt: skip


def _add_shares(
    figure: go.Figure, points: Sequence[DecisionPoint], shares: list[float], name: str, colour: str, link: str | None
) -> None:
    figure.add_bar(
        x=[point.bucket for point in points],
        y=shares,
        name=name,
        marker={"color": colour, "line": _NO_LINE},
        customdata=[[point.bucket.isoformat(), link] for point in points],
        hovertemplate="%{y:.0%}<extra>" + name + "</extra>",
    )


def _link(each: Choice) -> str | None:
    """The filter for a choice; None where it is too long to be one."""
    return None if each.cut else choice_words(each.what)


def _said(each: Choice) -> str:
    return decisions_words.choice(each.what, cut=each.cut, limit=_LABEL_CHARS)


def _short(name: str) -> str:
    return name if len(name) <= _LABEL_CHARS else f"{name[: _LABEL_CHARS - 1]}…"


def _figure(height: int) -> go.Figure:
    return go.Figure(
        layout={"height": height, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}, "clickmode": "event+select"}
    )
