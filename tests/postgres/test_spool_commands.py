"""What waits and what is dead: listed, shown, tried again and given up, with a ledger that balances (A10, E15)."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.factories import NOON, make_trace
from tests.postgres.commands import Run
from tests.postgres.runs_written import choice, make_run
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.postgres.writing import prepared, trace_table
from tests.surroundings import PATIENCE_SECONDS, make_preparation
from tracing_core.clock import ManualClock
from tracing_core.delivery import Delivery
from tracing_core.ids import IdSource
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.replaying import Letters
from tracing_core.sink import Receipt
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces


@pytest.fixture
def spool(data_dir: Path) -> Spool:
    return Spool(data_dir / "spool", ManualClock(NOON), IdSource())


@pytest.fixture
def run(run_command: Run) -> Run:
    """Runs `spool` with some arguments."""
    return partial(run_command, "spool")


def bury(database: Database, spool: Spool, *refused: TraceData) -> None:
    """Deliver traces that the database refuses."""
    delivery = Delivery(trace_table(database), spool, ManualClock(NOON), make_preparation())
    delivery.deliver([(prepared(trace), Receipt(trace.trace_id)) for trace in refused])
    delivery.settle_ledger()


def mend(spool: Spool, **facts: Any) -> None:
    """Change what made the database refuse the letters, as a newer version of us would by reading them otherwise."""
    for path in spool.dead():
        letter = orjson.loads(path.read_bytes())
        letter["trace"]["run"] |= facts
        path.write_bytes(orjson.dumps(letter))


def test_what_is_there_is_listed_and_shown(run: Run, database: Database, spool: Spool) -> None:
    """Batches with their size, dead letters with their reason; a letter with all that it holds."""
    assert run() == (0, "0 traces wait in 0 batches, 0 are dead; 0 of 2,000,000,000 bytes\n")
    poison, waiting = make_trace(citations_count="many"), [make_trace(), make_trace()]
    bury(database, spool, poison)
    spool.keep(waiting)
    (batch,), (letter,) = spool.waiting(), spool.dead()
    code, said = run()
    assert code == 0
    assert "2 traces wait in 1 batches, 1 are dead" in said
    assert batch.stem in said
    assert all(word in said for word in (letter.stem, poison.trace_id, "refused the data"))
    assert poison.trace_id in run("show", letter.stem)[1]
    assert '"citations_count": "many"' in run("show", poison.trace_id)[1]
    assert all(trace.trace_id in run("show", batch.stem)[1] for trace in waiting)
    code, said = run("show", "nothing")
    assert (code, "no batch or dead letter nothing" in said) == (1, True)


def test_a_letter_is_stored_when_it_can_be(run: Run, database: Database, spool: Spool) -> None:
    """Its file goes, and its line in the ledger moves from dead-lettered to stored; before, it is kept."""
    poison = make_trace(citations_count="many")
    bury(database, spool, poison, make_trace())
    before = ledger_of(database)
    assert (before["received"], before["stored"], len(before)) == (2, 1, 3)
    code, said = run("replay", poison.trace_id)
    assert (code, "0 of 1 stored" in said, spool.dead_count()) == (1, True, 1)
    assert_balanced(database)
    mend(spool, citations_count=3)
    code, said = run("replay", poison.trace_id)
    assert (code, "1 of 1 stored" in said, spool.dead_count()) == (0, True, 0)
    assert ledger_of(database) == {"received": 2, "stored": 2}
    assert_balanced(database)
    assert {row["citations_count"] for row in rows(database, traces)} == {3, 1}


def test_all_of_it_at_once(run: Run, database: Database, spool: Spool) -> None:
    """Batches and letters; what is refused still is kept and named, and does not stop the others."""
    hopeless = make_trace(citations_count=10**12)
    bury(database, spool, make_trace(citations_count="many"), make_trace(citations_count="few"))
    mend(spool, citations_count=3)
    bury(database, spool, hopeless)
    spool.keep([make_trace(), make_trace()])
    code, said = run("replay", "--all")
    assert code == 1
    assert "1 of 1 batches are dealt with" in said
    assert "2 of 3 stored" in said
    assert "out of range" in said
    assert (len(rows(database, traces)), spool.waiting_count(), spool.dead_count()) == (4, 0, 1)
    counts = ledger_of(database)
    assert (counts["received"], counts["stored"]) == (5, 4)
    assert_balanced(database)
    assert run("replay")[0] == 1
    assert run("replay", "x", "--all")[0] == 1


def test_what_is_replayed_is_looked_through(run: Run, database: Database, spool: Spool, data_dir: Path) -> None:
    """As after each trace that is stored at once: patterns are seen, told, kept, and their runs flagged; summaries are written."""
    failing = [
        make_run(scores={"META-12": 1}, passed=True, project="cobot", decisions=(choice("exa"),)) for _ in range(4)
    ]
    spool.keep(failing[:2])
    buried = [replace(trace, citations_count="many") for trace in failing[2:]]
    bury(database, spool, *buried)
    mend(spool, citations_count=3)
    code, _ = run("replay", "--all")
    assert code == 0
    (alert,) = rows(database, calibration_alerts)
    assert (alert["kind"], alert["subject"], alert["project"]) == ("repeated_principle_failure", "META-12", "cobot")
    flagged = {row["trace_id"] for row in rows(database, traces) if row["flagged_for_review"]}
    assert flagged == {alert["trace_id"]}
    (alerts,) = data_dir.rglob("_calibration_alerts.md")
    assert "Principle META-12 has scored below threshold" in alerts.read_text()
    assert len([*data_dir.rglob("*_summary.md")]) == len(failing)


def test_ids_are_whole_on_a_narrow_terminal(
    run: Run, database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what the other commands ask for."""
    bury(database, spool, make_trace(citations_count="many"))
    (letter,) = spool.dead()
    monkeypatch.setenv("COLUMNS", "80")
    assert letter.stem in run()[1]


