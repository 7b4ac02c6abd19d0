"""Writing batches: rows, rollups and ledger, once, and whatever the traces hold (A4, B5, E15)."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.postgres.writing import prepared, store, trace_table
from tests.surroundings import PATIENCE_SECONDS, make_preparation
from tracing_core.clock import ManualClock
from tracing_core.delivery import Delivery
from tracing_core.document import to_document
from tracing_core.errors import DataRejected
from tracing_core.ids import IdSource
from tracing_core.jsontext import dump
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.sink import Receipt
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger, trace_metrics
from tracing_core.storage.tables import decisions, span_payloads, trace_spans, traces


def write(database: Database, *written: TraceData) -> dict[str, str]:
    """What became of each trace."""
    return {trace_id: fate.outcome for trace_id, fate in store(database, *written).items()}


def everything(database: Database) -> list[list[dict[str, Any]]]:
    return [rows(database, table) for table in (traces, trace_spans, span_payloads, decisions, trace_metrics)]


def rollup(database: Database, granularity: str, dimension: str = "trace", value: str = "") -> dict[str, Any]:
    wanted = {"granularity": granularity, "dimension": dimension, "value": value}
    (row,) = [row for row in rows(database, trace_metrics) if wanted.items() <= row.items()]
    return row


def assert_same(stored: dict[str, Any], given: dict[str, Any]) -> None:
    assert {name: stored[name] for name in given} == orjson_like(given)


def test_a_span_twice_in_a_trace_is_stored_once(database: Database) -> None:
    """The fuller copy counts."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    span = make_span(parent_id=root.span_id)
    write(database, make_trace(spans=(root, replace(span, duration_ns=None), span)))
    assert [row["duration_ms"] for row in rows(database, trace_spans) if row["parent_id"]] == [145.0]


def orjson_like(given: dict[str, Any]) -> dict[str, Any]:
    """What comes back of a row: plain texts for enums, and JSON as JSON has it."""
    plain = {
        name: str(value) if hasattr(value, "value") else list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
    }
    for name in ("payload", "inputs", "alternatives_considered", "what", "stage_ms"):
        if name in plain:
            plain[name] = orjson.loads(dump(plain[name]))
    return plain


def test_rows_are_what_was_projected(database: Database) -> None:
    """Trace, spans and decisions, each column as it was given, odd characters included."""
    odd = "tab\t newline\n return\r backslash\\ \\N \\. quote' \" brace{} \u20ac \U0001f600"
    trace = make_trace(
        query=odd,
        answer=None,
        tags=(odd, "", "NULL", "a,b"),
        error=odd,
        outputs={"report_path": odd, "evidence_paths": [odd, "b"]},
        spans=(
            make_span(name="request", kind=SpanKind.ROOT, duration_ns=milliseconds(10)),
            make_span(
                parent_id="0" * 16,
                attributes={"text": odd, "nested": {"list": [1, 2.5, None, True]}},
                decisions=(make_decision(what=odd, why=odd, inputs={odd: odd}), make_decision(what=None)),
                evidence={"collected_count": 3, "kept": [{"id": odd}], "filtered_out": []},
                prompts={"system_prompt": odd},
                error=odd,
                duration_ns=None,
            ),
        ),
    )
    projection = prepared(trace).projection
    write(database, trace)
    (row,) = rows(database, traces)
    assert_same(row, projection.trace)
    assert row["rating"] is None
    spans = sorted(rows(database, trace_spans), key=lambda row: row["position"])
    for stored, given in zip(spans, projection.spans, strict=True):
        assert_same(stored, dict(given))
    for stored, given in zip(rows(database, decisions), projection.decisions, strict=True):
        assert_same(stored, dict(given))


def test_rollups_and_ledger_count_a_trace_once(database: Database) -> None:
    """In each granularity: one trace, one operation per span below the root, its tokens, cost and flag."""
    write(database, make_trace(), make_trace(status=TraceStatus.FAILED, answer="short"))
    for granularity in ("minute", "hour", "day"):
        whole = rollup(database, granularity)
        assert (whole["count"], whole["errors"], whole["timed_count"]) == (2, 1, 2)
        assert (whole["flag_normal"], whole["flag_empty"]) == (1, 1)
        assert (whole["input_tokens"], whole["output_tokens"]) == (2400, 700)
        assert whole["cost_usd"] > Decimal(0)
        assert sum(whole["bin_counts"]) == 2
        assert rollup(database, granularity, "operation", "retrieval_semantic")["count"] == 2
        assert rollup(database, granularity, "library", "fastapi")["count"] == 2
        assert rollup(database, granularity, "model", "gpt-4o-mini")["count"] == 2
    assert ledger_of(database) == {"received": 2, "stored": 2}


