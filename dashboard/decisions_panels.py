"""What the parts of the decisions page have in common: boxes, charts that can be picked from, numbers in words."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import decisions_words
from tracing_core.confidence import Calibration
from tracing_core.query.decisions import DecisionTypes

PLAIN: dict[str, Any] = {"displayModeBar": False}


def said_of_samples(found: DecisionTypes) -> str:
    """What was looked at, and for outcomes apart where that is another sample."""
    said = decisions_words.sample(found.sample)
    if found.known is found.sample or found.sample.whole:
        return said
    return f"{said} For outcomes: {decisions_words.sample(found.known)}"


def error(found: Calibration) -> str:
    """The expected calibration error with its interval."""
    around = found.expected_error_interval
    return f"{found.expected_error:.2f}" + (f" ({around.low:.2f}–{around.high:.2f})" if around else "")


def in_words(found: Calibration) -> None:
    """The verdict, and the numbers behind it."""
    brier = found.brier
    st.markdown(f"**{decisions_words.verdict(found)}**")
    st.caption(
        f"Expected calibration error {error(found)}, at most {found.largest_error:.3f} in a bin. "
        f"Brier score {brier.score:.3f} = {brier.reliability:.3f} reliability − {brier.resolution:.3f} resolution "
        f"+ {brier.uncertainty:.3f} uncertainty {round(brier.within, 3) + 0.0:+.3f} within bins."
    )
    st.caption("Intervals are of 95 %. A red point lies farther from the line than chance explains.")


def panel(title: str, help_text: str | None = None) -> Any:
    """A box with a title."""
    box = st.container(border=True, height="stretch")
    box.markdown(f"**{title}**", help=help_text)
    return box
