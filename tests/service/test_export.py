"""Stored traces go on to another OTLP receiver, a real one over HTTP, and nothing is lost without being counted."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from tests.factories import NOON, make_trace
from tests.otlp_messages import TRACE_ID, otlp_request, otlp_span
from tests.postgres.writing import store
from tests.service.otlp_receiver import Receiver, receiving
from tracing_core.__main__ import main
from tracing_core.assembly import assemble
from tracing_core.clock import ManualClock
from tracing_core.errors import InvalidInput, SettingsError
from tracing_core.exporting import export_traces, live_exporter, since
from tracing_core.ledger import Outcome
from tracing_core.model import TraceData
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.export import SOURCE, Exporter
from tracing_core.otlp.sending import Endpoint, headers_of, traces_url
from tracing_core.otlp.spans import received
from tracing_core.query.filters import TraceFilter
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger as ledger_table

CLOCK = ManualClock(NOON)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


class Notes(Counter[tuple[str, Outcome, str]]):
    """A ledger in memory."""

    def note(self, source: str, outcome: Outcome, reason: str = "", count: int = 1, spans: int = 0) -> None:
        self[source, outcome, reason] += count


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def exporter(receiver: Receiver, notes: Notes) -> Iterator[Exporter]:
    exporter = Exporter(Endpoint(receiver.url, {"x-key": "k"}, CLOCK, attempts=3), notes.note, queue_size=3)
    yield exporter
    exporter.close()


def otlp_trace(**fields: object) -> TraceData:
    ((trace_id, spans),) = received(trace_request(otlp_request(otlp_span({"n": 1}, **fields)))).traces.items()
    return assemble(trace_id, spans)


def test_a_submitted_trace_arrives_as_it_came(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """What came in by OTLP arrives at the other end with equal spans, and the ledger says so."""
    trace = otlp_trace()
    exporter.submit(trace)
    assert exporter.flush()
    assert receiver.traces == {TRACE_ID: trace.spans}
    assert notes == {(SOURCE, Outcome.STORED, ""): 1}


def test_it_speaks_as_receivers_expect(receiver: Receiver, exporter: Exporter) -> None:
    """Requests are gzipped protobuf at /v1/traces, with the headers that were asked for."""
    exporter.send([make_trace()])
    assert receiver.paths == ["/v1/traces"]
    (headers,) = receiver.headers
    assert (headers["content-type"], headers["content-encoding"]) == ("application/x-protobuf", "gzip")
    assert headers["x-key"] == "k"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_receiver_is_asked_again(status: int, receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """The same request is sent again after the pause that the receiver asks for, and arrives."""
    receiver.answers = [(status, {"retry-after": "0"}), (status, {"retry-after": format_datetime(NOON)})]
    trace = make_trace()
    assert exporter.send([trace]) == 1
    assert list(receiver.traces) == [trace.trace_id]
    assert len(receiver.paths) == 3
    assert notes == {(SOURCE, Outcome.STORED, ""): 1}


def test_a_receiver_that_stays_busy_is_given_up(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """After its attempts the trace is dropped, counted with the reason."""
    receiver.answers = [(503, {"retry-after": "0"})] * 3
    assert exporter.send([make_trace()]) == 0
    assert notes == {(SOURCE, Outcome.DROPPED, "refused with HTTP 503"): 1}


def test_what_is_refused_for_good_is_not_asked_again(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """An answer such as 401 will not change."""
    receiver.answers = [(401, {})]
    assert exporter.send([make_trace(), make_trace()]) == 0
    assert len(receiver.paths) == 1
    assert notes == {(SOURCE, Outcome.DROPPED, "refused with HTTP 401"): 2}


def test_a_refused_trace_takes_no_others_with_it(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """A batch that is refused for one of its traces is sent in parts until only that one is out."""
    traces = [make_trace() for _ in range(7)]
    bad = traces[4].trace_id
    receiver.refuses = lambda ids: bad in ids
    assert exporter.send(traces) == 6
    assert set(receiver.traces) == {trace.trace_id for trace in traces} - {bad}
    assert notes == {(SOURCE, Outcome.STORED, ""): 6, (SOURCE, Outcome.DROPPED, "refused with HTTP 400"): 1}


def test_partial_success_is_noted(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """Spans that the receiver says it did not take stand in the ledger's reason."""
    receiver.response.partial_success.rejected_spans = 2
    assert exporter.send([make_trace()]) == 1
    assert notes == {(SOURCE, Outcome.STORED, "2 spans not taken"): 1}


