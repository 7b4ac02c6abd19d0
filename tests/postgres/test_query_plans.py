"""Lists and numbers take the indexes that they were given, with enough rows for PostgreSQL to have a choice."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from tracing_core.query import overview, trace, traces
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

ROWS = 20_000
FILL = text("""
INSERT INTO traces (trace_id, project, name, source, status, query, answer, library, model, user_id, started_at,
                    duration_ms, quality_flag, span_count, decision_count, schema_version)
SELECT 'trc_20260101_000000_' || lpad(to_hex(i), 16, '0'), 'p' || i % 3, 'request', 'native',
       CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'complete' END, 'question ' || i, repeat('some words of an answer ', 5),
       'library' || i % 5, 'model' || i % 3, 'user' || i % 500, timestamptz '2026-01-01Z' + i * interval '1 minute',
       (i * 7919) % 10007, CASE WHEN i % 40 = 0 THEN 'EMPTY' ELSE 'NORMAL' END, 1, 0, 1
FROM generate_series(1, :rows) i
""")
METRICS = text("""
INSERT INTO trace_metrics
SELECT project, 'minute', started_at, 'trace', '', 1, 0, duration_ms, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, '{1}', '{1}', 1
FROM traces
""")


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """A database with 20,000 traces and their minutes."""
    with shared_database.write() as connection:
        connection.execute(FILL, {"rows": ROWS})
        connection.execute(METRICS)
    with shared_database.autocommit() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return shared_database


class Plans:
    """The plans of the statements that are run inside the block; with a way of going about it that is avoided."""

    def __init__(self, database: Database, avoided: str | None = None) -> None:
        self._engine = database._engine
        self._avoided = avoided
        self.found = ""

    def __enter__(self) -> Plans:
        event.listen(self._engine, "before_cursor_execute", self._explain)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._explain)

    def _explain(self, connection, cursor, statement, parameters, *_) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith(("SELECT", "WITH")) and "set_config" not in statement:
            if self._avoided is not None:
                cursor.execute("SELECT set_config(%s, 'off', true)", (self._avoided,))
            cursor.execute("EXPLAIN " + statement, parameters)
            self.found += "\n".join(row[0] for row in cursor.fetchall()) + "\n"


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (TraceFilter(), "ix_traces_all_newest"),
        (TraceFilter(project="p1"), "ix_traces_newest"),
        (TraceFilter(library="library2"), "ix_traces_library"),
        (TraceFilter(model="model2"), "ix_traces_model"),
        (TraceFilter(user_id="user7"), "ix_traces_user"),
        (TraceFilter(quality_flag="EMPTY"), "ix_traces_flag"),
        (TraceFilter(status="failed"), "ix_traces_not_complete"),
        (TraceFilter(max_rating=2), "ix_traces_rated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_newest_come_from_an_index(filled: Database, chosen: TraceFilter, index: str) -> None:
    """No list reads the table from end to end, on the first page or on the second."""
    after = traces.list_traces(filled, chosen).next_cursor
    for cursor in (None, after):
        with Plans(filled) as plans:
            traces.list_traces(filled, chosen, after=cursor)
        assert index in plans.found
        assert "Seq Scan on traces" not in plans.found


def test_the_slowest_come_from_an_index(filled: Database) -> None:
    """Sorting by duration sorts those of one duration alone."""
    after = traces.list_traces(filled, TraceFilter(), sort="slowest").next_cursor
    with Plans(filled) as plans:
        traces.list_traces(filled, TraceFilter(), sort="slowest", after=after)
    assert "ix_traces_duration" in plans.found
    assert "Presorted Key: duration_ms" in plans.found
    assert "Seq Scan on traces" not in plans.found


@pytest.mark.parametrize("words", ["12345", "question", "words -question", "zebra", '"question 777"'])
def test_words_are_looked_up(filled: Database, words: str) -> None:
    """Rare, common or absent: no list, count or total makes the search document of every trace."""
    with Plans(filled) as plans:
        traces.list_traces(filled, TraceFilter(text=words))
        traces.count_traces(filled, TraceFilter(text=words))
        overview.totals(filled, TraceFilter(text=words))
    assert "Seq Scan on traces" not in plans.found
    assert "ix_traces_search" in plans.found


@pytest.mark.parametrize("project", [None, "p1"])
def test_numbers_come_from_an_index(filled: Database, project: str | None) -> None:
    """A short range of the rollups is found without reading the others, in one project or in all."""
    page = traces.list_traces(filled, TraceFilter(), limit=30)
    with Plans(filled) as plans:
        overview.totals(filled, TraceFilter(start=page.rows[-1].started_at, project=project))
    assert "pk_trace_metrics" in plans.found
    assert "Seq Scan on trace_metrics" not in plans.found


@pytest.mark.parametrize("library", [None, "library2"])
def test_numbers_read_their_stretches_of_the_rollups_alone(filled: Database, library: str | None) -> None:
    """Charts and totals go through no other buckets, even where PostgreSQL takes looking up stretch by stretch for dear."""
    newest = traces.list_traces(filled, TraceFilter(), limit=1).rows[0].started_at
    week = TraceFilter(start=newest - timedelta(days=7), end=newest, library=library)
    with Plans(filled, avoided="enable_nestloop") as plans:
        overview.totals(filled, week)
        overview.latency_over_time(filled, week)
        overview.flags_over_time(filled, week)
    looked_up = re.findall(r"Index Cond: .*dimension = .*", plans.found)
    assert looked_up
    assert all("granularity = " in each and "bucket" in each for each in looked_up), plans.found


def test_a_trace_is_opened_by_its_key(filled: Database) -> None:
    """Row and spans come from their primary keys."""
    trace_id = traces.list_traces(filled, TraceFilter(), limit=1).rows[0].trace_id
    with Plans(filled) as plans:
        trace.get_trace(filled, trace_id)
    assert "pk_traces" in plans.found
