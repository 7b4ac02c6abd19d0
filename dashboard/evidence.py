"""Evidence: the documents that a step kept, and those it dropped, with their scores and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.decision_cards import plain

MOST_DOCUMENTS = 50
_GLIMPSE = 40
_SHOWN = frozenset({"id", "title", "source", "text", "scores", "reason", "library", "index"})


def documents(evidence: Mapping[str, Any]) -> None:
    """Draw the evidence of one span: how much there was, what was kept, what was dropped."""
    collected, sources = evidence.get("collected_count"), evidence.get("by_source") or {}
    if collected is not None:
        spread = ", ".join(f"{name} {words.count(number)}" for name, number in sources.items())
        st.caption(f"{words.count(collected)} collected" + (f": {words.label(spread, 200)}" if spread else ""))
    _group("Kept", evidence.get("kept") or ())
    _group("Dropped", evidence.get("filtered_out") or ())


def _group(title: str, found: Sequence[Any]) -> None:
    if not found:
        return
    st.markdown(f"**{title}** :gray[{words.count(len(found))}]")
    for place, document in enumerate(found[:MOST_DOCUMENTS], start=1):
        if isinstance(document, Mapping):
            _document(place, document)
        else:
            st.text(f"{place}. {plain(document)}")
    if len(found) > MOST_DOCUMENTS:
        st.caption(f"and {words.count(len(found) - MOST_DOCUMENTS)} more")


def _document(place: int, document: Mapping[str, Any]) -> None:
    title = document.get("title") or document.get("id") or document.get("source") or "untitled"
    reason = document.get("reason")
    head = f"{place} · {words.label(str(title))}{_scores(document)}"
    if not document.get("title") and document.get("text"):
        head += f" :gray[{words.label(str(document['text']), _GLIMPSE)}]"
    with st.expander(head + (f" · :orange[{words.label(str(reason), 50)}]" if reason else "")):
        where = [str(document[name]) for name in ("source", "library", "id") if document.get(name)]
        st.caption(words.label(" · ".join(where), 200))
        if reason:
            st.text(f"Dropped: {reason}")
        if document.get("text"):
            st.text(str(document["text"]))
        rest = {name: value for name, value in document.items() if name not in _SHOWN}
        if rest:
            st.text("\n".join(f"{name}: {plain(value)}" for name, value in rest.items()))


def _scores(document: Mapping[str, Any]) -> str:
    """The scores behind a title; a single one may be called score instead."""
    scores = document.get("scores") or ({"score": document["score"]} if "score" in document else {})
    if not isinstance(scores, Mapping):
        scores = {"score": scores}
    said = [f"{words.label(str(n))} {v:.3g}" for n, v in scores.items() if isinstance(v, int | float)]
    return f" :gray[{' · '.join(said)}]" if said else ""
