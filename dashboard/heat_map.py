"""The heat map of latency, time by duration, on which a box can be drawn: data in, figure out, and a drawn box into a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from dashboard.explain_view import Box
from tracing_core.query.heat import Heat, HeatCell

HEIGHT = 300
_SCALE = ((0.0, "rgba(61, 124, 201, 0.3)"), (1.0, "rgba(61, 124, 201, 1)"))
_MOST_APART = 60
"""Columns that are drawn with a gap between them; more would be mostly gaps on a narrow page."""
_TICKS_MS = tuple(factor * 10.0**power for power in range(-3, 9) for factor in (1, 2, 5))


def heat_map(heat: Heat, box: Box | None = None) -> go.Figure:
    """Each cell the darker the more traces it stands for; the axis of durations is logarithmic.

    Args:
        heat: with at least one cell.
        box: what is drawn around.
    """
    lows = _rows(heat)
    counts = {(cell.bucket, cell.low_ms): cell.count for cell in heat.cells}
    grid = [[counts.get((bucket, low)) for bucket in heat.buckets] for low, _ in lows]
    figure = go.Figure(
        layout={
            "height": HEIGHT,
            "margin": {"l": 4, "r": 8, "t": 8, "b": 4},
            "dragmode": "select",
            "selectdirection": "any",
            "xaxis": {"showgrid": False, "title": None, "nticks": 8, "tickangle": 0, "type": "date"},
            "yaxis": _durations(lows),
            "showlegend": False,
        }
    )
    figure.add_heatmap(
        x=[*heat.buckets, heat.buckets[-1] + heat.width],
        y=[math.log10(low) for low, _ in lows] + [math.log10(lows[-1][1])],
        z=[[None if count is None else math.sqrt(count) for count in row] for row in grid],
        zmin=0,
        colorscale=[list(step) for step in _SCALE],
        showscale=False,
        xgap=1 if len(heat.buckets) <= _MOST_APART else 0,
        ygap=1,
        customdata=[[_said(bucket, low, high, count) for bucket, count in zip(heat.buckets, row, strict=True)]
                    for (low, high), row in zip(lows, grid, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
    )  # fmt: skip
    _selectable(figure, heat.cells, heat)
    if box is not None:
        figure.add_shape(
            type="rect",
            x0=box.start,
            x1=box.end,
            y0=math.log10(box.low_ms),
            y1=math.log10(box.high_ms),
            line={"color": theme.WRONG, "width": 2},
        )
    return figure


def drawn(heat: Heat, selection: Mapping[str, Any]) -> Box | None:
    """The box that was drawn last, snapped to the edges of the cells it covers; None for none.

    Args:
        heat: what it was drawn on.
        selection: of the chart, as Streamlit gives it.
    """
    boxes = selection.get("box") or []
    if not boxes or not heat.cells:
        return None
    start, end = sorted(_moment(x) for x in boxes[-1]["x"])
    low, high = sorted(10.0**y for y in boxes[-1]["y"])
    starts = [*heat.buckets, heat.buckets[-1] + heat.width]
    edges = [edge for edge, _ in _rows(heat)] + [_rows(heat)[-1][1]]
    first, last = _covered(starts, start, end)
    bottom, top = _covered(edges, low, high)
    return Box(start=starts[first], end=starts[last], low_ms=edges[bottom], high_ms=edges[top])


def _covered(edges: Sequence[Any], low: Any, high: Any) -> tuple[int, int]:
    """The first and the last of the edges, which rise, of all cells that a stretch touches."""
    first = max((at for at, edge in enumerate(edges[:-1]) if edge <= low), default=0)
    last = next((at for at, edge in enumerate(edges) if edge >= high), len(edges) - 1)
    return first, max(last, first + 1)


def _moment(x: str | float) -> datetime:
    """A place on the axis of time, which has no zone and means UTC."""
    if isinstance(x, (int, float)):
        return datetime.fromtimestamp(x / 1000, UTC)
    moment = datetime.fromisoformat(x)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _rows(heat: Heat) -> list[tuple[float, float]]:
    """The rows of the grid from the shortest duration to the longest, those without any cell included: low and high."""
    known = dict(sorted((cell.low_ms, cell.high_ms) for cell in heat.cells))
    factor = next(iter(known.values())) / next(iter(known))
    rows: list[tuple[float, float]] = []
    for low, high in known.items():
        while rows and low > rows[-1][1] * math.sqrt(factor):
            rows.append((rows[-1][1], rows[-1][1] * factor))
        rows.append((low, high))
    return rows


def _selectable(figure: go.Figure, cells: Sequence[HeatCell], heat: Heat) -> None:
    """Points that cannot be seen: a heat map alone has nothing that a box could select."""
    figure.add_scatter(
        x=[cell.bucket + heat.width / 2 for cell in cells],
        y=[(math.log10(cell.low_ms) + math.log10(cell.high_ms)) / 2 for cell in cells],
        mode="markers",
        marker={"opacity": 0, "size": 4},
        hoverinfo="skip",
    )


def _durations(rows: Sequence[tuple[float, float]]) -> dict[str, Any]:
    low, high = rows[0][0], rows[-1][1]
    within = [tick for tick in _TICKS_MS if low <= tick <= high]
    every = [tick for tick in within if f"{tick:e}".startswith("1")] if len(within) > 8 else within
    return {
        "tickvals": [math.log10(tick) for tick in every],
        "ticktext": [words.duration(tick).replace(".00 s", " s").replace(".0 ms", " ms") for tick in every],
        "showgrid": False,
        "zeroline": False,
    }


def _said(bucket: datetime, low: float, high: float, count: float | None) -> str:
    many = "" if count is None else f"{words.count(round(count))} trace{'s' if round(count) != 1 else ''}"
    return f"{many} · {words.duration(low)} to {words.duration(high)} · {bucket:%d %b %H:%M} UTC"
