"""The small charts of Explain: how both groups differ in one fact, and which stage carries the extra time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard import theme, words
from tracing_core.explain.result import Bars, Carrier, Histograms

THESE, OTHERS = theme.ACCENT, theme.QUIET
MOST_VALUES = 4
_ROW, _FRAME, _HEIGHT = 40, 12, 130
_LONGEST = 26


def difference(chart: Bars | Histograms) -> go.Figure:
    """Both groups in one chart: these in blue, the others in grey."""
    return _bars(chart) if isinstance(chart, Bars) else _histograms(chart)


def carriers(rows: Sequence[Carrier]) -> go.Figure:
    """The stages that carry the extra time, the first on top: what they take more on the critical path."""
    shown = list(reversed(rows))
    figure = _figure(len(shown) * 34 + _FRAME)
    figure.add_bar(
        y=[_short(each.stage) for each in shown],
        x=[each.these_ms - each.others_ms for each in shown],
        orientation="h",
        marker={"color": [theme.operation_colour(each.stage) for each in shown], "line": {"width": 0}},
        customdata=[[words.duration(each.these_ms), words.duration(each.others_ms)] for each in shown],
        hovertemplate="%{customdata[0]} on the critical path, against %{customdata[1]}<extra>%{y}</extra>",
    )
    more = [each.these_ms - each.others_ms for each in shown]
    for each, extra in zip(shown, more, strict=True):  # at the right of the bars, where less time leaves room, too
        figure.add_annotation(
            x=max(extra, 0), y=_short(each.stage), text=_extra(each), showarrow=False, xanchor="left", xshift=4
        )
    least, most = min([0.0, *more]), max([0.0, *more])
    return figure.update_layout(
        xaxis={"visible": False, "range": [least, most + 0.6 * (most - least)]}, yaxis={"automargin": True}
    )


def _extra(each: Carrier) -> str:
    more = each.these_ms - each.others_ms
    sign = "+" if more >= 0 else "−"
    return f"{sign}{words.duration(abs(more))} · {each.share:.0%}"


def _bars(chart: Bars) -> go.Figure:
    """The value that it is about on top, then the most frequent others."""
    rows = sorted(
        zip(chart.values, chart.these, chart.others, strict=True),
        key=lambda row: (row[0] != chart.found, -max(row[1], row[2])),
    )
    shown = list(reversed(rows[:MOST_VALUES]))
    figure = _figure(len(shown) * _ROW + _FRAME)
    for at, name, colour in ((2, "others", OTHERS), (1, "these", THESE)):
        figure.add_bar(
            y=[_short(str(row[0])) for row in shown],
            x=[row[at] for row in shown],
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            text=[_percent(float(row[at])) for row in shown],
            textposition="outside",
            cliponaxis=False,
            customdata=[[words.share(float(row[at]))] for row in shown],
            hovertemplate="%{customdata[0]} of " + name + "<extra>%{y}</extra>",
        )
    return figure.update_layout(
        bargap=0.25, bargroupgap=0.05, xaxis={"visible": False, "range": [0, 1.18]}, yaxis={"automargin": True}
    )


def _histograms(chart: Histograms) -> go.Figure:
    """Shares by bin; the axis is logarithmic where the bins grow by a factor."""
    figure = _figure(_HEIGHT)
    centres = list(range(len(chart.these)))  # of one width, which is that of a logarithmic axis where they grow
    said = [
        f"{amount(low, chart.unit)} to {amount(high, chart.unit)}"
        for low, high in zip(chart.edges, chart.edges[1:], strict=False)
    ]
    for values, name, colour in ((chart.others, "others", OTHERS), (chart.these, "these", THESE)):
        figure.add_bar(
            x=centres,
            y=list(values),
            name=name,
            marker={"color": colour, "opacity": 0.75, "line": {"width": 0}},
            customdata=[[words.share(value), each] for value, each in zip(values, said, strict=True)],
            hovertemplate="%{customdata[0]} · %{customdata[1]}<extra>" + name + "</extra>",
        )
    places = _ticks(len(centres))
    ticks: dict[str, Any] = {
        "tickvals": [place - 0.5 for place in places],
        "ticktext": [amount(chart.edges[place], chart.unit) for place in places],
    }
    return figure.update_layout(
        barmode="overlay", bargap=0.08, xaxis={**ticks, "showgrid": False, "tickangle": 0}, yaxis={"visible": False}
    )


def _ticks(bins: int) -> list[int]:
    """Up to five edges, evenly."""
    step = max(1, -(-bins // 4))
    return list(range(0, bins + 1, step))


def amount(value: float | None, unit: str) -> str:
    """A number with its unit."""
    if value is None:
        return words.ABSENT
    if unit == "ms":
        return words.duration(value)
    plain = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"${value:.4g}" if unit in ("$", "usd", "dollars") else f"{plain} {unit}".strip()


def _percent(share: float) -> str:
    return "0 %" if share == 0 else f"{share:.0%}".replace("%", " %") if share >= 0.01 else "<1 %"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _figure(height: int) -> go.Figure:
    return go.Figure(
        layout={"height": height, "margin": {"l": 4, "r": 8, "t": 4, "b": 4}, "showlegend": False, "dragmode": False}
    )
