"""What stands beside a conversation: its settings, the questions to begin with, and whether the service is there."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import api, conversation, states, words
from dashboard.api import ServiceUnavailable

SUGGESTIONS = (
    "How do I declare a path parameter in FastAPI?",
    "How do I merge two DataFrames on a column in pandas?",
    "How do I cache data in Streamlit?",
    "What does functools.lru_cache do?",
)
LIBRARIES = ("fastapi", "streamlit", "pandas", "sqlalchemy", "plotly", "python")
_LOOK_SECONDS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatSettings:
    """What every question of the conversation is asked with."""

    library: str | None
    sources: int
    temperature: float


def settings_aside() -> ChatSettings:
    """Draw the settings in the sidebar."""
    with st.sidebar:
        st.markdown("**Settings**")
        library = st.selectbox(
            "Library", LIBRARIES, index=None, placeholder="All", key="chat.library", persist_state="session"
        )
        sources = st.slider("Sources", 1, 10, 5, key="chat.sources", persist_state="session")
        temperature = st.slider("Temperature", 0.0, 1.5, 0.2, 0.1, key="chat.temperature", persist_state="session")
        st.button("New conversation", icon=":material/add:", on_click=conversation.start_over, key="chat.new")
    return ChatSettings(library=library, sources=sources, temperature=temperature)


def suggestion() -> str | None:
    """Draw the suggested questions; returns the one that is picked. They go when the first answer comes."""
    place = st.empty()
    with place.container():  # an element that is replaced by itself would stay in sight until the answer is complete
        picked = st.pills("Try asking", SUGGESTIONS, key="chat.suggestion")
    if picked:
        place.empty()
    return picked


@st.fragment(run_every=_LOOK_SECONDS)
def getting_ready(url: str) -> None:
    """Say how far the assistant is with getting ready, until it is; a question may be asked meanwhile, and waits."""
    health = api.health(url)
    if health is None or health.ready:
        st.rerun()
    if health.problem:
        st.warning(words.label(health.problem, 300), icon=":material/error:")
    else:
        st.caption(f"Getting ready: {words.label(health.progress or 'starting', 100)}. You can ask already.")


@st.fragment(run_every=_LOOK_SECONDS)
def wait_for_service(url: str) -> None:
    """Say that the service is away, and look again until it is there."""
    if api.healthy(url):
        st.rerun()
    states.service_down(ServiceUnavailable())
