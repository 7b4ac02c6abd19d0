"""The pages on a database with traces."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from dashboard import data
from tests.pages.conftest import OpenPage, drawn, texts
from tests.postgres.writing import rate, trace_table
from tracing_core.clock import SystemClock
from tracing_core.files import TraceFiles
from tracing_core.ids import IdSource
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.query.filters import TraceFilter
from tracing_core.spool import Spool
from tracing_core.storage.database import Database

PAGES = ("overview", "traces", "trace", "decisions", "quality", "feedback", "review", "chat")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_runs_with_traces(open_page: OpenPage, stored: list[TraceData], page: str) -> None:
    """A page on real traces has no traceback."""
    app = open_page(page, id=stored[0].trace_id)
    assert not app.exception
    assert not app.error


def test_overview_counts_what_is_stored(open_page: OpenPage, stored: list[TraceData]) -> None:
    """The numbers are those of the traces of the range, and the newest traces are beneath."""
    app = open_page()
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Requests"], numbers["Errors"], numbers["Rating"]) == ("3", "33.3 %", "–")
    (listed,) = drawn(app, "trace_list")
    assert [row["id"] for row in listed["rows"]] == [trace.trace_id for trace in reversed(stored)]


def test_overview_says_what_was_lost(
    open_page: OpenPage, stored: list[TraceData], database: Database, data_dir: Path
) -> None:
    """Traces that are not in the charts are counted above them, with the reason; with none missing, nothing is said."""
    assert not open_page().warning
    lines = Ledger()
    lines.note(stored[0].started_at.date(), "native", Outcome.DROPPED, "queue full", 3)
    trace_table(database).write([], lines)
    Spool(data_dir / "spool", SystemClock(), IdSource()).keep(stored[:2])
    st.cache_data.clear()
    (warning,) = open_page().warning
    assert "3 of source native were lost: queue full." in warning.value
    assert "2 traces wait on disk until the database takes them." in warning.value


def test_overview_shows_a_bad_rating(open_page: OpenPage, stored: list[TraceData], database: Database) -> None:
    """An answer that somebody rated 1 is flagged, and the overview says so."""
    rate(database, stored[0], 1)
    (listed,) = drawn(open_page(), "trace_list")
    flags = {row["id"]: row["flag"] for row in listed["rows"]}
    assert flags[stored[0].trace_id] == "User negative"


def test_traces_are_filtered_by_their_url(open_page: OpenPage, stored: list[TraceData]) -> None:
    """A shared address shows the same traces, and says by what they are chosen."""
    app = open_page("traces", library="pandas", flag="EMPTY")
    (listed,) = drawn(app, "trace_list")
    assert [row["id"] for row in listed["rows"]] == [stored[1].trace_id]
    assert {"pandas", "Empty", "Clear all"} <= {button.label for button in app.button}


def test_a_filter_can_be_taken_away(open_page: OpenPage, stored: list[TraceData]) -> None:
    """A chip takes its filter out of the page and out of the address."""
    app = open_page("traces", library="pandas", range="1h")
    app.button(key="filters.chip.library").click().run()
    assert "library" not in app.query_params
    assert app.query_params["range"] == "1h"
    assert len(drawn(app, "trace_list")[0]["rows"]) == 3


def test_filters_are_carried_from_page_to_page(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Whoever looks at one library goes on looking at it on the next page, until that page's address says otherwise."""
    app = open_page("traces", library="pandas")
    app.query_params.clear()
    app.switch_page("../pages/overview.py").run()
    assert app.query_params["library"] == "pandas"
    assert {metric.label: metric.value for metric in app.metric}["Requests"] == "1"


def test_search_finds_words_of_question_and_answer(open_page: OpenPage, stored: list[TraceData]) -> None:
    """What is typed into the search box is looked for in the database, and marked."""
    app = open_page("traces")
    app.text_input(key="traces.text").set_value("pydantic model").run()
    (listed,) = drawn(app, "trace_list")
    assert {row["id"] for row in listed["rows"]} == {stored[0].trace_id, stored[2].trace_id}
    assert listed["marks"] == ["pydantic", "model"]
    assert app.query_params["text"] == "pydantic model"


def test_nothing_found_says_what_to_do(open_page: OpenPage, stored: list[TraceData]) -> None:
    """A filter that nothing fits gives a sentence and a way out."""
    assert "No trace fits these filters." in texts(open_page("traces", model="nobody"))


