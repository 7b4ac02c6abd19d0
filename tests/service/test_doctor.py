"""`python -m tracing_core doctor` and `dead-letters`, beside a service that runs and one that does not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.factories import make_trace
from tests.postgres.writing import trace_table
from tests.service.process import free_port, service_process
from tests.service.receiving import JSON, request, span
from tracing_core.__main__ import main
from tracing_core.clock import SystemClock
from tracing_core.doctor_checks import of_journal, of_ledger, of_settings
from tracing_core.doctor_receivers import of_receivers
from tracing_core.grpc_probe import problem_of_receiver
from tracing_core.ids import IdSource
from tracing_core.ledger import Ledger, Outcome
from tracing_core.settings import read_settings
from tracing_core.spool import Spool
from tracing_core.storage.database import Database


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, data_dir: Path) -> dict[str, str]:
    """Settings of a service and of the command alike, all ports of their own."""
    values = {
        "DATABASE_URL": database_url,
        "TRACEWHY_DATA_DIR": str(data_dir),
        **{f"TRACEWHY_{name}_PORT": str(free_port()) for name in ("SERVICE", "OTLP", "GRPC")},
        "TRACEWHY_EMBEDDED_MODEL": "false",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and the findings by what they are about."""
    try:
        code = main(["doctor", "--json", *options])
    except SystemExit as end:
        code = int(end.code or 0)
    found: dict[str, list[dict[str, str]]] = {}
    for check in json.loads(capsys.readouterr().out)["checks"]:
        found.setdefault(check["about"], []).append(check)
    return code, found


def test_a_service_that_is_well(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All receivers take spans, a trace that is sent is read back, and the findings about senders are told."""
    with service_process(environment, tmp_path / "log") as process:
        process.client.post("/v1/traces", json=request(span(1, 2, parentSpanId="00000000000000ff")))
        process.client.post("/v1/traces", content=b"{", headers={**JSON, "user-agent": "curl/8"})
        code, found = doctor(capsys, "--send")
        assert [check["state"] for check in found["receiver"]] == ["ok"] * 3
        assert [check["state"] for check in found["test trace"]] == ["ok"], found["test trace"]
        assert code == 0
        process.popen.terminate()
        process.popen.wait(30)
    code, found = doctor(capsys)
    assert code == 1
    assert [check["state"] for check in found["receiver"]] == ["fail"] * 3
    assert all("start the service" in check["fix"] for check in found["receiver"])
    assert any("tracewhy-doctor (tracing_core.doctor)" in check["said"] for check in found["sender"])
    assert "curl/8" in found["refused"][0]["said"]


def test_a_database_that_is_away(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It fails with the fix, and what can be said without it is said."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    code, found = doctor(capsys)
    assert code == 1
    assert found["database"][0]["state"] == "fail"
    assert "DATABASE_URL" in found["database"][0]["fix"]
    assert found["spool"][0]["state"] == "ok"


def test_for_people_it_says_what_to_do(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A line a finding with its fix beneath, and a sum at the end."""
    with pytest.raises(SystemExit):
        main(["doctor"])
    said = capsys.readouterr().out
    assert "nothing listens there" in said
    assert "→ start the service" in said
    assert "3 failing" in said


def test_settings_that_nobody_wants_are_told() -> None:
    """Values that are allowed one by one and make no sense together."""
    odd = read_settings(
        TRACEWHY_TRACING=False, TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0, TRACEWHY_HEAD_SHARE=0,
        TRACEWHY_INGEST_BYTES=1, TRACEWHY_KEEP_FLAGGED_DAYS=3, TRACEWHY_OTLP_PORT=8000, TRACEWHY_SERVICE_PORT=8000,
    )  # fmt: skip
    assert [check.state for check in of_settings(odd)] == ["warn"] * 6
    assert all(check.fix for check in of_settings(odd))


def test_a_ledger_that_does_not_balance_fails(database: Database) -> None:
    """Traces that met no fate are a fault; traces that were lost are named with the reason."""
    now = SystemClock().now()
    lines = Ledger()
    lines.note(now.date(), "native", Outcome.DROPPED, "queue full", 3)
    lines.note(now.date(), "otlp", Outcome.DROPPED, "refused: it has no start time", 0, 1)
    trace_table(database).write([], lines)
    checks = list(of_ledger(database, now))
    assert [check.state for check in checks] == ["ok", "ok", "warn", "warn"]
    fixes = {check.said.partition(":")[0]: check.fix for check in checks if check.fix}
    assert fixes == {"native": "the reason says what was short", "otlp": "its sender must mend what the reason names"}
    unbalanced = Ledger()
    unbalanced.note(now.date(), "native", Outcome.STORED)
    unbalanced = Ledger(unbalanced)
    for key in list(unbalanced):
        if key.outcome is Outcome.STORED:
            del unbalanced[key]
    trace_table(database).write([], unbalanced)
    first, _, lost, _ = of_ledger(database, now)
    assert (first.state, lost.said) == ("fail", "native: 3 traces lost in 30 days: queue full")


def test_a_journal_that_was_left_behind_is_told(data_dir: Path) -> None:
    """A killed program's folder has a lock that nobody holds."""
    folder = data_dir / "journal" / "20261121_120000_0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    (check,) = of_journal(read_settings(TRACEWHY_DATA_DIR=data_dir))
    assert (check.state, check.said) == ("warn", "1 killed program left runs in the journal")
    (off,) = of_journal(read_settings(TRACEWHY_DATA_DIR=data_dir, TRACEWHY_JOURNAL=False))
    assert off.state == "warn"


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """Another program's port, that answers everybody with `reply`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join(5)


def test_another_program_on_the_port_is_told() -> None:
    """It is no receiver of ours, by HTTP nor by gRPC."""
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
    with answering(reply) as port:
        settings = read_settings(TRACEWHY_SERVICE_PORT=port, TRACEWHY_OTLP_PORT=0, TRACEWHY_GRPC_PORT=0)
        (check,) = of_receivers(settings)
        assert (check.state, "another program" in check.said) == ("fail", True)
    with answering(reply) as port:
        assert problem_of_receiver("127.0.0.1", port, 5) == "another program answers there, and not by gRPC"
    with answering(b"") as port:
        assert "broke off" in str(problem_of_receiver("127.0.0.1", port, 5))
    assert problem_of_receiver("127.0.0.1", free_port(), 5) == "nothing listens there"


def test_dead_letters_are_told_by_their_reason(
    environment: dict[str, str], data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each reason is a finding with its number and the way to try again; what cannot be read is one, too."""
    spool = Spool(data_dir / "spool", SystemClock(), IdSource())
    for _ in range(2):
        spool.bury(make_trace(started_at=SystemClock().now()), "too odd")
    (data_dir / "spool" / "dead" / "trc_1.json").write_bytes(b'{"reason": "x"')
    _, found = doctor(capsys)
    said = [check["said"] for check in found["dead letters"]]
    assert said == [
        "2 traces refused by the database: too odd",
        "1 trace refused by the database: the file cannot be read",
    ]
    assert all("spool replay" in check["fix"] for check in found["dead letters"])
