"""Plants what `bench explain` looks for into a database that `bench load` filled: by SQL, a day at a time.

Each trace gets a value for 20 of 200 attributes that mean nothing, a prompt version, a segment of users and sources of
evidence, all independent of each other. Then three causes: evidence from reddit is slow to come in one library; one
prompt version is rated badly by one segment; one choice of a decision is sure of itself and does not pass the gate.
A day that is done is known by its attributes, so that what was cut short can be taken up again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, func, select, text

from tracing_core.storage.backfill import hours, refill
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

SLOW_SOURCE, SLOW_LIBRARY = "reddit", "plotly"
BAD_PROMPT, UNHAPPY_SEGMENT = "v7", "enterprise"
WRONG_CHOICE, OVERCONFIDENT = "troubleshoot", 0.95
NAMES = 200

_DRAW = text("""
CREATE OR REPLACE FUNCTION pg_temp.draw(of text, below integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS 'SELECT mod(abs(hashtextextended($1, 0)), $2)::integer'
""")
_FACTS = text("""
UPDATE traces AS t SET
    attributes = t.attributes || f.facts || jsonb_build_object(
        'prompt.version', (ARRAY['v6', 'v7', 'v8'])[1 + pg_temp.draw(t.trace_id || 'prompt', 3)],
        'user.segment', (ARRAY['free', 'free', 'team', 'team', 'enterprise'])[1 + pg_temp.draw(t.trace_id || 'segment', 5)]),
    evidence_sources = s.sources,
    quality_gate_passed = CASE WHEN d.trace_id IS NULL THEN pg_temp.draw(t.trace_id || 'gate', 100) >= 5
        ELSE pg_temp.draw(t.trace_id || 'gate', 100) >= 80 END,
    duration_ms = t.duration_ms + CASE WHEN slow THEN s.late ELSE 0 END,
    completed_at = t.completed_at + CASE WHEN slow THEN s.late ELSE 0 END * interval '1 millisecond',
    retrieval_ms = t.retrieval_ms + CASE WHEN slow THEN s.late ELSE 0 END,
    stage_ms = CASE WHEN slow THEN jsonb_set(t.stage_ms, '{retrieval}',
        to_jsonb(round(((t.stage_ms->>'retrieval')::numeric + s.late), 3))) ELSE t.stage_ms END,
    rating = CASE WHEN s.unhappy THEN 1 + pg_temp.draw(t.trace_id || 'stars', 2) ELSE t.rating END,
    quality_flag = CASE WHEN s.unhappy THEN 'USER_NEGATIVE' ELSE t.quality_flag END
FROM traces AS own
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(
        'candidate.' || lpad((n * 10 + pg_temp.draw(own.trace_id || n, 10))::text, 3, '0'),
        CASE WHEN mod(n, 2) = 0 THEN to_jsonb(pg_temp.draw(own.trace_id || 'value' || n, 1000) / 10.0)
            ELSE to_jsonb('value ' || pg_temp.draw(own.trace_id || 'value' || n, 6)) END) AS facts
    FROM generate_series(0, 19) AS n) AS f
CROSS JOIN LATERAL (
    SELECT array_remove(ARRAY['documentation',
        CASE WHEN pg_temp.draw(own.trace_id || 'reddit', 10) < 2 THEN 'reddit' END,
        CASE WHEN pg_temp.draw(own.trace_id || 'forum', 10) < 4 THEN 'forum' END,
        CASE WHEN pg_temp.draw(own.trace_id || 'tickets', 10) < 1 THEN 'tickets' END], NULL) AS sources,
        3000.0 + pg_temp.draw(own.trace_id || 'late', 3000) AS late,
        pg_temp.draw(own.trace_id || 'reddit', 10) < 2 AND own.library = 'plotly' AS slow,
        own.rating IS NOT NULL AND pg_temp.draw(own.trace_id || 'prompt', 3) = 1
            AND pg_temp.draw(own.trace_id || 'segment', 5) = 4
            AND pg_temp.draw(own.trace_id || 'unhappy', 100) < 80 AS unhappy) AS s
