"""Charts of ratings. What a point stands for is in its `customdata`, to lead to its traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from dashboard.calibration_charts import whiskers
from tracing_core.confidence import Interval
from tracing_core.intervals import Estimate
from tracing_core.query.rating_groups import RatedGroup, RatingPoint

MOST_GROUPS = 10
_ROW, _HEIGHT, _LONGEST = 34, 230, 24
_SCALE: dict[str, Any] = {"range": [0.9, 5.1], "tickvals": [1, 2, 3, 4, 5], "title": None}


def over_time(points: Sequence[RatingPoint]) -> go.Figure:
    """The mean rating as a line, above how many there are as bars; customdata starts with the bucket."""
    figure = go.Figure(layout={"height": _HEIGHT, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}})
    buckets = [point.bucket for point in points]
    said = [[point.bucket.isoformat(), words.rating(point.mean), words.count(point.count)] for point in points]
    figure.add_bar(
        x=buckets, y=[point.count for point in points], yaxis="y2", name="Ratings", customdata=said,
        marker={"color": theme.QUIET, "opacity": 0.3, "line": {"width": 0}}, hovertemplate="%{customdata[2]}",
    )  # fmt: skip
    figure.add_scatter(
        x=buckets, y=[point.mean for point in points], name="Average", mode="lines+markers", connectgaps=True,
        line={"color": theme.ACCENT, "width": 2}, marker={"size": 6, "color": theme.ACCENT},
        customdata=said, hovertemplate="%{customdata[1]}",
    )  # fmt: skip
    return figure.update_layout(
        hovermode="x unified", dragmode=False, bargap=0.2, clickmode="event+select",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        xaxis={"showgrid": False, "title": None, "nticks": 6, "tickangle": 0},
        yaxis={**_SCALE, "overlaying": "y2", "side": "left"},
        yaxis2={
            "side": "right", "showgrid": False, "tickformat": ",d", "rangemode": "tozero", "title": None, "nticks": 4,
        },
    )  # fmt: skip


def groups(rows: Sequence[RatedGroup], none: str) -> go.Figure:
    """The mean rating of each model or library with its interval, the best on top; customdata starts with its name.

    Args:
        rows: the groups; of many only those with the most ratings.
        none: what to call the one without a name.
    """
    shown = sorted(rows[:MOST_GROUPS], key=lambda each: each.mean.value)
    names = [_short(each.name or none) for each in shown]
    figure = go.Figure(layout={"height": max(len(shown) * _ROW + 60, 120), "margin": {"l": 4, "r": 8, "t": 8, "b": 4}})
    figure.add_scatter(
        y=names, x=[each.mean.value for each in shown], mode="markers",
        marker={"size": 10, "color": [theme.WRONG if each.mean.high < 3 else theme.ACCENT for each in shown]},
        error_x=whiskers([(each.mean.value, _interval(each.mean)) for each in shown]),
        customdata=[[each.name or "", _said(each)] for each in shown],
        hovertemplate="%{customdata[1]}<extra>%{y}</extra>",
    )  # fmt: skip
    return figure.update_layout(
        showlegend=False, clickmode="event+select", xaxis=_SCALE, yaxis={"automargin": True, "type": "category"}
    )


def _interval(of: Estimate) -> Interval:
    return Interval(low=of.low, high=of.high)


def _said(group: RatedGroup) -> str:
    return (
        f"{words.rating(group.mean.value)} ({words.rating(group.mean.low)} to {words.rating(group.mean.high)}) · "
        f"{words.count(group.seen)} {'rating' if group.seen == 1 else 'ratings'} · {words.share(group.low.value)} low"
    )


def _short(name: str) -> str:
    plain = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
