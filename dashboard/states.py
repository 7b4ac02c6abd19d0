"""What a page says when there is nothing to show, or no way to show it; and the one place where that is decided."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import navigation
from dashboard.api import ServiceUnavailable
from tracing_core.errors import DatabaseUnavailable, InvalidInput, SettingsError, StorageError
from tracing_core.settings import environment_name

_log = logging.getLogger(__name__)


def empty(sentence: str, *, hint: str | None = None, chat: bool = False) -> None:
    """Say that there is nothing here, and what to do about it.

    Args:
        sentence: what there is none of.
        hint: what would change that.
        chat: whether to offer the way to the chat, where traces come from.
    """
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f":gray[:material/inbox:] {sentence}", width="content")
        if hint:
            st.caption(hint, width="content")
        if chat:
            navigation.link("chat", "Ask a question in the chat")


@contextmanager
def boundary() -> Iterator[None]:
    """Turn what a page cannot do anything about into a sentence. Wraps every page, and every part that reruns alone."""
    try:
        yield
    except DatabaseUnavailable as error:
        _log.warning("a page could not reach the database: %s", error)
        _trouble("The database cannot be reached", "Check that PostgreSQL runs and that DATABASE_URL is right.")
    except SettingsError as error:
        _trouble("A setting cannot be used", str(error))
    except InvalidInput as error:
        _trouble("This address cannot be used", f"Something in it does not fit: {error}.")
    except StorageError as error:
        _log.warning("the database refused to answer a page: %s", error)
        _trouble(
            "The database did not answer this question",
            f"A shorter time range may help; {environment_name('statement_timeout_ms')} says how long a query may take.",
        )


def service_down(error: ServiceUnavailable) -> None:
    """Say that the service does not answer."""
    st.warning(str(error), icon=":material/cloud_off:")


def _trouble(title: str, advice: str) -> None:
    with st.container(border=True):
        st.markdown(f"**:red[:material/error:] {title}**")
        st.text(advice)
        st.button("Try again", key="states.again", icon=":material/refresh:")
