"""Charts whose points and bars can be clicked."""

from __future__ import annotations

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

_PLAIN: dict[str, Any] = {"displayModeBar": False}


def chart(figure: go.Figure, key: str, alt: str) -> list[Any]:
    """Draw a chart; returns the customdata of the points that are picked. Where boxes can be dragged, Streamlit heeds no click.

    To Streamlit a figure that has changed, as when traces came in since it was drawn, is another widget, on which nobody
    clicked. So what a click picked is kept until the page, which is drawn again because of it, asks.
    """
    event: Any = st.plotly_chart(
        figure, key=key, on_select=partial(_keep, key), selection_mode=("points",), config=_PLAIN, alt=alt
    )
    kept: list[Any] = st.session_state.pop(_kept(key), [])
    return _customdata(event) or kept


def _keep(key: str) -> None:
    st.session_state[_kept(key)] = _customdata(st.session_state[key])


def _kept(key: str) -> str:
    return f"{key}.clicked"


def _customdata(event: Any) -> list[Any]:
    return [point["customdata"] for point in event["selection"]["points"] if "customdata" in point]