def test_an_address_that_cannot_be_used_says_so(open_page: OpenPage, stored: list[TraceData]) -> None:
    """A cursor that somebody damaged is a sentence, not a traceback."""
    app = open_page("traces", after="nonsense")
    assert not app.exception
    assert "This address cannot be used" in texts(app)


def test_a_trace_says_what_happened_and_why(open_page: OpenPage, stored: list[TraceData]) -> None:
    """The sentence, the tree, and the decision with its reason and alternative."""
    app = open_page("trace", id=stored[0].trace_id)
    said = texts(app)
    assert "**3.21 s** · 1,550 tokens" in said
    assert "because the question names a function" in said
    assert r"bm25 (0.40)" in said
    (tree,) = drawn(app, "trace_view")
    assert [row[tree["columns"].index("name")] for row in tree["rows"]] == [
        "request", "retrieval_semantic", "llm_generation",
    ]  # fmt: skip


def test_the_chosen_span_is_in_the_address(open_page: OpenPage, stored: list[TraceData]) -> None:
    """A link to a span opens that span."""
    span = stored[0].spans[2]
    app = open_page("trace", id=stored[0].trace_id, span=span.span_id)
    assert "**llm\\_generation**" in texts(app)
    assert app.dataframe[0].value["Name"][0] == "model"


def test_text_from_a_trace_stays_text(open_page: OpenPage, stored: list[TraceData]) -> None:
    """HTML in a question is shown as it was written, in an element that does not interpret it."""
    app = open_page("trace", id=stored[1].trace_id)
    assert "What is <b>pandas</b>?" in [element.value for element in app.text]
    assert not any("<b>" in str(element.value) for element in app.markdown)


def test_a_trace_can_be_rated_and_its_flag_follows(
    open_page: OpenPage, stored: list[TraceData], database: Database
) -> None:
    """One star on the trace page makes it a badly rated one there and in the list."""
    trace_id = stored[0].trace_id
    app = open_page("trace", id=trace_id)
    app.feedback(key=f"trace.rating.{trace_id}.stars.None").set_value(0).run()
    assert not app.exception
    assert "User negative" in texts(app)
    assert [each.trace_id for each in data.recent_feedback(TraceFilter(), 5)] == [trace_id]


def test_an_unknown_trace_is_a_sentence(open_page: OpenPage) -> None:
    """A link to what is not there says so."""
    assert "There is no trace with this id." in texts(open_page("trace", id="trc_20261121_000000_0000000000000000"))
    assert "There is no trace with this id." in texts(open_page("trace", id="../../etc/passwd"))


def test_the_raw_tab_shows_the_trace_while_its_file_is_gone_or_damaged(
    open_page: OpenPage, stored: list[TraceData], data_dir: Path
) -> None:
    """From what the database holds."""
    trace_id = stored[0].trace_id
    path = Path(TraceFiles(data_dir / "projects").path("default", trace_id))
    app = open_page("trace", id=trace_id)
    app.session_state["trace.tabs"] = "Raw"
    assert trace_id in app.run().json[0].value
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert trace_id in app.run().json[0].value


def test_feedback_shows_ratings_and_comments(open_page: OpenPage, stored: list[TraceData], database: Database) -> None:
    """Average, share, the comment as text, and the answers that were rated low."""
    rate(database, stored[0], 1, comment="Wrong <script>")
    rate(database, stored[1], 4)
    app = open_page("feedback")
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers == {"Average rating": "2.5", "Ratings": "2", "Answers rated": "66.7 %"}
    assert "Wrong <script>" in [element.value for element in app.text]
    assert [row["id"] for row in drawn(app, "trace_list")[0]["rows"]] == [stored[0].trace_id]


def test_an_answer_is_rated_by_its_id(open_page: OpenPage, stored: list[TraceData]) -> None:
    """The form takes an id, stars and a comment, and says when they do not fit."""
    app = open_page("feedback")
    app.text_input(key="feedback.trace_id").set_value("nonsense")
    app.feedback(key="feedback.stars").set_value(4)
    submit = next(button for button in app.button if button.label == "Save rating")
    submit.click().run()
    assert any("is not a trace id" in error.value for error in app.error)
    app.text_input(key="feedback.trace_id").set_value(stored[0].trace_id)
    next(button for button in app.button if button.label == "Save rating").click().run()
    assert not app.error
    assert data.rating_distribution(TraceFilter())[5] == 1


def test_chat_without_its_service_is_a_sentence(open_page: OpenPage) -> None:
    """A service that is away is said in words, and nothing can be asked meanwhile."""
    app = open_page("chat")
    assert "The service that answers questions does not answer." in app.warning[0].value
    assert not app.chat_input