def test_the_same_batch_twice_changes_nothing(database: Database) -> None:
    """Rows and rollups stay; the ledger says that the traces came again."""
    batch = [make_trace(), make_trace()]
    new = write(database, *batch)
    before = everything(database)
    assert new == {trace.trace_id: "new" for trace in batch}
    assert set(write(database, *batch).values()) == {"again"}
    assert everything(database) == before
    assert ledger_of(database) == {"received": 4, "stored": 2, "stored: again": 2}
    assert_balanced(database)


def test_a_trace_twice_in_one_batch_is_stored_once(database: Database) -> None:
    """And its second coming is counted as a piece that had nothing new."""
    trace = make_trace()
    write(database, trace, make_trace(), trace)
    assert len(rows(database, traces)) == 2
    assert rollup(database, "day")["count"] == 2
    assert ledger_of(database) == {"received": 3, "stored": 2, "stored: piece": 1}


def test_an_empty_batch_writes_the_ledger(database: Database) -> None:
    """What was dropped is known even when nothing is stored."""
    lines = Ledger()
    lines.note(NOON.date(), "native", Outcome.DROPPED, "queue full", 3)
    assert trace_table(database).write([], lines) == {}
    assert ledger_of(database) == {"received": 3, "dropped: queue full": 3}


def test_an_empty_database_gets_its_schema(empty_database_url: str) -> None:
    """The first batch brings it."""
    database = Database(empty_database_url)
    write(database, make_trace())
    assert len(rows(database, traces)) == 1
    database.close()


