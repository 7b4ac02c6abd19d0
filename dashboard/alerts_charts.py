"""The course of the number that a rule watches, with its threshold and when it would have fired: data in, figure out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme
from dashboard.alerts_words import factor
from tracing_core.alerts.dry_run import DryPoint, DryRun
from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule
from tracing_core.alerts.words import amount

HEIGHT = 240
MOST_POINTS = 600
_LONG_MS = 2000
_SUFFIX = {"share": " %", "dollars": " $", "dollars an hour": " $"}


def course(run: DryRun, rule: AlertRule) -> go.Figure:
    """The number at each look as a line, the threshold as another, the times in which it fires as red ground."""
    figure = go.Figure(layout={"height": HEIGHT, "margin": {"l": 4, "r": 8, "t": 12, "b": 4}})
    relative = rule.against is Against.LAST_WEEK
    points = thinned(run.points)
    scale, suffix = (1.0, " ×") if relative else _scale(rule, points)
    figure.add_scatter(
        x=[point.at for point in points],
        y=[None if (each := _number(point, rule)) is None else each * scale for point in points],
        mode="lines",
        line={"color": theme.ACCENT, "width": 1.5, "shape": "hv"},
        connectgaps=False,
        customdata=[[_said(point, rule)] for point in points],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    for episode in run.episodes:
        figure.add_vrect(
            x0=episode.fired_at,
            x1=episode.recovered_at or run.end,
            fillcolor=theme.QUIET if episode.silent else theme.WRONG,
            opacity=0.18,
            line_width=0,
        )
    if rule.measure is not AlertMeasure.NO_DATA:
        figure.add_hline(y=rule.threshold * scale, line={"color": theme.WRONG, "width": 1.5, "dash": "dash"})
        if rule.recovery_threshold is not None:
            figure.add_hline(y=rule.recovery_threshold * scale, line={"color": theme.QUIET, "width": 1, "dash": "dot"})
    layout: dict[str, Any] = {"showgrid": False, "nticks": 7, "tickangle": 0, "range": [run.start, run.end]}
    return figure.update_layout(
        showlegend=False, xaxis=layout, yaxis={"rangemode": "tozero", "nticks": 5, "ticksuffix": suffix}
    )


def spark(run: DryRun, rule: AlertRule, parts: int = 48) -> list[float]:
    """The number in some equal steps, for a line in a table; looks that say nothing are left out."""
    step = max(len(run.points) // parts, 1)
    found = (_number(point, rule) for point in run.points[step - 1 :: step])
    return [each for each in found if each is not None]


def thinned(points: Sequence[DryPoint]) -> list[DryPoint]:
    """Not more than can be drawn: of each few the one whose number is the largest, so that no peak is lost."""
    step = -(-len(points) // MOST_POINTS)
    if step <= 1:
        return list(points)
    groups = (points[start : start + step] for start in range(0, len(points), step))
    return [max(group, key=lambda point: -1.0 if point.value is None else point.value) for group in groups]


def _scale(rule: AlertRule, points: Sequence[DryPoint]) -> tuple[float, str]:
    """By how much a number is larger on the axis, and its unit there: long times are seconds."""
    unit = ABOUT[rule.measure].unit
    if unit != "ms":
        return factor(unit), _SUFFIX.get(unit, "")
    highest = max([rule.threshold, *(point.value for point in points if point.value is not None)])
    return (0.001, " s") if highest >= _LONG_MS else (1.0, " ms")


def _number(point: DryPoint, rule: AlertRule) -> float | None:
    return point.ratio if rule.against is Against.LAST_WEEK else point.value


def _said(point: DryPoint, rule: AlertRule) -> str:
    number = _number(point, rule)
    if number is None:
        return "too little to say"
    return (
        f"{number:.3g} × last week" if rule.against is Against.LAST_WEEK else amount(number, ABOUT[rule.measure].unit)
    )
