"""Marks on a chart over time: when an alert fired, when a release was first seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from dashboard import theme, words

MOST_MARKS = 12
_LONGEST = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something that happened at a moment: `name` in a word or two; `wrong` when it is an alert."""

    at: datetime
    name: str
    wrong: bool = False


def draw(figure: go.Figure, marks: Sequence[Mark]) -> go.Figure:
    """Draw them as vertical lines, the newest ones when they are many; a name is written on top, all of it on hover."""
    for mark in sorted(marks, key=lambda each: each.at)[-MOST_MARKS:]:
        colour = theme.WRONG if mark.wrong else theme.QUIET
        figure.add_shape(
            type="line",
            x0=mark.at,
            x1=mark.at,
            yref="paper",
            y0=0,
            y1=1,
            line={"color": colour, "width": 1.5, "dash": "solid" if mark.wrong else "dash"},
        )
        figure.add_annotation(
            x=mark.at,
            yref="paper",
            y=1,
            text=_short(mark.name),
            hovertext=f"{mark.name} · {words.exact(mark.at)}",
            showarrow=False,
            xanchor="left",
            yanchor="top",
            xshift=3,
            font={"color": colour, "size": 11},
        )
    return figure


def _short(name: str) -> str:
    """Plotly reads some HTML in names: they are plain text here."""
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
