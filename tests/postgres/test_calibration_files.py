"""The files of calibration: made again by a rebuild, removed with their runs, and the same in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.postgres.calibrating import run
from tests.postgres.rebuilding import rebuilt
from tests.postgres.tables import rows
from tests.s3_server import S3Server, s3_server
from tracing_core.__main__ import main
from tracing_core.clock import Clock, ManualClock, SystemClock
from tracing_core.files import files_of
from tracing_core.removal import remove_project
from tracing_core.retention import retain
from tracing_core.run_files import ALERTS
from tracing_core.settings import Settings, read_settings
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def environment(database_url: str, data_dir: Path, **more: Any) -> dict[str, Any]:
    return {"DATABASE_URL": database_url, "TRACEWHY_DATA_DIR": str(data_dir), **more}


def record_a_regression(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run that passes and one that does not, of project cobot: their receipts."""
    opened = tracing.init(**settings)
    try:
        return run(passed=True), run(passed=False)
    finally:
        opened.close()


def alerts(database: Database) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] for name in ("day", "project", "kind", "subject", "message", "trace_id"))
        for row in rows(database, calibration_alerts)
    ]


def flagged(database: Database) -> list[str]:
    return [row["trace_id"] for row in rows(database, traces) if row["flagged_for_review"]]


def test_a_rebuild_restores_alerts_and_flags(database: Database, database_url: str, data_dir: Path) -> None:
    """What `_calibration_alerts.md` says is entered again, once; patterns are not looked for anew."""
    given = environment(database_url, data_dir)
    _, failed = record_a_regression(given)
    before = alerts(database)
    moment = rows(database, calibration_alerts)[0]["created_at"]
    lines = (data_dir / f"projects/cobot/{ALERTS}").read_text()
    migrate.downgrade(database, "base")
    settings = read_settings(**given)
    assert rebuilt(settings, database).alerts == 1
    assert alerts(database) == before
    assert abs(rows(database, calibration_alerts)[0]["created_at"] - moment) < timedelta(minutes=1)
    assert flagged(database) == [failed["trace_id"]]
    assert rebuilt(settings, database).alerts == 0
    assert (data_dir / f"projects/cobot/{ALERTS}").read_text() == lines


def test_a_rebuild_says_how_many_alerts_it_found(
    database: Database,
    database_url: str,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last line of the command counts them beside ratings."""
    given = environment(database_url, data_dir)
    record_a_regression(given)
    migrate.downgrade(database, "base")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["rebuild"]) == 0
    assert "0 unreadable; 0 ratings stored, 1 alerts" in capsys.readouterr().out


def test_removing_a_project_removes_its_alerts(database: Database, database_url: str, data_dir: Path) -> None:
    """Neither rows nor summaries nor the file of alerts stay."""
    given = environment(database_url, data_dir)
    record_a_regression(given)
    opened = tracing.open_store(read_settings(**given))
    assert remove_project(opened, "cobot") == 2
    opened.close()
    assert alerts(database) == []
    assert not (data_dir / "projects/cobot").exists()


def in_the_future(days: int) -> Clock:
    return ManualClock(SystemClock().now() + timedelta(days=days))


def test_retention_removes_summaries(database: Database, database_url: str, data_dir: Path) -> None:
    """A summary goes with the file of its trace; what was noticed stays on record."""
    given = environment(database_url, data_dir, TRACEWHY_RETENTION_DAYS="7")
    record_a_regression(given)
    assert len(list((data_dir / "projects/cobot/_traces").iterdir())) == 4
    opened = tracing.open_store(read_settings(**given))
    assert retain(opened, in_the_future(30)).traces == 2
    opened.close()
    assert list((data_dir / "projects/cobot/_traces").iterdir()) == []
    assert len(alerts(database)) == 1


def test_an_object_store_has_the_same_files(
    server: S3Server, database: Database, database_url: str, data_dir: Path
) -> None:
    """Alerts are appended and summaries written there, and a rebuild reads them."""
    given = environment(database_url, data_dir, **server.settings())
    for subject in ("META-1", "META-2"):
        opened = tracing.init(**given, TRACEWHY_CALIBRATION_FAILURES="1")
        run(gaps=(subject,))
        _, summary = run(), run()["summary_file"]
        opened.close()
    settings: Settings = read_settings(**given)
    place = files_of(settings).place
    text = place.read("cobot", ALERTS).decode()
    assert text.count("\n- ") == 2
    assert "META-1" in text
    assert "META-2" in text
    assert summary.startswith(place.address("cobot/_traces"))
    assert place.read("cobot/_traces", summary.rpartition("/")[2]).startswith(b"# Run ")
    before = alerts(database)
    migrate.downgrade(database, "base")
    assert rebuilt(settings, database).alerts == 2
    assert alerts(database) == before