LEFT JOIN decisions AS d ON d.trace_id = own.trace_id AND d.decision = 'classified_intent'
    AND d.what = '"troubleshoot"' AND d.confidence >= 0.95
WHERE own.trace_id = t.trace_id AND own.started_at >= :start AND own.started_at < :end
    AND t.started_at >= :start AND t.started_at < :end AND NOT own.attributes ? 'prompt.version'
""")
_SURE = text("""
UPDATE decisions SET confidence = 0.95 + pg_temp.draw(trace_id || 'sure', 50) / 1000.0
WHERE decision = 'classified_intent' AND decided_at >= :start AND decided_at < :end
    AND what = '"troubleshoot"' AND confidence < 0.95 AND pg_temp.draw(trace_id || 'wrong', 100) < 16
""")
_LATE = text("""
UPDATE trace_spans AS s SET
    duration_ms = s.duration_ms + CASE WHEN s.name IN ('retrieval', 'request') THEN w.late ELSE 0 END,
    started_at = s.started_at + CASE WHEN s.name IN ('rerank', 'llm_generation') THEN w.late ELSE 0 END * interval '1 millisecond'
FROM (
    SELECT trace_id, 3000.0 + pg_temp.draw(trace_id || 'late', 3000) AS late FROM traces
    WHERE started_at >= :start AND started_at < :end AND library = 'plotly' AND NOT attributes ? 'prompt.version'
        AND pg_temp.draw(trace_id || 'reddit', 10) < 2) AS w
WHERE s.trace_id = w.trace_id AND s.started_at >= :start AND s.started_at < :end
    AND s.name IN ('retrieval', 'request', 'rerank', 'llm_generation')
""")
_LEFT = text("SELECT EXISTS (SELECT FROM traces WHERE NOT attributes ? 'prompt.version')")
_RATED = text("""
UPDATE feedback AS f SET rating = t.rating FROM traces AS t
WHERE f.trace_id = t.trace_id AND f.rating <> t.rating AND t.started_at >= :start AND t.started_at < :end
""")


def plant(database: Database) -> Iterator[tuple[int, int]]:
    """Plant all of it, and make the rollups anew.

    Yields:
        How many days are done, and how many there are.

    Raises:
        StorageError: the database refused; the days before stay.
    """
    with database.read() as connection:
        if not connection.scalar(_LEFT):
            yield 1, 1
            return
        first, last = connection.execute(select(func.min(traces.c.started_at), func.max(traces.c.started_at))).one()
    days = [datetime.combine(first.date(), time(), UTC) + timedelta(days=n) for n in range((last - first).days + 1)]
    with _few_indexes(database):
        for number, start in enumerate(days):
            with database.write() as connection:
                _plant_day(connection, {"start": start, "end": start + timedelta(days=1)})
            yield number + 1, 2 * len(days)
    with database.autocommit() as connection:
        connection.execute(text("VACUUM (ANALYZE) traces"))
    for number, start in enumerate(days):
        for hour in hours(database, start, start + timedelta(days=1), None):
            refill(database, hour, minutes_since=last)
        yield len(days) + number + 1, 2 * len(days)


@contextmanager
def _few_indexes(database: Database) -> Iterator[None]:
    """Without those that would be written for each row; made anew afterwards, that is quicker by far."""
    others = [index for index in traces.indexes if index.name != "ix_traces_all_newest"]
    with database.write() as connection:
        for index in others:
            index.drop(connection, checkfirst=True)
    try:
        yield
    finally:
        with database.write() as connection:
            connection.execute(text("SELECT set_config('maintenance_work_mem', '512MB', true)"))
            for index in others:
                index.create(connection, checkfirst=True)


def _plant_day(connection: Connection, day: dict[str, datetime]) -> None:
    connection.execute(_DRAW)
    for statement in (_SURE, _LATE, _FACTS, _RATED):
        connection.execute(statement, day)