def test_a_dead_endpoint_costs_the_application_nothing(notes: Notes) -> None:
    """Submitting never raises; what cannot be sent is dropped and counted."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        dead = f"http://127.0.0.1:{server.server_port}"
    exporter = Exporter(Endpoint(dead, {}, CLOCK, attempts=2), notes.note)
    exporter.submit(make_trace())
    assert exporter.flush()
    exporter.close()
    assert notes == {(SOURCE, Outcome.DROPPED, "not reached: Connection refused"): 1}


def test_a_slow_receiver_blocks_nobody(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """While one request hangs, a bounded number of traces waits, and the rest is dropped and counted at once."""
    receiver.may_answer.clear()
    exporter.submit(make_trace())
    receiver.arrived.get(timeout=10)
    for _ in range(5):
        exporter.submit(make_trace())
    assert notes == {(SOURCE, Outcome.DROPPED, "export queue full"): 2}
    receiver.may_answer.set()
    assert exporter.flush()
    assert notes[SOURCE, Outcome.STORED, ""] == 4


def test_closing_sends_what_waits(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """What was submitted before is sent, what comes after is dropped and counted."""
    exporter.submit(make_trace())
    exporter.close()
    exporter.submit(make_trace())
    assert notes == {(SOURCE, Outcome.STORED, ""): 1, (SOURCE, Outcome.DROPPED, "export closed"): 1}


def test_closing_waits_for_no_pause(receiver: Receiver, notes: Notes) -> None:
    """A receiver that asks for a minute's pause does not hold up the end of the program."""
    receiver.answers = [(503, {"retry-after": "60"})] * 9
    exporter = Exporter(Endpoint(receiver.url, {}, CLOCK), notes.note)
    exporter.submit(make_trace())
    receiver.arrived.get(timeout=10)
    exporter.submit(make_trace())
    exporter.close(timeout=0.1)
    exporter.flush()
    assert sum(notes.values()) == notes.total() == 2
    assert {outcome for _, outcome, _ in notes} == {Outcome.DROPPED}


def test_a_forked_child_exports_its_own(receiver: Receiver, exporter: Exporter, notes: Notes) -> None:
    """A process that forks goes on exporting in both, and the child sends nothing of what waits in the parent."""
    receiver.may_answer.clear()
    exporter.submit(make_trace())
    receiver.arrived.get(timeout=10)
    exporter.submit(make_trace())
    mine = make_trace()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what this is about
        child = os.fork()
    if child == 0:
        notes.clear()
        exporter.submit(mine)
        exporter.close()
        os._exit(0 if notes == {(SOURCE, Outcome.STORED, ""): 1} else 1)
    receiver.may_answer.set()
    assert os.waitpid(child, 0)[1] == 0
    assert exporter.flush()
    assert notes[SOURCE, Outcome.STORED, ""] == 2
    assert mine.trace_id in receiver.traces


def test_large_exports_go_in_several_requests(receiver: Receiver, notes: Notes) -> None:
    """No request has more traces than asked for."""
    exporter = Exporter(Endpoint(receiver.url, {}, CLOCK), notes.note, batch_size=2)
    assert exporter.send([make_trace() for _ in range(5)]) == 5
    assert len(receiver.paths) == 3
    exporter.close()


def ledger_of(database: Database) -> dict[tuple[str, str], int]:
    with database.read() as connection:
        rows = connection.execute(select(ledger_table).where(ledger_table.c.source == SOURCE)).all()
    return {(row.outcome, row.reason): row.count for row in rows}


def test_stored_traces_are_exported_by_query(database: Database, receiver: Receiver) -> None:
    """Those that the filter lets through arrive as they were stored, more than a page of them, and the ledger balances."""
    came = otlp_trace()
    natives = [make_trace(started_at=NOON + timedelta(seconds=n), project="shop") for n in range(150)]
    store(database, came, *natives, make_trace(project="other"))
    done = export_traces(database, TraceFilter(project="shop"), Endpoint(receiver.url, {}, CLOCK), CLOCK)
    assert (done.found, done.sent) == (150, 150)
    assert set(receiver.traces) == {trace.trace_id for trace in natives}
    assert ledger_of(database) == {("received", ""): 150, ("stored", ""): 150}
    back = assemble(natives[0].trace_id, receiver.traces[natives[0].trace_id])
    assert (back.query, back.answer, back.project) == (natives[0].query, natives[0].answer, "shop")


