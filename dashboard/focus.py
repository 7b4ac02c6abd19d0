"""Puts the cursor into a field, so that who opened it by a key can type at once."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "tracewhy_focus", js=(Path(__file__).parent / "focus.js").read_text(), html="<span></span>"
)


def focus(container: str) -> None:
    """Put the cursor into the first field of a container. Call it in the run after which it is to be there, and in no other.

    Args:
        container: its key, of small letters and dashes; Streamlit makes a class of it.
    """
    _component(key=f"focus.{container}", data={"within": f"st-key-{container}"})
