"""What degrades quality is found among many other traces without going through all of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.postgres.test_query_plans import Plans
from tests.postgres.test_run_plans import FILL, ROWS, RUNS
from tracing_core.query.filters import TraceFilter
from tracing_core.query.quality import gate_over_time, quality_report
from tracing_core.query.runs import list_runs
from tracing_core.storage.database import Database


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """20,000 traces, one in ten a research run."""
    with shared_database.write() as connection:
        connection.execute(FILL, {"rows": ROWS})
        connection.execute(RUNS)
    with shared_database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shared_database


@pytest.mark.parametrize("days", [1, None])
def test_judged_runs_come_from_an_index(filled: Database, days: int | None) -> None:
    """Of a day, and of all time."""
    (newest,) = list_runs(filled, TraceFilter(), 1)
    chosen = TraceFilter(
        start=None if days is None else newest.started_at - timedelta(days=days), end=newest.started_at
    )
    with Plans(filled) as plans:
        quality_report(filled, chosen)
        gate_over_time(filled, chosen)
    assert "Seq Scan on traces" not in plans.found, plans.found
