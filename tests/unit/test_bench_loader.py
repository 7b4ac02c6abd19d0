"""The loader and what is measured on its histories, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from bench import loader, reading
from bench.loader import History, days_until, load, make_preparation, read_options, write
from bench.otlp_bodies import encode, make_body
from bench.otlp_workload import SPANS_PER_TRACE, make_exchange
from bench.raw_copy import raw_copy
from bench.trace_model import span_data
from tests.factories import NOON
from tracing_core.errors import StorageError
from tracing_core.model import SpanKind, TraceStatus
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.spans import received
from tracing_core.query.trace import span_payload
from tracing_core.query.trace import spans as spans_of
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger, trace_metrics
from tracing_core.storage.tables import feedback, trace_spans, traces

SPREAD = days_until(NOON, 5)


def rows(database: Database, table: object) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def fill(database: Database, history: History) -> int:
    numbers = [number for day in range(history.spread.slots) for number in history.numbers(day)]
    return sum(write(database, history, numbers, lambda _: None))


def test_the_loader_makes_the_spans_that_the_receiver_decodes() -> None:
    """What goes past HTTP is what would have come through it: span for span, to the last attribute."""
    failed = 0
    for number in range(120):
        exchange = make_exchange(number, SPREAD)
        body = make_body(list(encode(exchange)))
        decoded = received(trace_request(body.content))
        assert decoded.rejected == ()
        assert dict(decoded.traces) == {exchange.trace_id: span_data(exchange)}
        failed += exchange.failed
    assert failed


def test_a_loaded_trace_says_what_the_workload_says() -> None:
    """Question, answer, model, tokens, session and user of the workload are in their fields after the normal form."""
    exchange = next(made for number in range(99) if not (made := make_exchange(number, SPREAD)).failed)
    preparation = make_preparation()
    trace = preparation.assemble(exchange.trace_id, span_data(exchange))
    prepared = preparation.prepare(trace)
    assert prepared is not None
    row = prepared.projection.trace
    assert (row["query"], row["answer"], row["model"]) == (exchange.question, exchange.answer, exchange.model)
    assert (row["session_id"], row["user_id"]) == (exchange.session_id, exchange.user_id)
    assert (row["library"], row["confidence"]) == (exchange.library, exchange.confidence)
    assert row["output_tokens"] == exchange.completion_tokens
    assert (row["status"], row["span_count"], row["decision_count"]) == (TraceStatus.COMPLETE, SPANS_PER_TRACE, 1)
    assert row["trace_file_path"] is None
    kinds = [span["kind"] for span in prepared.projection.spans]
    assert {SpanKind.EMBEDDING, SpanKind.RETRIEVAL, SpanKind.RERANK, SpanKind.LLM} <= set(kinds)


def test_days_share_the_numbers_out() -> None:
    """Every number is of one day, each day goes forward in time, and a larger history only adds to a smaller one."""
    small, large = History(traces=200, spread=SPREAD), History(traces=1003, spread=SPREAD, after=200)
    for history, expected in ((small, range(200)), (large, range(200, 1003))):
        days = [history.numbers(day) for day in range(SPREAD.slots)]
        assert sorted(number for day in days for number in day) == list(expected)
        for day, numbers in enumerate(days):
            starts = [SPREAD.start_ns(number) for number in numbers]
            assert starts == sorted(starts)
            first = NOON - timedelta(days=SPREAD.slots - day)
            assert all(first.timestamp() * 1e9 <= start < (first.timestamp() + 86_400) * 1e9 for start in starts)


def test_two_hundred_traces_are_two_hundred_traces(database_url: str) -> None:
    """The loader writes exactly what it was told to, by several processes; the rollups and the ledger say the same."""
    told: list[int] = []
    assert load(database_url, History(traces=200, spread=SPREAD), processes=2, on_progress=told.append) == 200
    database = Database(database_url)
    assert sum(told) == 200
    assert (rows(database, traces), rows(database, trace_spans)) == (200, 200 * SPANS_PER_TRACE)
    with database.read() as connection:
        counted = select(func.sum(trace_metrics.c["count"])).where(
            trace_metrics.c.granularity == "day", trace_metrics.c.dimension == "trace"
        )
        assert connection.scalar(counted) == 200
        stored = select(func.sum(ledger.c["count"])).where(ledger.c.outcome == "stored")
        assert connection.scalar(stored) == 200
        assert connection.scalar(select(func.count(func.distinct(func.date(traces.c.started_at))))) >= SPREAD.slots
    database.close()


def test_a_load_that_cannot_be_written_ends_with_the_reason(database_url: str) -> None:
    """When a process cannot write, the loader ends with what the database said, and does not go through the other days."""
    database = Database(database_url)
    with database.write() as connection:
        connection.execute(text("DROP TABLE decisions"))
    database.close()
    told: list[int] = []
    with pytest.raises(StorageError, match="decisions"):
        load(database_url, History(traces=100, spread=SPREAD), processes=1, on_progress=told.append)
    assert not told


def test_some_answers_are_rated(database: Database) -> None:
    """One answer in a hundred has a rating, given as people give theirs; loading again does not double it."""
    for _ in range(2):
        fill(database, History(traces=300, spread=SPREAD))
    expected = [rating for number in range(300) if (rating := make_exchange(number, SPREAD).rating)]
    assert 0 < len(expected) < 15
    assert rows(database, feedback) == len(expected)


def test_loading_again_adds_what_is_missing(database: Database) -> None:
    """A load that was cut short is taken up again by the same command, and no trace is there twice."""
    assert fill(database, History(traces=20, spread=SPREAD)) == 20
    assert fill(database, History(traces=50, spread=SPREAD)) == 30
    assert rows(database, traces) == 50


def test_every_question_is_answered(database: Database) -> None:
    """Each question that reading measures is asked of a real database and timed; the table has a line for each."""
    fill(database, History(traces=60, spread=SPREAD))
    sheet = reading.sheet(database, runs=2)
    assert sheet.traces == 60
    assert set(sheet.timings) == {question.name for question in sheet.asked}
    assert all(0 < timing.median_ms <= timing.p95_ms for timing in sheet.timings.values())
    assert reading.table_of([sheet, sheet]).row_count == len(sheet.asked)


def test_content_can_be_opened(database: Database) -> None:
    """What the loader stored is whole: the documents of a retrieval are read back."""
    fill(database, History(traces=5, spread=SPREAD))
    exchange = make_exchange(0, SPREAD)
    retrieval = next(span for span in spans_of(database, exchange.trace_id) if span.name == "retrieval")
    payload = span_payload(database, exchange.trace_id, retrieval.span_id)
    assert payload is not None
    assert payload.attributes["retrieval.documents.4.document.content"] == exchange.documents[4].text


def test_reading_needs_traces(database: Database) -> None:
    """Of an empty database there is nothing to measure, and the way to fill it is said."""
    with pytest.raises(ValueError, match="bench load"):
        reading.sheet(database, runs=1)


def test_raw_copy_takes_the_same_rows_and_leaves_nothing(database: Database) -> None:
    """The rows go into tables alike, with their partitions; after it these are gone and the real ones as they were."""
    fill(database, History(traces=40, spread=SPREAD))
    before = rows(database, trace_spans)
    found = raw_copy(database)
    assert found.seconds > 0
    assert found.copied_bytes > 40 * 1000
    assert rows(database, trace_spans) == before
    with database.read() as connection:
        assert not connection.scalar(select(func.to_regnamespace("bench_raw")))


def test_options_of_the_loader_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A history needs a place to go to and at least one trace; times are UTC unless they say otherwise."""
    options = read_options(["--traces", "10", "--database-url", "postgresql://x/y", "--until", "2026-11-21"])
    assert options.until == datetime(2026, 11, 21, tzinfo=UTC)
    for wrong, said in ((["--traces", "0", "--data-dir", "x"], "at least 1"), ([], "required")):
        with pytest.raises(SystemExit):
            read_options(wrong)
        assert said in capsys.readouterr().err
    assert loader.this_hour() > datetime.now(UTC)
