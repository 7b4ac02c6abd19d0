"""The panel of a span that another convention sent: what was understood before what it was understood from."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from tests.factories import make_span
from tests.pages.conftest import OpenPage, texts
from tests.postgres.writing import store
from tracing_core.assembly import assemble
from tracing_core.clock import SystemClock
from tracing_core.listed_prices import LIST_VERSION
from tracing_core.model import SpanData, SpanEvent, SpanKind
from tracing_core.storage.database import Database

NOW = SystemClock().now()
TRACE = "00112233445566778899aabbccddeeff"
ANSWER = "Paris is the capital of France."


def shown(open_page: OpenPage, database: Database, span: SpanData) -> AppTest:
    """The page of a trace of one span."""
    store(database, assemble(TRACE, [span]))
    return open_page("trace", id=TRACE)


def codes(app: AppTest) -> list[str]:
    """All blocks of text with their spaces kept."""
    return [element.value for element in app.code]


def call(**attributes: object) -> SpanData:
    """A model call as it was received."""
    events = [SpanEvent(name="chunk", timestamp=NOW, attributes={})] * 3
    details = SpanEvent(name="details", timestamp=NOW, attributes={"body": {"deep": [1, {"er": 2}]}})
    return make_span(
        name="ChatCompletion", kind=SpanKind.LLM, started_at=NOW, attributes=attributes, events=(*events, details)
    )


def test_the_answer_comes_before_the_request_as_it_was_sent(open_page: OpenPage, database: Database) -> None:
    """The response's JSON is a click away, a line for each of its parts."""
    said = {"choices": [{"message": {"role": "assistant", "content": ANSWER}}], "model": "m" * 60}
    app = shown(open_page, database, call(**{"input.value": "Which capital?", "output.value": json.dumps(said)}))
    assert "As it was sent" in [expander.label for expander in app.expander]
    assert codes(app).index(ANSWER) < codes(app).index(json.dumps(said, indent=2))
    assert "Which capital?" in codes(app)


def test_events_are_counted(open_page: OpenPage, database: Database) -> None:
    """An event that comes once for every token is one line; what an event says is a click away."""
    app = shown(open_page, database, call(**{"output.value": ANSWER}))
    assert "chunk :gray[× 3]" in texts(app)
    assert "details" in [expander.label for expander in app.expander]
    assert '{"deep": [1, {"er": 2}]}' in codes(app)


def test_the_arguments_of_a_function_are_its_input(open_page: OpenPage, database: Database) -> None:
    """A span of no particular kind shows what went in, and is called a span."""
    arguments = {"args": ["Which capital?"], "kwargs": {"stream": True}}
    span = make_span(
        name="ask", kind=SpanKind.UNKNOWN, started_at=NOW,
        attributes={"langfuse.observation.input": json.dumps(arguments), "langfuse.observation.output": ANSWER},
    )  # fmt: skip
    app = shown(open_page, database, span)
    assert json.dumps(arguments) in codes(app)
    assert ANSWER in codes(app)
    assert "**ask** :gray[span" in texts(app)


def test_documents_show_how_they_begin(open_page: OpenPage, database: Database) -> None:
    """A document that has no title is told by its text before it is opened."""
    span = make_span(
        name="retrieve", kind=SpanKind.RETRIEVAL, started_at=NOW,
        attributes={"retrieval.documents.0.document.id": "fr", "retrieval.documents.0.document.content": ANSWER},
    )  # fmt: skip
    labels = [expander.label for expander in shown(open_page, database, span).expander]
    assert f"1 · fr :gray[{ANSWER}]" in labels


def test_the_cost_of_a_call_is_taken_apart(open_page: OpenPage, database: Database) -> None:
    """Each class of tokens with its price and the book that the price is of; the amounts add up to the sum beneath."""
    app = shown(
        open_page,
        database,
        call(
            **{
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.output_tokens": 10,
            }
        ),
    )
    assert "Cost" in [tab.label for tab in app.tabs]
    (lines,) = [frame.value for frame in app.dataframe if "Amount" in frame.value]
    assert list(lines["Tokens"]) == ["1,000", "10"]
    assert list(lines["Amount"]) == ["$0.00015", "$0.000006"]
    assert f"Prices of genai-prices {LIST_VERSION}." in texts(app)
    assert r"**\$0.000156**" in texts(app)
    assert "add up to what is stored" in texts(app)


def test_a_span_above_says_what_is_known_and_for_which_model_there_is_no_price(
    open_page: OpenPage, database: Database
) -> None:
    """Not nothing: the sum of the calls that have a price, and the tokens of those that have none."""
    tokens = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10}
    root = make_span(name="ask", kind=SpanKind.CHAIN, started_at=NOW)
    known, unknown = (
        make_span(
            parent_id=root.span_id,
            kind=SpanKind.LLM,
            started_at=NOW,
            attributes={"gen_ai.request.model": model, **tokens},
        )
        for model in ("gpt-4o-mini", "house-blend-7b")
    )
    store(database, assemble(TRACE, [root, known, unknown]))
    app = open_page("trace", id=TRACE, span=root.span_id)
    assert r"**at least \$0.000156**: 1 of 2 calls have no price" in texts(app)
    assert "No price for house-blend-7b: input 1,000, output 10" in texts(app)
    assert r"cost at least \$0.0002 (no price for house-blend-7b)" in texts(app)


def test_a_cost_by_other_prices_is_shown_beside_those_in_force(open_page: OpenPage, database: Database) -> None:
    """With the version that it is of, and how to bring the two together."""
    said = {"gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 1000}
    store(database, assemble(TRACE, [call(**said)]))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE traces SET cost_computed_usd = 0.5, price_version = '0.1.0'")
    said_of_cost = texts(open_page("trace", id=TRACE))
    assert r"**\$0.00015**" in said_of_cost
    assert r"Of the whole trace \$0.5 is stored, by prices of version 0.1.0" in said_of_cost
    assert "`python -m tracing_core reprice` brings the two together" in said_of_cost
