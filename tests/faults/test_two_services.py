"""Two services on one database: pieces of the same traces come to both."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.otlp_load import Load, assert_all_there
from tests.faults.switch import Switch
from tests.postgres.tables import ledger_of
from tests.service.serving import eventually
from tracing_core.storage.database import Database

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("directories", [("shared", "shared"), ("one", "other")], ids=["one directory", "two"])
def test_pieces_of_the_same_traces_meet(
    services: Nursery, database: Database, database_url: str, data_dir: Path, directories: tuple[str, str]
) -> None:
    """Each span counts once, whichever service it came to; neither waits for the other for ever."""
    both = [services.ready(data_dir / name, DATABASE_URL=database_url) for name in directories]
    said_before = services.log.read_text()
    with Load(lambda: [service.url for service in both], senders=8) as load:
        load.wait_for_answers(200, 400, 120)
    for service in both:
        eventually(service.settled, 60)
    assert set(load.seen.statuses) == {200}
    assert_all_there(database, load.seen)
    assert "stored: again" not in ledger_of(database)
    said = services.log.read_text().removeprefix(said_before)
    assert "deadlock" not in said
    assert "Traceback" not in said
    for service in both:
        service.kill()


def test_both_find_the_same_spool_and_store_it_once(
    services: Nursery, switch: Switch, database: Database, database_url: str, data_dir: Path
) -> None:
    """What waited on disk while the database was away is taken up by two services that start at the same moment."""
    switch.off()
    first = services.ready(data_dir, DATABASE_URL=database_url)
    with Load(lambda: [first.url]) as load:
        load.wait_for_answers(200, 100)
    first.kill()
    assert len(list(data_dir.glob("spool/waiting/*.jsonl"))) > 5
    said_before = services.log.read_text()
    switch.on()
    both = [services.start(data_dir, DATABASE_URL=database_url) for _ in range(2)]
    for service in both:
        eventually(service.answers, 60)
        eventually(service.settled, 60)
    assert_all_there(database, load.seen)
    assert "stored: again" not in ledger_of(database)
    said = services.log.read_text().removeprefix(said_before)
    assert "Traceback" not in said
    for service in both:
        service.kill()
