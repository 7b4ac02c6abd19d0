"""Children of a trace, what calibration noticed, and what people write about flagged runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from tests.factories import NOON, make_trace
from tests.postgres.runs_written import make_run
from tests.postgres.test_query_plans import Plans
from tests.postgres.writing import store
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.model import TraceData
from tracing_core.query.alerts import alerts, alerts_about
from tracing_core.query.filters import TraceFilter
from tracing_core.query.lineage import children
from tracing_core.query.runs import get_run
from tracing_core.review import LONGEST_NOTES, review
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces


def raise_alert(database: Database, run: TraceData, subject: str, **values: Any) -> None:
    row = {
        "day": NOON.date(), "project": run.project, "kind": "principle", "subject": subject,
        "message": f"{subject} has scored below threshold 3 times", "trace_id": run.trace_id, "created_at": NOON,
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(insert(calibration_alerts).values(row | values))


def flag(database: Database, run: TraceData) -> None:
    with database.write() as connection:
        connection.execute(update(traces).where(traces.c.trace_id == run.trace_id).values(flagged_for_review=True))


def test_children_are_those_that_name_their_parent_and_those_it_names(database: Database) -> None:
    """Each once, in the order in which they began; what is not stored is left out."""
    parent = make_trace()
    by_parent = make_trace(parent_trace_id=parent.trace_id, started_at=NOON + timedelta(minutes=2))
    named = make_trace(started_at=NOON + timedelta(minutes=1))
    store(database, parent, by_parent, named, make_trace())
    found = children(database, parent.trace_id, [named.trace_id, by_parent.trace_id, "gone", "\x00"])
    assert [row.trace_id for row in found] == [named.trace_id, by_parent.trace_id]
    assert children(database, by_parent.trace_id) == ()


def test_children_come_from_an_index(database: Database) -> None:
    """No trace is opened at the price of going through all."""
    store(database, *(make_trace() for _ in range(200)))
    with database.autocommit() as connection:
        connection.execute(text("ANALYZE traces"))
    with Plans(database) as plans:
        children(database, "none")
    assert "ix_traces_parent" in plans.found


def test_alerts_are_those_of_the_time_and_project(database: Database) -> None:
    """The newest first."""
    run = make_run()
    raise_alert(database, run, "META-1")
    raise_alert(database, run, "META-2", created_at=NOON + timedelta(hours=1))
    raise_alert(database, run, "META-3", project="other")
    found = alerts(database, TraceFilter(project=run.project))
    assert [(each.subject, each.trace_id) for each in found] == [("META-2", run.trace_id), ("META-1", run.trace_id)]
    assert alerts(database, TraceFilter(start=NOON + timedelta(days=1))) == ()


def test_a_run_is_told_why_it_is_flagged(database: Database) -> None:
    """By what it raised itself, and by what was raised that day about what it shows as well."""
    first = make_run(scores={"META-12": 1}, score=1.0)
    second = make_run(scores={"META-12": 1}, score=1.0)
    store(database, first, second)
    raise_alert(database, first, "META-12")
    raise_alert(database, first, "edtech")
    raise_alert(database, first, "META-12", day=NOON.date() + timedelta(days=1))
    about = {
        run.trace_id: alerts_about(database, row) for run in (first, second) if (row := get_run(database, run.trace_id))
    }
    assert len(about[first.trace_id]) == 3
    assert [each.subject for each in about[second.trace_id]] == ["META-12"]


def test_a_review_is_written_down_and_settles_the_flag(database: Database) -> None:
    """Notes are kept as they are; resolved, the run is no longer among those to look at."""
    run = make_run()
    store(database, run)
    flag(database, run)
    review(database, trace_id=run.trace_id, notes="  the rubric is too strict  ", flagged=True)
    row = get_run(database, run.trace_id)
    assert row is not None
    assert (row.flagged_for_review, row.review_notes) == (True, "the rubric is too strict")
    review(database, trace_id=run.trace_id, notes="", flagged=False)
    row = get_run(database, run.trace_id)
    assert row is not None
    assert (row.flagged_for_review, row.review_notes) == (False, None)


def test_a_review_survives_a_late_piece(database: Database) -> None:
    """Storing the run again, as when more of it comes, takes nothing away."""
    run = make_run()
    store(database, run)
    review(database, trace_id=run.trace_id, notes="seen", flagged=False)
    store(database, run)
    row = get_run(database, run.trace_id)
    assert row is not None
    assert row.review_notes == "seen"


def test_a_review_that_does_not_fit_says_why(database: Database) -> None:
    """Too long, of nothing, or of no id."""
    with pytest.raises(InvalidInput, match="review_notes"):
        review(database, trace_id=make_run().trace_id, notes="x" * (LONGEST_NOTES + 1), flagged=True)
    with pytest.raises(TraceNotFound):
        review(database, trace_id=make_run().trace_id, notes=None, flagged=True)
    with pytest.raises(InvalidInput):
        review(database, trace_id="../x", notes=None, flagged=True)
