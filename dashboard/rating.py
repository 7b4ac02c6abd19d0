"""Rating an answer where it stands: stars or thumbs at once, a comment when one wants to give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from dashboard.api import ServiceUnavailable
from tracing_core.errors import InvalidInput, Overloaded, TraceNotFound
from tracing_core.feedback import LONGEST_COMMENT, THUMB_DOWN, THUMB_UP
from tracing_core.model import Feedback

COMMENT_CHARS = LONGEST_COMMENT
Save = Callable[[int, str | None], None]
_THUMBS = (THUMB_DOWN, THUMB_UP)
"""What the thumbs of `st.feedback` stand for, in its order."""


def rate_in_place(
    key: str, given: int | None, comment: str | None, save: Save, kind: Literal["stars", "thumbs"] = "stars"
) -> None:
    """Draw stars, or thumbs with the stars beside the comment box.

    Args:
        key: unique on the page.
        given: the rating so far, 1 to 5.
        comment: the comment so far.
        save: stores a rating and comment; what it raises about them is shown.
        kind: which of the two stands there.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = (_thumbs if kind == "thumbs" else _stars)(key, given)
        if chosen is not None and chosen != given:
            try_saving(save, chosen, comment)
        with st.popover("Comment" if not comment else "Edit comment", icon=":material/edit:"):
            if kind == "thumbs":
                st.caption("How good, more exactly")
                exact = _stars(f"{key}.exact", given)
                if exact is not None and exact != given:
                    try_saving(save, exact, comment)
            _comment(key, chosen or given, comment, save)


def own(feedback: tuple[Feedback, ...], user_id: str) -> Feedback | None:
    """What this user gave."""
    return next((each for each in feedback if each.user_id == user_id), None)


def _stars(key: str, given: int | None) -> int | None:
    starred = st.feedback("stars", key=f"{key}.stars.{given}", default=given - 1 if given else None)
    return given if starred is None else starred + 1


def _thumbs(key: str, given: int | None) -> int | None:
    shown = _THUMBS.index(given) if given in _THUMBS else None
    thumb = st.feedback("thumbs", key=f"{key}.thumbs.{given}", default=shown)
    return given if thumb is None else _THUMBS[thumb]


def _comment(key: str, rating: int | None, comment: str | None, save: Save) -> None:
    with st.form(f"{key}.form", border=False):
        written = st.text_area(
            "What was good or bad about it?", comment or "", max_chars=COMMENT_CHARS, key=f"{key}.comment"
        )
        sent = st.form_submit_button("Save comment")
    if sent and rating is None:
        st.warning("Rate it first.")
    elif sent and rating is not None:
        try_saving(save, rating, written.strip() or None)


def try_saving(save: Save, rating: int, comment: str | None) -> None:
    """Save a rating, and say whether that worked."""
    try:
        save(rating, comment)
    except InvalidInput as error:
        st.error(f"Not saved: {error.problem}")
    except TraceNotFound:
        st.error("Not saved: this trace is not stored yet, or not any more.")
    except (ServiceUnavailable, Overloaded) as error:
        st.error(f"Not saved: {error}")
    else:
        st.toast("Rating saved", icon=":material/check:")
        st.rerun()  # what stands above the stars, such as the flag, follows from them