def test_in_stored_out_and_in_again_is_equal(database: Database, receiver: Receiver) -> None:
    """What came by OTLP, was stored and exported has the same spans at the other end."""
    came = otlp_trace(trace_state="a=b", kind=3)
    store(database, came)
    export_traces(database, TraceFilter(), Endpoint(receiver.url, {}, CLOCK), CLOCK)
    assert receiver.traces == {TRACE_ID: came.spans}


def test_what_the_other_end_refuses_is_in_the_ledger(database: Database, receiver: Receiver) -> None:
    """An export that fails balances, too."""
    store(database, make_trace(), make_trace())
    receiver.answers = [(403, {})]
    done = export_traces(database, TraceFilter(), Endpoint(receiver.url, {}, CLOCK), CLOCK)
    assert (done.found, done.sent) == (2, 0)
    assert ledger_of(database) == {("received", ""): 2, ("dropped", "refused with HTTP 403"): 2}


def test_the_command_exports(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m tracing_core export` sends what is asked for, and fails when not all of it was taken."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    database = Database(database_url)
    store(database, make_trace(project="shop"), make_trace(project="other"))
    database.close()
    arguments = ["export", "--endpoint", receiver.url, "--project", "shop", "--headers", "authorization=Basic%20a"]
    assert main([*arguments, "--since", "2026-01-01T00:00:00Z"]) == 0
    assert "1 of 1 traces were taken" in capsys.readouterr().out
    assert receiver.headers[0]["authorization"] == "Basic a"
    receiver.answers = [(200, {}), (403, {})]
    assert main(arguments) == 1
    assert "1 traces were not taken" in capsys.readouterr().err


def test_the_command_asks_first_whether_anything_is_taken(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An endpoint that takes nothing ends it at once, before it goes through all traces; nothing is entered as lost."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    database = Database(database_url)
    store(database, make_trace())
    receiver.answers = [(401, {})]
    assert main(["export", "--endpoint", receiver.url]) == 1
    assert capsys.readouterr().err == (
        f"endpoint: {receiver.url}/v1/traces takes nothing (refused with HTTP 401); nothing was sent\n"
    )
    assert (len(receiver.paths), ledger_of(database)) == (1, {})
    database.close()


def test_settings_make_the_live_exporter(receiver: Receiver, notes: Notes) -> None:
    """With an endpoint set there is an exporter with its headers; without one there is none."""
    named = {"TRACEWHY_EXPORT_ENDPOINT": receiver.url, "TRACEWHY_EXPORT_HEADERS": "x-key=a%2Cb, other=c"}
    exporter = live_exporter(read_settings(**named), notes.note, CLOCK)
    assert exporter is not None
    exporter.send([make_trace()])
    exporter.close()
    assert (receiver.headers[0]["x-key"], receiver.headers[0]["other"]) == ("a,b", "c")
    assert live_exporter(read_settings(), notes.note, CLOCK) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"TRACEWHY_EXPORT_ENDPOINT": "collector:4318"},
        {"TRACEWHY_EXPORT_ENDPOINT": "http://x", "TRACEWHY_EXPORT_HEADERS": "key"},
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, str], notes: Notes) -> None:
    """A bad endpoint or bad headers are said at the start, with their setting."""
    with pytest.raises(SettingsError, match=list(settings)[-1]):
        live_exporter(read_settings(**settings), notes.note, CLOCK)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("https://c/api/public/otel/", "https://c/api/public/otel/v1/traces"),
        ("http://c/v1/traces", "http://c/v1/traces"),
    ],
)
def test_an_endpoint_may_be_given_with_or_without_its_path(given: str, url: str) -> None:
    """As with OpenTelemetry's own variables the base is enough."""
    assert traces_url(given) == url


def test_headers_are_written_as_opentelemetry_writes_them() -> None:
    """Pairs with commas between them, values URL-encoded."""
    assert headers_of("") == {}
    assert headers_of("Authorization=Basic%20YTpi,x = y") == {"authorization": "Basic YTpi", "x": "y"}
    with pytest.raises(InvalidInput, match="headers"):
        headers_of("=x")


def test_since_is_an_age_or_a_time() -> None:
    """People say 7d; programs say when."""
    assert since("7d", CLOCK) == NOON - timedelta(days=7)
    assert since("1.5h", CLOCK) == NOON - timedelta(minutes=90)
    assert since("2026-01-31T12:00:00+01:00", CLOCK) == datetime(2026, 1, 31, 11, tzinfo=UTC)
    for text in ("", "d", "soon", "2026-01-31T12:00:00", "9" * 30 + "d"):
        with pytest.raises(InvalidInput, match="since"):
            since(text, CLOCK)
