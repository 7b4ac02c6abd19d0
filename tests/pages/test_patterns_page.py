"""The page Patterns: topics, gaps, failures and users, each a way to its traces; and the cards of advice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.patterns_page import nearest
from tests.factories import NOON, make_trace
from tests.pages.conftest import OpenPage, drawn, tables, texts
from tests.postgres.test_query_patterns import failing
from tests.postgres.writing import store
from tests.unit.test_patterns import asked
from tests.unit.test_question_clusters import QUESTIONS
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.patterns import patterns
from tracing_core.storage.database import Database


@pytest.fixture
def now() -> datetime:
    return SystemClock().now()


@pytest.fixture
def questions(database: Database, now: datetime) -> list[TraceData]:
    """Three topics within the last hour, one question without a source."""
    made = [
        make_trace(query=text, started_at=now - timedelta(minutes=10, seconds=n)) for n, text in enumerate(QUESTIONS)
    ]
    bare = make_trace(query="How do I brew tea?", citations_count=0, started_at=now - timedelta(minutes=9))
    store(database, *made, bare)
    return [*made, bare]


def columns(app: AppTest) -> dict[str, list[str]]:
    """What the table of the page says, by column."""
    (rows,) = tables(app)
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_topics_are_named_and_counted(open_page: OpenPage, questions: list[TraceData]) -> None:
    """The numbers on top, and a row for each topic; all questions are in one of them."""
    app = open_page("patterns", range="1h")
    assert not app.exception
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Questions"] == str(len(questions))
    table = columns(app)
    assert sum(map(int, table["Questions"])) == len(questions)
    assert any("pandas" in name for name in table["Topic"])


def test_a_topic_of_the_address_lists_its_traces(open_page: OpenPage, questions: list[TraceData]) -> None:
    """A link to a topic shows traces of that topic, and a search for its words."""
    name = next(each for each in columns(open_page("patterns", range="1h"))["Topic"] if "sqlalchemy" in each)
    app = open_page("patterns", range="1h", topic=name)
    (listed,) = drawn(app, "trace_list")
    assert listed["rows"]
    assert all("sqlalchemy" in row["question"] for row in listed["rows"])
    assert "Search all traces for its words" in [link.label for link in app.page_link]


def test_questions_without_good_evidence_are_listed_with_the_reason(
    open_page: OpenPage, questions: list[TraceData]
) -> None:
    """A gap in the corpus reads as one."""
    app = open_page("patterns", range="1h", part="evidence")
    table = columns(app)
    assert list(table["Question"]) == ["How do I brew tea?"]
    assert [row["below"] for row in drawn(app, "fitting_table")[0]["rows"]] == ["the answer cites nothing"]


def test_failures_say_what_is_new(open_page: OpenPage, database: Database, now: datetime) -> None:
    """One kind of failure, which was not there before."""
    minutes = int((now - NOON) / timedelta(minutes=1)) - 5
    store(
        database,
        failing(minutes, "TimeoutError: no answer in 5 s"),
        failing(minutes - 1, "TimeoutError: no answer in 9 s"),
    )
    store(database, make_trace(started_at=now - timedelta(minutes=90)))  # of the period before, in which nothing failed
    app = open_page("patterns", range="1h", part="failures")
    assert not app.exception
    table = columns(app)
    assert list(table["Error"]) == ["TimeoutError: no answer in <n> s"]
    assert (table["Times"][0], table["Against before"][0], table["Stage"][0]) == ("2", "new", "llm_generation")


def test_users_are_in_segments(open_page: OpenPage, questions: list[TraceData]) -> None:
    """Who asked is listed with how much."""
    app = open_page("patterns", range="1h", part="users")
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Users"] == "1"
    assert columns(app)["Questions"][0] == str(len(questions))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("questions", "No questions in this time."), ("evidence", "No question of this time says"),
        ("failures", "Nothing failed in this time."), ("users", "No questions in this time."), ("nonsense", "No questions in this time."),
    ],
)  # fmt: skip
def test_every_part_says_when_there_is_nothing(open_page: OpenPage, part: str, said: str) -> None:
    """An empty part is a sentence, and a part that is none is the first one."""
    app = open_page("patterns", part=part)
    assert not app.exception
    assert said in texts(app)


def test_few_questions_say_so(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Three questions make no topics."""
    assert "too few to tell topics apart" in texts(open_page("patterns", range="1h"))


@pytest.mark.parametrize("part", ["questions", "evidence", "failures", "users"])
def test_a_database_that_is_away_is_a_sentence(open_page_without_database: OpenPage, part: str) -> None:
    """No part shows a traceback."""
    app = open_page_without_database("patterns", part=part)
    assert not app.exception
    assert "The database cannot be reached" in texts(app)


def test_a_topic_is_found_again_by_its_words() -> None:
    """A link outlives a name that changed by a word; one that has nothing in common leads nowhere."""
    clusters = patterns(asked()).clusters
    named = clusters[0]
    assert nearest(clusters, named.name) is named
    assert nearest(clusters, f"{named.words[0]} · something else") is named
    assert nearest(clusters, "nothing · alike") is None


def test_cards_of_advice_say_what_would_have_been_saved(open_page: OpenPage, database: Database, now: datetime) -> None:
    """Twelve questions asked twice are a card with money, a reason and traces; the other kinds say why they are silent."""
    store(
        database,
        *[
            make_trace(query=f"What is {name}?", started_at=now - timedelta(minutes=m))
            for name in "abcdefghijkl"
            for m in (9, 5)
        ],
    )
    app = open_page("costs", range="1h")
    assert not app.exception
    said = texts(app)
    assert "Keep answers for a day, and give them again" in said
    assert "12 of 24 questions had been asked before" in said
    assert "of the cost" in said
    assert "Cheaper model" in said


def test_without_anything_to_advise_the_page_says_so(open_page: OpenPage, stored: list[TraceData]) -> None:
    """No saving is made up."""
    assert "Nothing to advise" in texts(open_page("costs", range="1h"))
