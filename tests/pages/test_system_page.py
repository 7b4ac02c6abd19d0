"""The page *System* on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import system_charts, words
from tests.factories import NOON, make_span, make_trace
from tests.pages.conftest import OpenPage, tables, texts
from tests.postgres.writing import store, trace_table
from tracing_core.clock import SystemClock
from tracing_core.files_size import FilesSize, files_size
from tracing_core.given import OTLP
from tracing_core.ids import IdSource
from tracing_core.ledger import Ledger, Outcome
from tracing_core.local_disk import LocalDisk
from tracing_core.model import TraceData
from tracing_core.query.ledger import LedgerLine
from tracing_core.query.system import DayPart
from tracing_core.source_report import FUTURE, Finding, ProcessReport, Refusal, SourceReport
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import PROCESS, REFUSALS, SOURCE, Note, keep_notes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def by_first_column(app: AppTest) -> dict[str, list[dict[str, str]]]:
    """The rows of each table by its first column."""
    return {next(iter(rows[0])): rows for rows in tables(app)}


def line(outcome: Outcome, count: int, reason: str = "", source: str = "native") -> LedgerLine:
    """A line of the ledger; each trace has two spans."""
    return LedgerLine(source=source, outcome=outcome, reason=reason, count=count, spans=2 * count)


@pytest.fixture
def sent(database: Database) -> SourceReport:
    """A sender with a wrong clock and an unknown attribute, a refused request, and the service that says so."""
    now = SystemClock().now()
    finding = Finding(count=3, trace_id=TRACE, span_id="00f067aa0ba902b7", worst_ms=90_000)
    source = SourceReport(
        source="edge", scope="my.tracer 1", sdk="opentelemetry python", first_seen=now, last_seen=now, requests=2, spans=5,
        looked_at=5, conventions={"gen_ai": 5}, unmapped={"acme.run": replace(finding, worst_ms=0)}, problems={FUTURE: finding},
    )  # fmt: skip
    refusal = Refusal(at=now, signal="traces", status=415, reason="send protobuf or JSON", sender="curl/8", size=12)
    process = ProcessReport(
        started_at=now, seen_at=now, queue_bytes=16_000_000, queue_requests=7, queue_limit=64_000_000, writer_queued=1,
        writer_dropped=0, problem="the database is away",
    )  # fmt: skip
    notes = [
        Note(kind=SOURCE, name="edge", seen_at=now, document=source.document()),
        Note(kind=REFUSALS, name="", seen_at=now, document={"refusals": [refusal.document()]}),
        Note(kind=PROCESS, name="", seen_at=now, document=process.document()),
    ]
    keep_notes(database, "one", notes)
    return source


def test_an_empty_store_says_how_to_begin(open_page: OpenPage) -> None:
    """With nothing received the page is whole, balances, and says where to send spans."""
    app = open_page("system")
    assert not app.exception
    said = texts(app)
    assert "No trace was received" in said
    assert "every trace accounted for" in said
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said
    assert {metric.label: metric.value for metric in app.metric}["Traces received"] == "0"


def test_every_loss_is_named(open_page: OpenPage, stored: list[TraceData], database: Database, data_dir: Path) -> None:
    """Received and lost are counted, each loss has its reason, and refused traces their way back."""
    lines, today = Ledger(), SystemClock().now().date()
    lines.note(today, "native", Outcome.DROPPED, "queue full", 1, 4)
    lines.note(today, "native", Outcome.DEAD_LETTERED, "too odd", 1, 3)
    lines.note(today, "otlp", Outcome.DROPPED, "refused: no id", 0, 5)
    trace_table(database).write([], lines)
    Spool(data_dir / "spool", SystemClock(), IdSource()).bury(stored[0], "too odd")
    app = open_page("system")
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Traces received"], numbers["Missing"]) == ("5", "40.0 %")
    lost = {(row["Reason"], row["Traces"], row["Spans"]) for row in by_first_column(app)["Source"]}
    assert lost == {("queue full", "1", "4"), ("too odd", "1", "3"), ("refused: no id", "–", "5")}
    assert "1 × too odd" in texts(app)
    assert [code.value for code in app.code] == [".venv/bin/python -m tracing_core spool replay --all"]


def test_the_period_is_in_the_address(open_page: OpenPage, database: Database) -> None:
    """What was received before the period is not counted; another period is a click."""
    lines = Ledger()
    lines.note((SystemClock().now() - timedelta(days=5)).date(), "native", Outcome.STORED, "", 4)
    trace_table(database).write([], lines)
    app = open_page("system")
    assert app.metric[0].value == "0"
    app.segmented_control(key="system.range").set_value("7d").run()
    assert app.metric[0].value == "4"
    assert app.query_params["range"] == "7d"


def test_senders_are_told_with_what_is_odd(open_page: OpenPage, sent: SourceReport) -> None:
    """The conventions, the wrong clock with its example, the unknown attribute, the refused request, and the queue."""
    app = open_page("system")
    found = by_first_column(app)
    assert found["Service"][0]["Speaks"] == "OpenTelemetry GenAI"
    assert found["What"][0]["At worst"] == "1 min 30 s"
    assert found["What"][0]["Example"] == f"trace?id={TRACE}&span=00f067aa0ba902b7"
    assert found["Attribute"][0]["Attribute"] == "acme.run"
    assert (found["When"][0]["Status"], found["When"][0]["Reason"]) == ("415", "send protobuf or JSON")
    assert {metric.label: metric.value for metric in app.metric}["Waiting"] == "8"
    assert [warning.value for warning in app.warning] == ["the database is away"]


def test_orphans_are_told(open_page: OpenPage, database: Database) -> None:
    """A span whose parent never came is named, once that had the time to come."""
    begun = SystemClock().now() - timedelta(minutes=10)
    lost = make_span(name="tool call", parent_id="00000000000000ff", started_at=begun)
    root = make_span(name="request", started_at=begun)
    store(database, make_trace(trace_id="1" * 32, source=OTLP, started_at=begun, spans=(root, lost)))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE traces SET updated_at = now() - interval '5 minutes'")
    assert by_first_column(open_page("system"))["Span"][0]["Span"] == "tool call"


def test_storage_and_rules_are_told(open_page: OpenPage, stored: list[TraceData], database: Database) -> None:
    """Each table with its size, and the settings in force."""
    with database.autocommit() as connection:
        connection.exec_driver_sql("ANALYZE")
    found = by_first_column(open_page("system"))
    rows = {row["Table"]: row["Rows"] for row in found["Table"]}
    assert rows["Traces, one row each"] == "3"
    assert rows["Files of traces (JSON)"] == "0"
    assert {row["Setting"]: row["Value"] for row in found["Setting"]}["TRACEWHY_SPOOL_BYTES"] == "2.0 GB"


def test_without_database_it_says_so(open_page_without_database: OpenPage) -> None:
    """A sentence, and no traceback."""
    app = open_page_without_database("system")
    assert not app.exception
    assert "The database cannot be reached" in texts(app)


def test_the_flow_has_a_stream_for_each_fate() -> None:
    """Streams say their traces; a narrow one is drawn wide enough; rare reasons share one."""
    lines = [line(Outcome.RECEIVED, 1111), line(Outcome.STORED, 1000), line(Outcome.STORED, 100, "piece")]
    lines += [line(Outcome.DROPPED, 1, f"reason {number}") for number in range(11)]
    (flow,) = system_charts.flow(lines).to_dict()["data"]
    assert flow["node"]["label"][0] == "recorded here  1,111"
    assert {"stored  1,000", "dropped: other reasons  3", "dropped: reason 0  1"} <= set(flow["node"]["label"])
    assert min(flow["link"]["value"]) > 20
    assert "1,000 traces, 2,000 spans" in flow["link"]["customdata"]


def test_growth_has_the_days_in_order() -> None:
    """The oldest at the left; what has no day of its own is left out."""
    days = [DayPart(day=NOON.date(), spans=3, bytes=2_000_000), DayPart(day=None, spans=1, bytes=9)]
    days.insert(1, DayPart(day=(NOON - timedelta(days=1)).date(), spans=1, bytes=1_000_000))
    (bars,) = system_charts.growth(days).to_dict()["data"]
    assert list(bars["y"]) == [1, 2]
    assert bars["customdata"][1][0] == "2.0 MB"


def test_files_are_counted_and_measured(tmp_path: Path) -> None:
    """All files of all projects; a project without any, and no projects at all, are nothing."""
    assert files_size(LocalDisk(tmp_path / "none")) == FilesSize(files=0, bytes=0, exact=True)
    for project in ("a", "b", "c"):
        (tmp_path / project).mkdir()
    for project, size in (("a", 10), ("b", 20)):
        (tmp_path / project / "_traces").mkdir()
        (tmp_path / project / "_traces" / "trc_1.json").write_bytes(b"x" * size)
    (tmp_path / "a" / "_traces" / "half.tmp").write_bytes(b"x")
    assert files_size(LocalDisk(tmp_path)) == FilesSize(files=2, bytes=30, exact=True)


def test_sizes_in_words() -> None:
    """Bytes as people read them."""
    said = {
        None: "–",
        0: "0 B",
        999: "999 B",
        8_200: "8.2 kB",
        999_960: "1.0 MB",
        64_000_000: "64.0 MB",
        10**13: "10.0 TB",
    }
    assert {number: words.size(number) for number in said} == said
