"""The review: one trace after the other that is flagged or rated low, worked through with the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard import data, layout, navigation, rating_data, run_data, states, words
from dashboard.focus import focus
from dashboard.rating import own
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.query.filters import TraceFilter
from tracing_core.query.review_queue import MOST_IN_QUEUE, ReviewItem
from tracing_core.review import LONGEST_LABEL, LONGEST_NOTES, MOST_LABELS

_AT, _ERROR = "review.at", "review.error"
_LABELS = "review-labels"
KEYS = "1 to 5 rate · N next · P previous · F flag · L label · S settled"


def work(queue: Sequence[str]) -> None:
    """The trace that is at hand, what there is to do with it, and how many wait."""
    at = _position(queue)
    found = next(
        ((number, item) for number in range(at, len(queue)) if (item := rating_data.item(queue[number]))), None
    )
    if found is None:
        states.empty(
            "Nothing waits for a review: no trace of this time is flagged, or rated 2 or less and not settled."
        )
        return
    at, item = found
    st.session_state[_AT] = item.trace_id
    _steps(queue, at, item)
    if problem := st.session_state.pop(_ERROR, None):
        st.error(problem)
    left, right = layout.wide_then_narrow()
    with left:
        _answer(item)
    with right:
        _said(item)
        _labels(item)
        _notes(item)


def export(chosen: TraceFilter) -> None:
    """Everything that people said of the traces of this time, as a file."""
    st.download_button(
        "Export as data set",
        partial(rating_data.data_set, chosen),
        "reviewed.jsonl",
        "application/jsonl",
        icon=":material/download:",
        help="What was rated, labelled, noted or flagged in this time, as JSON lines: question, answer, ratings, labels, notes",
        on_click="ignore",
        key="review.export",
    )


def _position(queue: Sequence[str]) -> int:
    """Where the trace at hand is in the queue; the first one when it is not in it any more."""
    at = st.session_state.get(_AT)
    return queue.index(at) if at in queue else 0


def _steps(queue: Sequence[str], at: int, item: ReviewItem) -> None:
    mine = own(data.feedback_of(item.trace_id), data.VIEWER)
    more = "+" if len(queue) >= MOST_IN_QUEUE else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{at + 1}** of {words.count(len(queue))}{more}", width="content")
        for rating in range(1, 6):
            st.button(
                f"{rating} ★",
                key=f"review.rate.{rating}",
                shortcut=str(rating),
                type="primary" if mine and mine.rating == rating else "secondary",
                on_click=partial(_rate, item.trace_id, rating, mine.comment if mine else None),
            )
        st.button(
            "Previous", key="review.previous", shortcut="p", disabled=at == 0, on_click=partial(_go, queue, at - 1)
        )
        st.button(
            "Next", key="review.next", shortcut="n", disabled=at + 1 >= len(queue), on_click=partial(_go, queue, at + 1)
        )
        flag = "Take flag away" if item.flagged_for_review else "Flag"
        st.button(flag, key="review.flag", shortcut="f", on_click=partial(_flag, item))
        following = queue[at + 1] if at + 1 < len(queue) else None
        st.button(
            "Settled",
            key="review.settle",
            shortcut="s",
            type="primary",
            on_click=partial(_settle, item.trace_id, following),
        )


def _answer(item: ReviewItem) -> None:
    with st.container(border=True):
        st.caption("Question")
        st.text(item.query or words.ABSENT)
        st.caption("Answer")
        st.markdown(words.safe_markdown(item.answer) if item.answer else words.ABSENT)
        if item.error:
            st.error(words.label(item.error, 500))
        about = (item.library, item.model, item.project, words.exact(item.started_at))
        st.caption(" · ".join(words.label(each) for each in about if each))
        navigation.link("trace", "Open trace", {"id": item.trace_id}, icon=":material/account_tree:")


def _said(item: ReviewItem) -> None:
    """Why it is here."""
    with st.container(border=True, gap="small"):
        st.markdown("**Why it is here**")
        said = [words.flag(item.quality_flag), f"confidence {words.confidence(item.confidence)}"]
        st.caption(" · ".join(said))
        for alert in run_data.alerts(item.trace_id) if item.flagged_for_review else ():
            st.text(alert.message)
        if item.flagged_for_review:
            st.markdown(":orange-badge[flagged for review]")
        for each in data.feedback_of(item.trace_id):
            st.markdown(f"{words.stars(each.rating)} :gray[{words.label(each.user_id)}]")
            if each.comment:
                st.text(each.comment)


def _labels(item: ReviewItem) -> None:
    known = sorted({*rating_data.labels(), *item.labels})
    with st.container(border=True, gap="small", key=_LABELS):
        with st.container(horizontal=True):
            st.button(
                "Label", key="review.label", shortcut="l", icon=":material/label:", on_click=_edit, type="tertiary"
            )
            if st.session_state.pop("review.focus", False):
                focus(_LABELS)
        key = f"review.labels.{item.trace_id}"
        if st.session_state.get("review.editing") or item.labels:
            st.multiselect(
                "Labels", known, list(item.labels), key=key, accept_new_options=True, max_selections=MOST_LABELS,
                placeholder="Choose or write one", label_visibility="collapsed", on_change=partial(_put_labels, item, key),
                help=f"At most {LONGEST_LABEL} characters each",
            )  # fmt: skip


def _notes(item: ReviewItem) -> None:
    with st.form(f"review.notes.{item.trace_id}"):
        notes = st.text_area(
            "Notes", item.review_notes or "", max_chars=LONGEST_NOTES, key=f"review.text.{item.trace_id}", height=90
        )
        if st.form_submit_button("Save notes", key="review.save"):
            _try(partial(run_data.review, item.trace_id, notes, flagged=item.flagged_for_review))
            rating_data.forget()
            st.rerun()


def _go(queue: Sequence[str], to: int) -> None:
    st.session_state[_AT] = queue[to]
    st.session_state["review.editing"] = False


def _edit() -> None:
    st.session_state["review.editing"] = st.session_state["review.focus"] = True


def _rate(trace_id: str, rating: int, comment: str | None) -> None:
    _try(partial(data.rate, trace_id, rating, comment))
    rating_data.forget()


def _flag(item: ReviewItem) -> None:
    _try(partial(run_data.review, item.trace_id, item.review_notes, flagged=not item.flagged_for_review))
    rating_data.forget()


def _settle(trace_id: str, following: str | None) -> None:
    _try(partial(rating_data.settle, trace_id))
    st.session_state[_AT] = following


def _put_labels(item: ReviewItem, key: str) -> None:
    _try(partial(rating_data.put_labels, item.trace_id, tuple(st.session_state[key])))


def _try(do: partial[None]) -> None:
    try:
        do()
    except InvalidInput as error:
        st.session_state[_ERROR] = f"Not kept: {error}"
    except TraceNotFound:
        st.session_state[_ERROR] = "Not kept: this trace is not stored any more."
