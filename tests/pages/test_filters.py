"""Filters that change faster than the page follows: what is said later adds to what was said before."""

from __future__ import annotations

from tests.pages.conftest import OpenPage
from tracing_core.model import TraceData


def test_a_filter_keeps_another_that_changed_before_the_page_was_drawn_again(
    open_page: OpenPage, stored: list[TraceData]
) -> None:
    """Whoever chooses a range and searches at once gets both, though the page knew neither when it was drawn."""
    app = open_page("traces")
    app.segmented_control(key="filters.range").set_value("7d")
    app.segmented_control(key="traces.sort").set_value("slowest")
    app.text_input(key="traces.text").set_value("pandas")
    app.run()
    said = {name: app.query_params[name] for name in ("range", "sort", "text")}
    assert said == {"range": "7d", "sort": "slowest", "text": "pandas"}


def test_a_filter_that_is_taken_away_leaves_another_that_has_just_changed(
    open_page: OpenPage, stored: list[TraceData]
) -> None:
    """The cross on a filter takes away that one, and not what was chosen a moment before."""
    app = open_page("traces", library="pandas")
    app.segmented_control(key="filters.range").set_value("7d")
    app.button(key="filters.chip.library").click()
    app.run()
    assert app.query_params["range"] == "7d"
    assert "library" not in app.query_params


def test_a_question_of_explain_keeps_what_changed_with_it(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Which traces, and against which, can be chosen faster than they are explained."""
    app = open_page("explain")
    app.segmented_control(key="explain.these").set_value("failed")
    app.selectbox(key="explain.against").set_value("before")
    app.run()
    assert {name: app.query_params[name] for name in ("these", "against")} == {"these": "failed", "against": "before"}
