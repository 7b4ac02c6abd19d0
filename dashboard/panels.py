"""The charts of the overview as panels that lead to the traces behind them: a bar, a point or a dragged box is a link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import streamlit as st

from dashboard import charts, clickable, data, filters, navigation, states, time_marks, words
from dashboard.time_marks import Mark
from dashboard.trace_list import SHORT_COLUMNS, trace_list
from dashboard.view import View
from tracing_core.model import QualityFlag
from tracing_core.query.overview import FlagPoint, LatencyPoint, LibraryCount, OperationLatency

LIVE_SECONDS = 5
_RECENT = 10
_ONE_BUCKET = timedelta(hours=1)


def latency(points: Sequence[LatencyPoint], marks: Sequence[Mark] = ()) -> None:
    """P50, P95 and P99 over time, with what happened meanwhile; a point leads to the traces of that time."""
    with _panel("Latency"):
        figure = time_marks.draw(charts.latency_over_time(points), marks, points[0].bucket if points else None)
        picked = clickable.chart(figure, "overview.latency", "Latency percentiles over time")
        open_times([entry[0] for entry in picked], [point.bucket for point in points])
        navigation.link("explain", "Why were the slow ones slow?", filters.remembered(), icon=":material/troubleshoot:")


def flags(points: Sequence[FlagPoint]) -> None:
    """Quality flags over time; a bar leads to the traces with that flag at that time."""
    with _panel("Quality flags"):
        picked = clickable.chart(charts.flags_over_time(points), "overview.flags", "Quality flags over time")
        names = {entry[0] for entry in picked}
        flag = QualityFlag(names.pop()) if len(names) == 1 else None
        open_times([entry[1] for entry in picked], [point.bucket for point in points], flag=flag)


def stages(rows: Sequence[OperationLatency]) -> None:
    """Where the time goes: mean and P95 by operation."""
    with _panel("Where the time goes", "Mean time of a stage as a bar, its P95 as a mark"):
        _said_to_be_some(len(rows))
        st.plotly_chart(charts.stages(rows), key="overview.stages", config=_PLAIN, alt="Mean and P95 latency by stage")


def libraries(rows: Sequence[LibraryCount]) -> None:
    """Questions by library; a bar leads to them."""
    with _panel("Questions by library"):
        _said_to_be_some(len(rows))
        picked = clickable.chart(charts.libraries(rows), "overview.libraries", "Number of questions by library")
        if picked:
            navigation.open_page("traces", filters.remembered(library=picked[0][0]))


@st.fragment(run_every=LIVE_SECONDS)
def recent(view: View) -> None:
    """The newest traces, read again every few seconds."""
    with states.boundary():
        now = filters.now()
        page = data.traces(view.trace_filter(filters.present()), "newest", None, _RECENT)
        trace_list(page.rows, key="overview.recent", now=now, columns=SHORT_COLUMNS)


def _panel(title: str, help_text: str | None = None) -> Any:
    box = st.container(border=True, height="stretch")
    box.markdown(f"**{title}**", help=help_text)
    return box


def _said_to_be_some(count: int) -> None:
    if count > charts.MOST_BARS:
        st.caption(f"The first {charts.MOST_BARS} of {words.count(count)}")


_PLAIN: dict[str, Any] = {"displayModeBar": False}


def open_times(picked: Sequence[str], buckets: Sequence[datetime], **changes: Any) -> None:
    """Go to the traces of the picked buckets."""
    if not picked:
        return
    moments = sorted(datetime.fromisoformat(moment) for moment in picked)
    steps = [later - earlier for earlier, later in pairwise(buckets)]
    end = moments[-1] + min(steps, default=_ONE_BUCKET)
    navigation.open_page("traces", filters.remembered(range="custom", start=moments[0], end=end, **changes))
