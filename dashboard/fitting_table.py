"""A table that fits the room it has: one column wraps, and lesser ones are left out where the page is narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "tracewhy_fitting_table",
    html=(_HERE / "table_frame.html").read_text(),
    css=(_HERE / "fitting_table.css").read_text(),
    js=(_HERE / "fitting_table.js").read_text(),
)


def fitting_table(
    rows: Sequence[Mapping[str, str]],
    key: str,
    *,
    alt: str,
    wide: str | None = None,
    below: str | None = None,
    numbers: Sequence[str] = (),
    lesser: Sequence[str] = (),
    link: str | None = None,
    click: Literal["picks", "opens"] | None = None,
) -> int | None:
    """Draw rows; returns the number of the one that was clicked. More than 24 of them scroll, beneath their titles.

    Args:
        rows: texts by the name of their column, each with the same columns; nothing is drawn without any.
        key: of the component, unique on the page.
        alt: what the table shows, for those who do not see it.
        wide: the column that takes the room there is, and wraps first.
        below: one that is told in a line below it.
        numbers: columns that stand at the right.
        lesser: columns that are left out where the table is narrower than 760 pixels.
        link: a column of addresses of traces; each opens in a tab of its own, so that the place in the table is kept.
        click: a row that `picks` stays marked until it is clicked again, one that `opens` leads elsewhere; else it does nothing.
    """
    if not rows:
        return None
    names = [name for name in rows[0] if name != below]
    kinds = {"wide": [wide], "number": numbers, "lesser": lesser, "link": [link]}
    data = {
        "alt": alt,
        "columns": [
            {"name": name, "kind": " ".join(kind for kind, those in kinds.items() if name in those)} for name in names
        ],
        "rows": [{"cells": [row[name] for name in names], "below": row[below] if below else ""} for row in rows],
        "picked": _picked(key, len(rows)) if click == "picks" else None,
        "click": click,
    }
    state: Any = _component(key=key, data=data, on_opened_change=_nothing, on_picked_change=_nothing)
    at = {"picks": state.picked, "opens": state.opened, None: None}[click]
    return int(at) if at is not None and 0 <= at < len(rows) else None


def _picked(key: str, count: int) -> int | None:
    at = getattr(st.session_state.get(key), "picked", None)
    return at if at is not None and at < count else None


def _nothing() -> None:
    """Picking needs no handling beyond the rerun, but a state needs a callback to exist from the start."""
