"""Charts of what is asked, what fails and who asks. What a bar or cell stands for is in its `customdata`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from dashboard import charts, theme, words
from tracing_core.failure_patterns import FailurePattern
from tracing_core.patterns import Cluster
from tracing_core.query.time_buckets import WIDTHS
from tracing_core.query.user_segments import Activity
from tracing_core.rollups import bucket_start
from tracing_core.user_segments import Mood, Segment, Volume

MOST_TOPICS, MOST_FAILURES = 16, 6
_ROW, _LONGEST = 30, 34
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FAILURE_COLOURS = ("#d64a4a", "#e08a2e", "#8268c4", "#3d7cc9", "#159a8c", "#b0629a")
_MOODS: Mapping[Mood, str] = {
    Mood.CONTENT: "#57a37c", Mood.MIXED: "#d9b23c", Mood.UNHAPPY: theme.WRONG, Mood.SILENT: "#a9b4c0",
}  # fmt: skip


def topics(clusters: Sequence[Cluster]) -> go.Figure:
    """Questions by topic, those with a flag apart, and how many there were before as a mark; customdata is the topic."""
    shown = list(reversed(clusters[:MOST_TOPICS]))
    names = _different([each.name for each in shown])
    figure = _figure(len(shown) * _ROW + 70)
    parts = (
        ("without a flag", theme.ACCENT, [each.count * (1 - each.flagged) for each in shown]),
        ("flagged", theme.WRONG, [each.count * each.flagged for each in shown]),
    )
    for name, colour, values in parts:
        figure.add_bar(
            y=names, x=values, name=name, orientation="h", marker={"color": colour, "opacity": 0.8, "line": {"width": 0}},
            customdata=[[each.name, words.count(round(each.count)), words.share(each.flagged)] for each in shown],
            hovertemplate="%{customdata[1]} questions, %{customdata[2]} flagged<extra>%{customdata[0]}</extra>",
        )  # fmt: skip
    if any(each.before is not None for each in shown):
        figure.add_scatter(
            y=names, x=[each.before for each in shown], name="period before", mode="markers",
            marker={"symbol": "diamond-tall", "size": 13, "color": "#ffffff", "line": {"width": 1.5, "color": "#4a5563"}},
            hovertemplate="%{x:,.0f} in the period before<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(
        barmode="stack", legend=_LEGEND, xaxis={"tickformat": ",d", "rangemode": "tozero"}, yaxis={"automargin": True}
    )


def failures_over_time(
    patterns: Sequence[FailurePattern], granularity: str, ends: tuple[datetime | None, datetime]
) -> go.Figure:
    """The most frequent failures by bucket of time, as stacked bars; customdata is the number of the pattern.

    Args:
        patterns: what failed. granularity: of the buckets.
        ends: of the time shown; where it has no start, it is as long as there were failures.
    """
    bucket = WIDTHS[granularity]
    first = ends[0] or min((moment for each in patterns for moment, _ in each.times), default=ends[1])
    figure = _figure(280)
    most = 0.0
    for number, each in enumerate(patterns[:MOST_FAILURES]):
        buckets: dict[datetime, float] = defaultdict(float)
        for moment, weight in each.times:
            buckets[bucket_start(moment, granularity)] += weight
        moments = sorted(buckets)
        most += max(buckets.values(), default=0.0)
        figure.add_bar(
            x=[moment + bucket / 2 for moment in moments], y=[buckets[moment] for moment in moments],
            width=bucket.total_seconds() * 1000, name=_short(f"{each.stage or 'trace'}: {each.name}", 60),
            marker={"color": _FAILURE_COLOURS[number], "line": {"width": 0}}, customdata=[[number]] * len(moments),
            hovertemplate="%{y:,.0f}<extra>" + _short(each.name, 60).replace("<", "&lt;") + "</extra>",
        )  # fmt: skip
    return figure.update_layout(
        barmode="stack", bargap=0.15, showlegend=True, legend={**_LEGEND, "orientation": "v", "y": -0.22, "yanchor": "top"},
        height=280 + 22 * min(len(patterns), MOST_FAILURES), xaxis={
            "showgrid": False, "nticks": 6, "tickangle": 0, "type": "date",
            "range": [bucket_start(first, granularity), bucket_start(ends[1], granularity) + bucket],
        },
        yaxis=charts.counts_axis(most),
    )  # fmt: skip


def activity(hours: Sequence[Activity]) -> go.Figure:
    """Questions by weekday and hour (UTC), darker where there are more; customdata is weekday and hour.

    Bars of equal length, and not a heat map, since those can be picked.
    """
    most = max((each.count for each in hours), default=0) or 1
    figure = _figure(290)
    for hour in range(24):
        column = sorted((each for each in hours if each.hour == hour), key=lambda each: -each.weekday)
        figure.add_bar(
            y=[WEEKDAYS[each.weekday] for each in column], x=[1] * len(column), orientation="h",
            marker={"color": [_heat(each.count / most) for each in column], "line": {"width": 0}},
            customdata=[[each.weekday, hour, words.count(each.count)] for each in column],
            hovertemplate="%{customdata[2]} questions<extra>%{y} " + f"{hour:02}:00 UTC</extra>",
        )  # fmt: skip
    ticks = list(range(0, 24, 3))
    return figure.update_layout(
        barmode="stack", bargap=0.06, showlegend=False,
        xaxis={
            "tickvals": [at + 0.5 for at in ticks], "ticktext": [f"{at:02}" for at in ticks], "showgrid": False,
            "zeroline": False, "range": [0, 24], "side": "top",
        },
    )  # fmt: skip


def segments(found: Sequence[Segment]) -> go.Figure:
    """How many users each volume has, by mood; customdata is volume and mood."""
    figure = _figure(290)
    volumes = list(reversed(Volume))
    for mood in Mood:
        by_volume = {each.volume: each for each in found if each.mood is mood}
        shown = [by_volume.get(volume) for volume in volumes]
        figure.add_bar(
            y=[volume.value for volume in volumes], x=[0 if each is None else len(each.users) for each in shown],
            name=mood.value, orientation="h", marker={"color": _MOODS[mood], "line": {"width": 0}},
            customdata=[[volume.value, mood.value, _segment(each)] for volume, each in zip(volumes, shown, strict=True)],
            hovertemplate="%{x:,d} users<br>%{customdata[2]}<extra>%{y}, %{customdata[1]}</extra>",
        )  # fmt: skip
    return figure.update_layout(
        barmode="stack", legend={**_LEGEND, "traceorder": "normal"},
        xaxis={"tickformat": ",d", "rangemode": "tozero", "title": "users"}, yaxis={"automargin": True},
    )  # fmt: skip


_LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None}


def _figure(height: int) -> go.Figure:
    return go.Figure(
        layout={"height": height, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}, "clickmode": "event+select"}
    )


def _segment(each: Segment | None) -> str:
    return "" if each is None else f"{words.share(each.share_of_questions)} of all questions"


def _heat(share: float) -> str:
    return f"rgba(61, 124, 201, {0.06 + 0.84 * share:.2f})"


def _short(text: str, limit: int = _LONGEST) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _different(names: Sequence[str]) -> list[str]:
    """The names shortened, and made different where that made them the same."""
    found: list[str] = []
    for name in names:
        short = _short(name)
        found.append(short + "\u200b" * found.count(short) if short in found else short)
    return found
