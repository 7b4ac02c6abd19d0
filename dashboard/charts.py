"""Charts over time and over operations: data in, Plotly figure out. What a point stands for is in its `customdata`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from tracing_core.query.overview import FlagPoint, LatencyPoint, LibraryCount, OperationLatency

HEIGHT = 260
MOST_BARS = 12
"""Of a chart with a bar for each name; the names of spans may be without number."""
_ROW = 34
_ROUND = (1, 2, 5)
_FEW = 8


def latency_over_time(points: Sequence[LatencyPoint]) -> go.Figure:
    """P50, P95 and P99 as lines; a point's customdata starts with its bucket."""
    figure = _figure()
    buckets = [point.bucket for point in points]
    for name, colour in reversed(tuple(theme.PERCENTILES.items())):
        values = [getattr(point, f"{name.lower()}_ms") for point in points]
        figure.add_scatter(
            x=buckets,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": "dot" if name == "P99" else "solid"},
            marker={"size": 5, "color": colour},
            customdata=[
                [p.bucket.isoformat(), words.duration(v), p.count] for p, v in zip(points, values, strict=True)
            ],
            hovertemplate="%{customdata[1]} · %{customdata[2]} traces<extra>" + name + "</extra>",
        )
    _durations(figure, "yaxis", [v for p in points for v in (p.p50_ms, p.p95_ms, p.p99_ms) if v is not None])
    return figure.update_layout(
        hovermode="x unified", legend={**_LEGEND_ABOVE, "traceorder": "reversed"}, dragmode=False, xaxis=_TIME
    )


def flags_over_time(points: Sequence[FlagPoint]) -> go.Figure:
    """The flags as stacked bars, the worst at the bottom; customdata is the flag and the bucket."""
    figure = _figure()
    for flag, colour in theme.FLAG_COLOURS.items():
        figure.add_bar(
            x=[point.bucket for point in points],
            y=[point.counts.get(flag, 0) for point in points],
            name=words.flag(flag),
            marker={"color": colour, "line": {"width": 0}},
            customdata=[[flag.value, point.bucket.isoformat()] for point in points],
            hovertemplate="%{y} · %{x|%b %-d, %H:%M}<extra>" + words.flag(flag) + "</extra>",
        )
    layout: dict[str, Any] = {"barmode": "stack", "bargap": 0.15, "hovermode": "closest", "legend": _LEGEND_ABOVE}
    return figure.update_layout(
        **layout,
        dragmode=False,
        xaxis=_TIME,
        yaxis=counts_axis(max((sum(p.counts.values()) for p in points), default=0)),
    )


def counts_axis(most: float) -> dict[str, Any]:
    """An axis of how many there are of something, at most `most`: whole numbers from 0, and none of them twice."""
    return {"tickformat": ",d", "rangemode": "tozero", "dtick": 1 if most <= _FEW else None}


def stages(rows: Sequence[OperationLatency]) -> go.Figure:
    """Mean time of an operation as a bar and its P95 as a mark, the slowest on top; customdata is the operation.

    Args:
        rows: the operations, the one that took most time first; only the first `MOST_BARS` are drawn.
    """
    ordered = sorted(rows[:MOST_BARS], key=lambda row: row.mean_ms or 0)
    names = [row.operation for row in ordered]
    said = [[row.operation, words.duration(row.mean_ms), words.duration(row.p95_ms), row.count] for row in ordered]
    figure = _figure(rows=len(ordered))
    figure.add_bar(
        y=names,
        x=[row.mean_ms for row in ordered],
        orientation="h",
        name="Mean",
        marker={"color": [theme.operation_colour(name) for name in names], "line": {"width": 0}},
        customdata=said,
        hovertemplate="mean %{customdata[1]} · P95 %{customdata[2]} · %{customdata[3]} runs<extra>%{y}</extra>",
    )
    figure.add_scatter(
        y=names,
        x=[row.p95_ms for row in ordered],
        mode="markers",
        name="P95",
        marker={"symbol": "line-ns-open", "size": 14, "line": {"width": 2}, "color": theme.QUIET},
        customdata=said,
        hovertemplate="P95 %{customdata[2]}<extra>%{y}</extra>",
    )
    _durations(figure, "xaxis", [v for row in ordered for v in (row.mean_ms, row.p95_ms) if v is not None])
    return figure.update_layout(showlegend=False)


