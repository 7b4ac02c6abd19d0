"""The one table of screens: where they are, what they are called, and how to get to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st

_AT, _LEFT = "navigation.at", "navigation.left"
WIDTH = 230
"""Of the navigation, in pixels."""
PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """A page and its place in the navigation.

    Args:
        key: the page's file under `pages/`, and its path in the URL.
        question: what the page answers; shown under its title and as its tooltip.
        titled: whether the frame writes the title; a page with a heading of its own says no.
        listed: whether it is in the navigation, or only linked to.
    """

    key: str
    group: str
    title: str
    icon: str
    question: str
    titled: bool = True
    listed: bool = True

    @property
    def path(self) -> Path:
        """Where its file is."""
        return PAGES / f"{self.key}.py"


SCREENS: tuple[Screen, ...] = (
    Screen(
        key="overview",
        group="Watch",
        title="Overview",
        icon=":material/monitoring:",
        question="Is it healthy, and if not, where do I look?",
    ),
    Screen(
        key="traces",
        group="Watch",
        title="Traces",
        icon=":material/list_alt:",
        question="Find the one, or the kind.",
    ),
    Screen(
        key="trace",
        group="Watch",
        title="Trace",
        icon=":material/account_tree:",
        question="What happened, and why?",
        titled=False,
        listed=False,
    ),
    Screen(
        key="explain",
        group="Understand",
        title="Explain",
        icon=":material/troubleshoot:",
        question="What sets these apart?",
    ),
    Screen(
        key="patterns",
        group="Understand",
        title="Patterns",
        icon=":material/bubble_chart:",
        question="What is asked, what fails, and who asks?",
    ),
    Screen(
        key="decisions",
        group="Understand",
        title="Decisions",
        icon=":material/alt_route:",
        question="Which choices, how sure, and was it right?",
    ),
    Screen(
        key="quality",
        group="Understand",
        title="Quality",
        icon=":material/verified:",
        question="How good are the answers, and what falls short?",
    ),
    Screen(
        key="compare",
        group="Understand",
        title="Compare",
        icon=":material/compare_arrows:",
        question="What differs, and is it more than chance?",
    ),
    Screen(
        key="feedback",
        group="Improve",
        title="Feedback",
        icon=":material/star:",
        question="What do people think of the answers?",
    ),
    Screen(
        key="review",
        group="Improve",
        title="Review",
        icon=":material/rate_review:",
        question="Which answers need a person to look at them?",
    ),
    Screen(
        key="costs",
        group="Improve",
        title="Costs",
        icon=":material/payments:",
        question="What does it cost, where does the month lead, and what could cost less?",
    ),
    Screen(
        key="alerts",
        group="Improve",
        title="Alerts",
        icon=":material/notifications:",
        question="What should somebody know of at once, and was it said?",
    ),
    Screen(
        key="chat",
        group="Try",
        title="Chat",
        icon=":material/forum:",
        question="Ask, watch it think, rate it.",
    ),
    Screen(
        key="system",
        group="Operate",
        title="System",
        icon=":material/dns:",
        question="Where did every trace go, and what needs looking after?",
    ),
)
BY_KEY: Mapping[str, Screen] = {screen.key: screen for screen in SCREENS}


def pages() -> dict[str, list[st.Page]]:
    """The pages by group, as `st.navigation` wants them. The first one is where the app opens."""
    groups: dict[str, list[st.Page]] = {}
    for screen in SCREENS:
        groups.setdefault(screen.group, []).append(_page(screen))
    return groups


def screen_of(page: st.Page) -> Screen:
    """The screen that a page of `pages()` belongs to."""
    return next((screen for screen in SCREENS if screen.title == page.title), SCREENS[0])


def arrive(screen: Screen) -> None:
    """Mend the URL of who comes back to a screen from one that `open_page` went to.

    Streamlit writes the parameters of the new page into the URL before it changes the page, so that the browser's history
    has the old page with the parameters of the new one. Whoever gets there finds what the page showed.
    """
    st.session_state[_AT] = screen.key
    key, theirs, ours = st.session_state.get(_LEFT, (None, {}, {}))
    if key == screen.key and theirs != ours and st.query_params.to_dict() == theirs:
        del st.session_state[_LEFT]
        st.query_params.from_dict(ours)


def open_page(key: str, params: Mapping[str, str] | None = None) -> NoReturn:
    """Go to a screen, with these parameters in the URL."""
    here = st.session_state.get(_AT)
    if here != key:
        st.session_state[_LEFT] = (here, dict(params or {}), st.query_params.to_dict())
    st.switch_page(BY_KEY[key].path, query_params=dict(params or {}))


def link(key: str, text: str, params: Mapping[str, str] | None = None, *, icon: str | None = None) -> None:
    """Draw a link to a screen, with these parameters in its URL."""
    st.page_link(BY_KEY[key].path, label=text, icon=icon, query_params=dict(params or {}))


def address(key: str, params: Mapping[str, str]) -> str:
    """The address of a screen as the links of a page have it, with these parameters."""
    return f"{BY_KEY[key].key}?{urlencode(params)}"


def _page(screen: Screen) -> st.Page:
    return st.Page(
        screen.path,
        title=screen.title,
        icon=screen.icon,
        url_path=screen.key,
        default=screen is SCREENS[0],
        visibility="visible" if screen.listed else "hidden",
        help=screen.question,
    )
