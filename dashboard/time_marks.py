"""Marks on a chart over time: when an alert fired, when a release was first seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from dashboard import theme, words

MOST_MARKS = 30
_LONGEST = 14
_NEAR = 0.12
"""Of the length of the chart: what a name takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something that happened at a moment: `name` in a word or two; `wrong` when it is an alert."""

    at: datetime
    name: str
    wrong: bool = False


def draw(figure: go.Figure, marks: Sequence[Mark], start: datetime | None = None) -> go.Figure:
    """Draw them as vertical lines, the newest ones when they are many.

    Args:
        figure: a chart whose x is time.
        marks: what happened.
        start: where the chart begins; marks that are near each other, for that, share a name.
    """
    chosen = sorted(marks, key=lambda each: each.at)[-MOST_MARKS:]
    for mark in chosen:
        figure.add_vline(
            x=mark.at, line={"color": _colour(mark), "width": 1, "dash": "solid" if mark.wrong else "dash"}
        )
    for group in _groups(chosen, start):
        first = group[0]
        figure.add_annotation(
            x=first.at,
            yref="paper",
            y=1,
            text=_short(_named(group)),
            hovertext="<br>".join(f"{_plain(mark.name)} · {words.exact(mark.at)[:16]}" for mark in group),
            showarrow=False,
            xanchor="left",
            yanchor="top",
            xshift=2,
            font={"color": _colour(first), "size": 11},
        )
    return figure


def _groups(marks: Sequence[Mark], start: datetime | None) -> list[list[Mark]]:
    """Marks of a kind that are so near that their names would be written over each other."""
    if not marks:
        return []
    near = (marks[-1].at - (start or marks[0].at)) * _NEAR
    groups: list[list[Mark]] = []
    for kind in (False, True):
        begun = False
        for mark in (each for each in marks if each.wrong is kind):
            if begun and mark.at - groups[-1][0].at <= near:
                groups[-1].append(mark)
            else:
                groups.append([mark])
                begun = True
    return groups


def _named(group: Sequence[Mark]) -> str:
    """Alerts by how many they are, as their names are long; a release by its name."""
    first = group[0]
    if first.wrong:
        return "alert" if len(group) == 1 else f"{len(group)} alerts"
    return first.name if len(group) == 1 else f"{first.name} +{len(group) - 1}"


def _colour(mark: Mark) -> str:
    return theme.WRONG if mark.wrong else theme.QUIET


def _short(name: str) -> str:
    return _plain(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")


def _plain(name: str) -> str:
    """Plotly reads some HTML in names: they are plain text here."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
