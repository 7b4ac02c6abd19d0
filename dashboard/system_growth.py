"""How the database and the files grow, and where that leads: measured, estimated where nobody measured, and expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard import layout, theme, watch_data, words
from dashboard.fitting_table import fitting_table
from dashboard.watch_data import AHEAD, Growth, Room
from tracing_core.forecast import CERTAINTY, FEWEST_DAYS, DaysLeft, Forecast
from tracing_core.query.growth import DATABASE, FILES, DaySize
from tracing_core.settings import environment_name, settings

_NAMES = {DATABASE: "Database", FILES: "Files of traces"}
_COLOURS = {DATABASE: theme.ACCENT, FILES: "#159a8c"}
_HEIGHT = 300
_SHOWN_AHEAD = 30
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def growth() -> None:
    """The curve with what is expected, and beside it the sizes to come in numbers."""
    st.subheader("Storage", anchor=False)
    found = watch_data.growth()
    left, right = layout.wide_then_narrow()
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Growth**", help=_HELP)
        config: dict[str, Any] = {"displayModeBar": False}
        st.plotly_chart(chart(found), key="system.sizes", config=config, alt="Sizes of database and files by day")
        if any(day.estimated for each in found for day in each.days):
            st.caption("Dotted: nobody measured on these days; estimated from the number of traces stored by then.")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**What to expect**")
        rows = [row for each in found for row in _rows(each)]
        fitting_table(rows, "system.expected", alt="Sizes to come", numbers=("Expected", "Between"))
        st.caption(_caveats(found))
        if (room := watch_data.room()) is not None:
            st.markdown(room_sentence(room))


_HELP = (
    "Measured once a day by the service, and now. The band is where sizes will be with a certainty of "
    f"{CERTAINTY:.0%} if the days to come are like those there were."
)


def chart(found: Sequence[Growth]) -> go.Figure:
    """Sizes by day as lines, dotted where they are estimated, and a band for the days to come."""
    unit, size = _unit(max((day.bytes for each in found for day in each.days), default=0))
    figure = go.Figure(layout={"height": _HEIGHT, "margin": {"l": 4, "r": 8, "t": 28, "b": 4}})
    for each in found:
        colour, name = _COLOURS[each.what], _NAMES[each.what]
        if _SHOWN_AHEAD in each.ahead:
            _band(figure, each, colour, size)
        estimated, measured = _parts(each.days)
        for part, dash in ((estimated, "dot"), (measured, "solid")):
            figure.add_scatter(
                x=[day.day for day in part],
                y=[day.bytes / size for day in part],
                mode="lines+markers" if len(part) <= 10 else "lines",
                name=name,
                legendgroup=each.what,
                showlegend=dash == "solid",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 5},
                customdata=[[words.size(day.bytes)] for day in part],
                hovertemplate="%{customdata[0]}<extra>" + name + "</extra>",
            )
    return figure.update_layout(
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"showgrid": False, "nticks": 6, "tickangle": 0, "tickformat": "%d %b"},
        yaxis={"ticksuffix": f" {unit}", "rangemode": "tozero", "nticks": 5},
    )


def _band(figure: go.Figure, each: Growth, colour: str, size: float) -> None:
    """From today's size to those thirty days on; in between it is as good as straight."""
    today, far = each.days[-1].day, each.ahead[_SHOWN_AHEAD]
    days = [today, today + timedelta(days=_SHOWN_AHEAD)]
    edges = {bound: [each.now / size, max(each.now + getattr(far, bound), 0) / size] for bound in ("low", "high")}
    common: dict[str, Any] = {"x": days, "hoverinfo": "skip", "showlegend": False, "legendgroup": each.what}
    figure.add_scatter(y=edges["low"], mode="lines", line={"width": 0}, **common)
    figure.add_scatter(
        y=edges["high"], mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_pale(colour), **common
    )
    middle = [each.now / size, max(each.now + far.expected, 0) / size]
    figure.add_scatter(y=middle, mode="lines", line={"color": colour, "width": 1, "dash": "dash"}, **common)


def room_sentence(room: Room) -> str:
    """What is left of the disk, and for how long, with how sure that is."""
    free = f"**{words.size(room.free)}** free on the disk of the data directory"
    left = room.left
    if left is None:
        return f"{free}."
    if left.soonest is None:
        return f"{free}: enough for more than ten years at this rate."
    return f"{free}: enough for {_about(left)}, at this rate."


def _about(left: DaysLeft) -> str:
    soonest = words.count(left.soonest)
    if left.expected is None:
        return f"more than ten years as expected, {soonest} days at worst"
    latest = "more than ten years" if left.latest is None else f"{words.count(left.latest)}"
    return f"about **{words.count(left.expected)} days** ({soonest} to {latest})"


def _rows(each: Growth) -> list[dict[str, str]]:
    """The size now and those to come, one a line."""
    name = _NAMES[each.what]
    said = [(days, each.ahead.get(days)) for days in AHEAD]
    return [
        {"Size": f"{name}, now", "Expected": words.size(each.now), "Between": words.ABSENT},
        *({"Size": f"{name}, in {days} days", **_said(each.now, more)} for days, more in said),
    ]


def _said(now: int, more: Forecast | None) -> dict[str, str]:
    if more is None:
        return {"Expected": words.ABSENT, "Between": words.ABSENT}
    expected, low, high = (words.size(max(round(now + each), 0)) for each in (more.expected, more.low, more.high))
    number, _, unit = low.partition(" ")
    return {"Expected": expected, "Between": f"{number if high.endswith(f' {unit}') else low} – {high}"}


def _caveats(found: Sequence[Growth]) -> str:
    if all(not each.ahead for each in found):
        most = max((len(each.days) for each in found), default=0)
        return f"Nothing is expected yet: that takes {FEWEST_DAYS} whole days, and there are {max(most - 2, 0)}."
    kept = settings().retention_days
    if kept is None:
        return f"Nothing is ever removed, as {environment_name('retention_days')} is not set."
    return f"Traces are removed after {kept} days; from then on what comes takes the place of what goes."


def _parts(days: Sequence[DaySize]) -> tuple[list[DaySize], list[DaySize]]:
    """Those estimated, which reach to the first that was measured, and those measured."""
    measured = [day for day in days if not day.estimated]
    estimated = [day for day in days if day.estimated]
    return ([*estimated, *measured[:1]] if estimated else []), measured


def _unit(largest: float) -> tuple[str, float]:
    return next(((unit, size) for unit, size in _UNITS if largest >= size), ("B", 1.0))


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
