"""Rating an answer where it stands: stars at once, a comment when one wants to give it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.model import Feedback

COMMENT_CHARS = 2000
Save = Callable[[int, str | None], None]


def rate_in_place(key: str, given: int | None, comment: str | None, save: Save) -> None:
    """Draw stars and a comment box.

    Args:
        key: unique on the page.
        given: the rating so far, 1 to 5.
        comment: the comment so far.
        save: stores a rating and comment; what it raises about them is shown.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        starred = st.feedback("stars", key=f"{key}.stars", default=given - 1 if given else None)
        if starred is not None and starred + 1 != given:
            try_saving(save, starred + 1, comment)
        rating = starred + 1 if starred is not None else given
        with st.popover("Comment" if not comment else "Edit comment", icon=":material/edit:"):
            _comment(key, rating, comment, save)


def own(feedback: tuple[Feedback, ...], user_id: str) -> Feedback | None:
    """What this user gave."""
    return next((each for each in feedback if each.user_id == user_id), None)


def _comment(key: str, rating: int | None, comment: str | None, save: Save) -> None:
    with st.form(f"{key}.form", border=False):
        written = st.text_area(
            "What was good or bad about it?", comment or "", max_chars=COMMENT_CHARS, key=f"{key}.comment"
        )
        sent = st.form_submit_button("Save comment")
    if sent and rating is None:
        st.warning("Choose one to five stars first.")
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
    else:
        st.toast("Rating saved", icon=":material/check:")
        st.rerun()  # what stands above the stars, such as the flag, follows from them
