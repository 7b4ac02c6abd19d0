"""Two things side by side, three parts to two, and one below the other where the page is too narrow for that."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_PARTS, _WIDE, _NARROW = 5, 3, 2
_NARROWEST_PART = 165
"""In pixels: five of them fit into a window of 1,280, two into one of 900, where each side then has a row to itself."""


def wide_then_narrow() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places; the left one is the wider."""
    return _side_by_side(_WIDE, _NARROW)


def narrow_then_wide() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places; the right one is the wider."""
    return _side_by_side(_NARROW, _WIDE)


def _side_by_side(left: int, right: int) -> tuple[DeltaGenerator, DeltaGenerator]:
    grid = st.grid(_PARTS, min_column_width=_NARROWEST_PART, gap="small")
    return grid.cell(column_span=left), grid.cell(column_span=right)