def libraries(rows: Sequence[LibraryCount]) -> go.Figure:
    """Questions by library, the most asked on top; customdata is the library, empty for none."""
    ordered = sorted(sorted(rows, key=lambda row: -row.count)[:MOST_BARS], key=lambda row: row.count)
    figure = _figure(rows=len(ordered))
    figure.add_bar(
        y=[row.library or "no library" for row in ordered],
        x=[row.count for row in ordered],
        orientation="h",
        marker={"color": theme.ACCENT, "line": {"width": 0}},
        text=[words.count(row.count) for row in ordered],
        textposition="auto",
        customdata=[[row.library or "", words.duration(row.p95_ms)] for row in ordered],
        hovertemplate="%{x} traces · P95 %{customdata[1]}<extra>%{y}</extra>",
    )
    return figure.update_layout(xaxis={"visible": False}, showlegend=False)


def ratings(distribution: Mapping[int, int]) -> go.Figure:
    """How often each rating from 1 to 5 was given; customdata is the rating. Bad ratings are red."""
    given = range(1, 6)
    figure = _figure(rows=5)
    figure.add_bar(
        y=[words.stars(rating) for rating in given],
        x=[distribution.get(rating, 0) for rating in given],
        orientation="h",
        marker={"color": [theme.WRONG if rating <= 2 else theme.ACCENT for rating in given], "line": {"width": 0}},
        text=[words.count(distribution.get(rating, 0)) for rating in given],
        textposition="auto",
        customdata=[[rating] for rating in given],
        hovertemplate="%{x} ratings<extra>%{y}</extra>",
    )
    return figure.update_layout(xaxis={"visible": False}, showlegend=False)


def steps(durations: Sequence[tuple[str, float]]) -> go.Figure:
    """The steps of one answer as a single thin bar, in their order: (name, milliseconds). Words for them go beneath it."""
    figure = _figure()
    for name, ms in durations:
        figure.add_bar(
            x=[ms],
            y=[""],
            orientation="h",
            name=f"{name} {words.duration(ms)}",
            marker={"color": theme.operation_colour(name), "line": {"width": 0}},
            hovertemplate=words.duration(ms) + "<extra>" + name + "</extra>",
        )
    hidden = {"visible": False, "fixedrange": True}
    total = sum(ms for _, ms in durations)
    return figure.update_layout(
        barmode="stack",
        bargap=0,
        height=18,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={**hidden, "range": [0, total]},
        yaxis=hidden,
        showlegend=False,
    )


_TIME: dict[str, Any] = {"showgrid": False, "title": None, "nticks": 6, "tickangle": 0}
_LEGEND_ABOVE: dict[str, Any] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None}


def _figure(rows: int | None = None) -> go.Figure:
    height = HEIGHT if rows is None else max(rows * _ROW + 40, 120)
    return go.Figure(
        layout={"height": height, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}, "clickmode": "event+select"}
    )


def _durations(figure: go.Figure, axis: str, values: Sequence[float]) -> None:
    """Label an axis of milliseconds with durations at round places."""
    ticks = _round_places(max(values, default=1.0))
    labels = ["0" if tick == 0 else _short(tick) for tick in ticks]
    figure.update_layout({axis: {"tickvals": ticks, "ticktext": labels, "rangemode": "tozero"}})


def _round_places(highest: float) -> list[float]:
    """Zero and at most six more places, 1, 2 or 5 times a power of ten apart, the last one not below `highest`."""
    power = 0.01
    while highest / (power * _ROUND[-1]) > 5:
        power *= 10
    step = next(power * factor for factor in _ROUND if highest / (power * factor) <= 5)
    return [step * at for at in range(int(highest / step) + 2)]


def _short(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s" if ms < 60_000 else words.duration(ms)
