"""The pages with nothing to show, and with no database to ask."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, texts

READING = ("overview", "traces", "trace", "decisions", "quality", "compare", "costs", "feedback", "explain")


@pytest.mark.parametrize("page", [*READING, "chat"])
def test_every_page_runs_on_an_empty_database(open_page: OpenPage, page: str) -> None:
    """A fresh installation has no tracebacks."""
    app = open_page(page)
    assert not app.exception
    assert not app.error


def test_the_first_visit_leads_to_the_chat(open_page: OpenPage) -> None:
    """Where there are no traces yet, the page says so and offers the way to make some."""
    for page in ("overview", "traces", "decisions"):
        app = open_page(page)
        assert [link.value for link in app.page_link] == ["Ask a question in the chat"]


def test_numbers_of_nothing_are_dashes(open_page: OpenPage) -> None:
    """No rating is a dash, not a rating of zero."""
    numbers = {metric.label: metric.value for metric in open_page("feedback").metric}
    assert numbers == {"Average rating": "–", "Ratings": "0", "Answers rated": "–"}


@pytest.mark.parametrize("page", READING)
def test_a_database_that_is_away_is_a_sentence(open_page_without_database: OpenPage, page: str) -> None:
    """Without a database every page keeps its frame and says what is wrong and what to check."""
    app = open_page_without_database(page, id="trc_20261121_000000_0000000000000000")
    assert not app.exception
    assert "The database cannot be reached" in texts(app)
    assert "DATABASE_URL" in texts(app)


def test_the_chat_page_needs_no_database(open_page_without_database: OpenPage) -> None:
    """Asking goes through the service, which has its own way to do without."""
    app = open_page_without_database("chat")
    assert not app.exception
    assert "The database cannot be reached" not in texts(app)