def test_long_names_do_not_cost_the_trace(database: Database) -> None:
    """What is indexed or counted by is cut to a length that an index can hold; the file has the whole."""
    noise = random.Random(1)
    long = "".join(chr(noise.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    root = make_span(name="request", kind=SpanKind.ROOT)
    span = make_span(
        parent_id=root.span_id,
        name=long,
        kind=SpanKind.GENERATION,
        attributes={"model": long, "prompt_tokens": 1},
        decisions=(make_decision(decision=long),),
    )
    trace = make_trace(
        name=long,
        source=long,
        library=long,
        session_id=long,
        user_id=long,
        intent=long,
        domain=long,
        spans=(root, span),
    )
    write(database, trace)
    (row,) = rows(database, traces)
    for name in ("name", "library", "session_id", "user_id", "intent", "model"):
        assert long.startswith(row[name])
        assert len(row[name]) >= 200
    assert rollup(database, "day", "operation", row["model"][:120])["count"] == 1


def test_two_names_that_become_one_are_counted_together(database: Database) -> None:
    """Names that differ only in what PostgreSQL cannot hold are one name."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    spans = [make_span(parent_id=root.span_id, name=name) for name in ("a\x00", "a\ufffd", "a\ud800")]
    write(database, make_trace(library="l\x00", spans=(root, *spans)), make_trace(library="l\ufffd"))
    assert rollup(database, "day", "operation", "a\ufffd")["count"] == 3
    assert rollup(database, "day", "library", "l\ufffd")["count"] == 2


def test_absurd_token_counts_do_not_cost_the_trace(database: Database) -> None:
    """A count that no call can have is as good as none, and a sum that no column can hold is cut."""
    for tokens in (10**12, 2**31 - 1, 2**31):
        root = make_span(name="request", kind=SpanKind.ROOT)
        attributes = {"model": "m", "prompt_tokens": tokens}
        calls = [make_span(parent_id=root.span_id, kind=SpanKind.LLM, attributes=attributes) for _ in range(3)]
        write(database, make_trace(spans=(root, *calls)))
    assert [row["input_tokens"] for row in rows(database, traces)] == [None, 2**31 - 1, None]


def test_many_decisions_and_much_evidence_do_not_cost_the_trace(database: Database) -> None:
    """Counts beyond what a column holds are cut."""
    root = make_span(name="request", kind=SpanKind.ROOT, evidence={"collected_count": 10**12})
    many = make_span(parent_id=root.span_id, decisions=(make_decision(),) * 33_000)
    write(database, make_trace(spans=(root, many)))
    assert len(rows(database, decisions)) == 33_000


def test_a_trace_of_an_absurd_year_is_stored(database: Database) -> None:
    """Its spans go to the default partition; no partition is made for such a day."""
    moments = [datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC) for year in (1, 1899, 1969, 2100, 9998)]
    write(database, *(make_trace(started_at=moment, completed_at=moment) for moment in moments))
    with database.read() as connection:
        homes = set(connection.execute(text("SELECT CAST(tableoid::regclass AS text) FROM trace_spans")).scalars())
    assert homes == {"trace_spans_default"}
    assert [row["started_at"] for row in rows(database, traces)] == moments


def test_a_poisoned_batch_is_refused_whole(database: Database) -> None:
    """With a reason, and nothing of it written."""
    with pytest.raises(DataRejected, match="integer"):
        write(database, make_trace(), make_trace(citations_count="many"))
    assert everything(database) == [[], [], [], [], []]
    assert rows(database, ledger) == []


def delivered(database: Database, data_dir: Path, batch: Sequence[TraceData]) -> tuple[Delivery, list[dict[str, Any]]]:
    clock = ManualClock(NOON)
    spool = Spool(data_dir / "spool", clock, IdSource())
    delivery = Delivery(trace_table(database), spool, clock, make_preparation())
    pairs = [(prepared(trace), Receipt(trace.trace_id)) for trace in batch]
    delivery.deliver(pairs)
    delivery.settle_ledger()
    return delivery, [receipt.result(PATIENCE_SECONDS) for _, receipt in pairs]


def test_a_poisoned_trace_costs_only_itself(database: Database, data_dir: Path) -> None:
    """It is buried whole, with the database's reason; the others of its batch are stored and counted once."""
    poison = [
        make_trace(citations_count="many"),
        make_trace(iteration_count="some"),
        make_trace(schema_version=10**6),
    ]
    good = [make_trace() for _ in range(9)]
    batch = [*good[:4], *poison, *good[4:]]
    delivery, outcomes = delivered(database, data_dir, batch)
    said = {outcome["trace_id"]: outcome["database"] for outcome in outcomes}
    assert {said[trace.trace_id] for trace in good} == {"saved"}
    assert {said[trace.trace_id] for trace in poison} == {"rejected"}
    (file,) = (data_dir / "spool" / "dead").glob(f"{poison[0].trace_id}*.json")
    buried = orjson.loads(file.read_bytes())
    assert buried["trace"] == orjson.loads(dump(to_document(poison[0])))
    assert "integer" in buried["reason"]
    assert delivery.spool.dead_count() == 3
    assert rollup(database, "day")["count"] == len(rows(database, traces)) == 9
    counts = ledger_of(database)
    assert (counts["received"], counts["stored"]) == (12, 9)
    assert sum(number for name, number in counts.items() if name.startswith("dead_lettered")) == 3
    assert_balanced(database)


def in_threads(work: Sequence[Any]) -> list[BaseException]:
    """Run each of `work` in a thread of its own, all starting at once; gives what they raised."""
    together, raised = threading.Barrier(len(work)), list[BaseException]()

    def run(part: Any) -> None:
        together.wait(PATIENCE_SECONDS)
        try:
            part()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=run, args=(part,)) for part in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    return raised


def test_writers_of_overlapping_batches_do_not_wait_for_each_other(database: Database) -> None:
    """Whatever the order of their traces: no deadlock, nothing lost, nothing counted twice."""
    shared = [make_trace(library=f"library-{number % 7}") for number in range(40)]

    def writer(seed: int) -> Any:
        table, order = trace_table(database), random.Random(seed)

        def work() -> None:
            for _ in range(8):
                batch = order.sample(shared, 25)
                table.write([prepared(trace) for trace in batch], Ledger())

        return work

    assert in_threads([writer(seed) for seed in range(4)]) == []
    stored = rows(database, traces)
    assert rollup(database, "day")["count"] == len(stored)
    assert sum(rollup(database, "hour")["bin_counts"]) == len(stored)
    assert len(rows(database, trace_spans)) == 3 * len(stored)
    counts = ledger_of(database)
    assert counts["stored"] == len(stored)
    assert counts["received"] == 4 * 8 * 25 == counts["stored"] + counts["stored: again"]


def test_writers_that_meet_a_new_day_both_go_on(database: Database) -> None:
    """Partitions are made once, while others write."""
    days = [NOON + timedelta(days=number) for number in range(6)]

    def writer() -> Any:
        table = trace_table(database)
        batches = [[prepared(make_trace(started_at=day))] for day in days]
        return lambda: [table.write(batch, Ledger()) for batch in batches]

    assert in_threads([writer() for _ in range(3)]) == []
    assert len(rows(database, traces)) == 18