def test_an_unreadable_line_is_a_letter_too(run: Run, database: Database, spool: Spool) -> None:
    """Shown as it is; stored when it can be read."""
    spool.keep([make_trace()])
    (batch,) = spool.waiting()
    whole = batch.read_bytes()
    batch.write_bytes(whole[:100])
    assert run("replay", batch.stem)[0] == 0
    (letter,) = spool.dead()
    assert whole[:50].decode() in run("show", letter.stem)[1]
    assert ledger_of(database) == {"received": 1, "dead_lettered: unreadable in the spool": 1}
    given = orjson.loads(letter.read_bytes())
    letter.write_bytes(orjson.dumps(given | {"line": whole.decode()}))
    assert run("replay", "--all")[0] == 0
    assert ledger_of(database) == {"received": 1, "stored": 1}
    assert_balanced(database)


def test_what_is_given_up_is_in_the_ledger(run: Run, database: Database, spool: Spool) -> None:
    """Only with a yes: dropped by hand, instead of dead-lettered or of waiting."""
    poison = make_trace(citations_count="many")
    bury(database, spool, poison)
    spool.keep([make_trace(), make_trace()])
    (batch,) = spool.waiting()
    code, said = run("drop", poison.trace_id)
    assert (code, "add --yes" in said, spool.dead_count()) == (1, True, 1)
    assert run("drop", poison.trace_id, "--yes")[0] == 0
    assert run("drop", batch.stem, "--yes")[0] == 0
    assert (spool.dead_count(), spool.waiting_count()) == (0, 0)
    assert ledger_of(database) == {"received": 3, "dropped: by hand": 3}
    assert_balanced(database)


def test_without_a_database_all_is_kept(
    run: Run, database: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says why, and nothing is gone."""
    bury(database, spool, make_trace(citations_count="many"))
    spool.keep([make_trace()])
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    for arguments in (("replay", "--all"), ("drop", spool.dead()[0].stem, "--yes")):
        code, said = run(*arguments)
        assert (code, "check that PostgreSQL runs" in said) == (1, True)
    assert (spool.waiting_count(), spool.dead_count()) == (1, 1)
    assert run()[0] == 0


def test_two_that_replay_at_once_count_a_letter_once(database: Database, spool: Spool) -> None:
    """One of them gets it; the other is told so or finds it gone."""
    bury(database, spool, *(make_trace(citations_count="many") for _ in range(6)))
    mend(spool, citations_count=3)
    paths, start, said = spool.dead(), threading.Barrier(2), list[str | None]()

    def replay() -> None:
        letters = Letters(spool, trace_table(database), make_preparation())
        start.wait(PATIENCE_SECONDS)
        said.extend([letters.replay(path) for path in paths])

    threads = [threading.Thread(target=replay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert said.count(None) == 6
    assert set(said) == {None, "another process has just taken it"}
    assert ledger_of(database) == {"received": 6, "stored": 6}
    assert_balanced(database)


def test_a_letter_whose_trace_came_otherwise_is_stored_again(run: Run, database: Database, spool: Spool) -> None:
    """As when its sender tried again, or a replay was killed at its end: nothing is there twice."""
    poison = make_trace(citations_count="many")
    bury(database, spool, poison)
    mend(spool, citations_count=3)
    (letter,) = spool.dead()
    content = letter.read_bytes()
    run("replay", "--all")
    letter.write_bytes(content)
    spool_line = Ledger()
    spool_line.note(NOON.date(), poison.source, Outcome.DEAD_LETTERED, orjson.loads(content)["reason"], 1, 3)
    trace_table(database).write([], spool_line)
    assert run("replay", "--all")[0] == 0
    assert ledger_of(database) == {"received": 2, "stored": 1, "stored: again": 1}
    assert_balanced(database)
