"""Charts of money: where it goes over time, and where the month leads. What a bar or point stands for is in `customdata`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from tracing_core.query.cost_projection import CostProjection
from tracing_core.query.costs import CostBy, Spending

MOST_KEYS = len(theme.SERIES)
"""That have a colour of their own; the others are one."""
OTHERS = "\x00"
"""The key of all others together; nothing is called so."""
HEIGHT = 280
_NOBODY: dict[CostBy, str] = {
    "model": "no model", "project": "no project", "user": "nobody named", "operation": "no name", "library": "no library",
}  # fmt: skip
_LEGEND: dict[str, Any] = {
    "orientation": "h",
    "y": 1.02,
    "yanchor": "bottom",
    "x": 0,
    "title": None,
    "traceorder": "normal",
}
_TIME: dict[str, Any] = {"showgrid": False, "title": None, "nticks": 6, "tickangle": 0}
_BAND = "rgba(61, 124, 201, 0.18)"
_LONGEST_NAME = 26


def name_of(key: str, by: CostBy) -> str:
    """A key in words."""
    return key or _NOBODY[by]


def over_time(found: Spending) -> go.Figure:
    """Dollars by bucket of time, stacked by key, the dearest at the bottom; customdata is the key and the bucket."""
    figure = _figure()
    for key, colour in _drawn(found):
        keys = [key] if key != OTHERS else [line.key for line in found.lines[MOST_KEYS:]]
        name = words.label(name_of(key, found.by), _LONGEST_NAME) if key != OTHERS else "others"
        sums = [sum((found.over_time.get(k, {}).get(at, Decimal(0)) for k in keys), Decimal(0)) for at in found.buckets]
        if not any(sums):
            continue
        figure.add_bar(
            x=list(found.buckets),
            y=[float(spent) for spent in sums],
            name=_plain(name),
            marker={"color": colour, "line": {"width": 0}},
            customdata=[
                [key, at.isoformat(), words.money(spent)] for at, spent in zip(found.buckets, sums, strict=True)
            ],
            hovertemplate="%{customdata[2]} · %{x|%b %-d, %H:%M}<extra>" + _plain(name) + "</extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.15, dragmode=False, legend=_LEGEND, xaxis=_TIME)
    return _dollars(figure)


def month(found: CostProjection, budget: Decimal | None) -> go.Figure:
    """What had been spent by the end of each day, what will have been, and the budget; customdata is the day."""
    figure = _figure()
    ahead = found.ahead
    if ahead:
        days = [point.day for point in ahead]
        _line(figure, days, [point.band.high for point in ahead], {"color": _BAND, "width": 0}, "", hover=False)
        _line(figure, days, [p.band.low for p in ahead], {"color": _BAND, "width": 0}, "interval", fill="tonexty")
        _line(
            figure,
            days,
            [p.band.expected for p in ahead],
            {"color": theme.ACCENT, "width": 2, "dash": "dot"},
            "expected",
        )
    _line(
        figure,
        [day for day, _ in found.spent_by],
        [float(spent) for _, spent in found.spent_by],
        {"color": theme.ACCENT, "width": 2.5},
        "spent",
    )
    if budget is not None:
        figure.add_hline(
            y=float(budget), line={"color": theme.WRONG, "dash": "dash", "width": 1.5},
            annotation={"text": f"budget {words.money(budget)}", "font": {"size": 11}}, annotation_position="top left",
        )  # fmt: skip
    figure.update_layout(showlegend=False, hovermode="x unified", xaxis={**_TIME, "tickformat": "%b %-d"})
    return _dollars(figure)


def _line(
    figure: go.Figure, days: Sequence[date], dollars: Sequence[float], line: dict[str, Any], name: str, *,
    fill: str | None = None, hover: bool = True,
) -> None:  # fmt: skip
    figure.add_scatter(
        x=list(days),
        y=list(dollars),
        mode="lines+markers" if name == "spent" else "lines",
        marker={"size": 4},
        line=line,
        fill=fill,
        fillcolor=_BAND,
        name=name,
        customdata=[[day.isoformat(), words.money(_exact(each))] for day, each in zip(days, dollars, strict=True)],
        hovertemplate=f"{'at least' if fill else name} %{{customdata[1]}}<extra></extra>"
        if hover
        else "at most %{customdata[1]}<extra></extra>",
    )


def _drawn(found: Spending) -> list[tuple[str, str]]:
    keys = [line.key for line in found.lines[:MOST_KEYS]]
    drawn = list(zip(keys, theme.SERIES, strict=False))
    return [*drawn, (OTHERS, theme.QUIET)] if len(found.lines) > MOST_KEYS else drawn


def _exact(dollars: float) -> Decimal:
    return Decimal(f"{dollars:.10f}")


def _plain(name: str) -> str:
    """Without what Plotly takes for markup."""
    return name.replace("\\", "").replace("<", "‹").replace(">", "›")


def _figure() -> go.Figure:
    return go.Figure(
        layout={"height": HEIGHT, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}, "clickmode": "event+select"}
    )


def _dollars(figure: go.Figure) -> go.Figure:
    return figure.update_layout(yaxis={"tickprefix": "$", "rangemode": "tozero", "exponentformat": "none"})
