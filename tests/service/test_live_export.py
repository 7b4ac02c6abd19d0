"""What is sent on as it is stored is counted, wherever it was stored, and what is stored by hand is sent on as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import NOON, make_trace
from tests.otlp_messages import otlp_request, otlp_span
from tests.service.otlp_receiver import Receiver, receiving
from tracing_core.__main__ import main
from tracing_core.clock import ManualClock
from tracing_core.ids import IdSource
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.export import SOURCE
from tracing_core.otlp.spans import received
from tracing_core.query.ledger import ledger
from tracing_core.settings import read_settings
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.store import open_store

CLOCK = ManualClock(NOON)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def test_what_the_live_exporter_did_is_counted(database_url: str, data_dir: Path, receiver: Receiver) -> None:
    """What was sent, asked again, given up and waits; and the ledger has it at once, also where nothing is recorded."""
    named = {"DATABASE_URL": database_url, "TRACEWHY_DATA_DIR": str(data_dir)}
    live = open_store(read_settings(**named, TRACEWHY_EXPORT_ENDPOINT=receiver.url))
    exporter = live.exporter
    assert exporter is not None
    receiver.answers = [(503, {"retry-after": "0"}), (200, {}), (400, {})]
    receiver.may_answer.clear()
    live.ingest.offer(lambda: received(trace_request(otlp_request(otlp_span({"n": 1})))), 100).result(10)
    receiver.arrived.get(timeout=10)
    assert live.ingest.tally.exports() == {"sent": 0, "failed": 0, "waiting": 1, "retries": 0}
    receiver.may_answer.set()
    assert exporter.flush()
    exporter.submit(make_trace())
    assert exporter.flush()
    assert live.ingest.tally.exports() == {"sent": 1, "failed": 1, "waiting": 0, "retries": 1}
    assert live.writer.flush()
    lines = {(line.source, line.outcome): line.count for line in ledger(live.database, NOON.date().replace(year=1970))}
    assert [lines[SOURCE, outcome] for outcome in ("received", "stored", "dropped")] == [2, 1, 1]
    live.close()


def test_what_is_replayed_by_hand_is_sent_on_as_well(
    database_url: str, data_dir: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch and a dead letter: the other end has what the database has, and the ledger says so."""
    for name, value in {
        "DATABASE_URL": database_url,
        "TRACEWHY_DATA_DIR": str(data_dir),
        "TRACEWHY_EXPORT_ENDPOINT": receiver.url,
    }.items():
        monkeypatch.setenv(name, value)
    spool = Spool(data_dir / "spool", CLOCK, IdSource())
    spool.keep([make_trace(), make_trace()])
    spool.bury(make_trace(), "refused once")
    assert main(["spool", "replay", "--all"]) == 0
    assert len(receiver.traces) == 3
    database = Database(database_url)
    lines = {(line.source, line.outcome): line.count for line in ledger(database, NOON.date().replace(year=1970))}
    assert lines[SOURCE, "stored"] == 3
    database.close()
