"""Seed D on a real database: each method of its MetricsCollector, and each of its SQL questions beside its own SQL."""

from __future__ import annotations

import ast
import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from sqlalchemy import text

import tracing_core as tracing
from tests.factories import NOON, make_span, make_spans, make_trace, milliseconds
from tests.postgres.writing import rate, store
from tracing_core.archive import Archive, use
from tracing_core.clock import ManualClock
from tracing_core.histogram import RELATIVE_ERROR
from tracing_core.model import TraceData, TraceStatus
from tracing_core.monitoring import InteractionMetrics, MetricsCollector
from tracing_core.query.monitoring import daily_cost_by_user, feedback_summary, low_confidence_alerts
from tracing_core.storage.database import Database

NOW = NOON + timedelta(minutes=30)
CONFIDENCES = (0.05, 0.55, 0.59, 0.6, 0.95, 1.0, None)
USERS = ("user_123", "user_123", "user_456", None)


@pytest.fixture
def collector() -> MetricsCollector:
    """Counts back from half past twelve."""
    return MetricsCollector(ManualClock(NOW))


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """Forty interactions of the last day, some of before: of two users and nobody, unsure, failed, unpriced and rated ones."""
    made = [_trace(number) for number in range(40)]
    made.append(replace(make_trace(user_id="user_123", confidence=0.1), started_at=NOW - timedelta(hours=30)))
    store(shared_database, *made)
    for number, trace in enumerate(made[:9]):
        rate(shared_database, trace, 1 + number % 5)
    rate(shared_database, made[0], 5, user_id="another")
    return shared_database


def _trace(number: int) -> TraceData:
    at = NOW - timedelta(minutes=1 + 31 * number)
    home_made = {"model": "home-made", "prompt_tokens": 5, "completion_tokens": 6}
    unpriced = make_span(kind="GENERATION", started_at=at, attributes=home_made)
    spans = make_spans(at, milliseconds(100 + 10 * number))
    return make_trace(
        started_at=at,
        duration_ns=milliseconds(100 + 10 * number),
        user_id=USERS[number % 4],
        confidence=CONFIDENCES[number % 7],
        status=TraceStatus.FAILED if number % 10 == 9 else TraceStatus.COMPLETE,
        spans=(spans[0], unpriced) if number % 8 == 3 else spans,
    )


def asked(db: Database, sql: str) -> list[dict[str, Any]]:
    """What the seed's own statement gives, with the names of our tables in it."""
    with db.read() as connection:
        return [dict(row) for row in connection.execute(text(sql), {"now": NOW}).mappings()]


def test_get_user_stats_as_the_seed_shows(filled: Database, collector: MetricsCollector) -> None:
    """Get User Stats (seed D): the seed's own call, awaited, says what its own columns add up to."""

    async def ask(db: Database) -> dict[str, Any]:
        stats = await collector.get_user_statistics(
            db=db,
            user_id="user_123",
            hours=24,
        )
        return dict(stats)

    stats = asyncio.run(ask(filled))
    (row,) = asked(
        filled,
        """
        SELECT count(*) AS requests, sum(cost_usd) AS cost, avg(duration_ms) AS latency, avg(confidence) AS confidence,
               sum(input_tokens + output_tokens) AS tokens, count(*) FILTER (WHERE cardinality(unknown_models) > 0) AS unpriced
        FROM traces WHERE user_id = 'user_123' AND started_at >= CAST(:now AS timestamptz) - INTERVAL '24 hours'
        """,
    )
    assert stats["user_id"] == "user_123"
    assert stats["total_requests"] == row["requests"] == 20
    assert stats["total_cost"] == row["cost"]
    assert isinstance(stats["total_cost"], Decimal)
    assert stats["avg_latency"] == pytest.approx(row["latency"])
    assert stats["avg_confidence"] == pytest.approx(row["confidence"])
    assert (stats["total_tokens"], stats["unpriced_requests"]) == (row["tokens"], row["unpriced"])


def test_get_system_statistics(filled: Database, collector: MetricsCollector) -> None:
    """MetricsCollector (seed D): of everybody, from the rollups, the same numbers as from the rows."""
    stats = collector.get_system_statistics(filled, hours=24).result()
    (row,) = asked(
        filled,
        """
        SELECT count(*) AS requests, count(*) FILTER (WHERE status = 'failed') AS failed, sum(cost_usd) AS cost,
               avg(duration_ms) AS latency, avg(retrieval_ms) AS retrieval, avg(generation_ms) AS generation,
               avg(confidence) AS confidence, count(*) FILTER (WHERE cost_usd IS NOT NULL) AS priced
        FROM traces WHERE started_at >= CAST(:now AS timestamptz) - INTERVAL '24 hours'
        """,
    )
    assert (stats["total_requests"], stats["failed_requests"]) == (row["requests"], row["failed"]) == (40, 4)
    assert (stats["total_cost"], stats["error_rate"]) == (row["cost"], 0.1)
    assert stats["avg_cost"] == pytest.approx(row["cost"] / row["priced"])
    assert stats["avg_latency"] == pytest.approx(row["latency"])
    assert stats["avg_retrieval_latency"] == pytest.approx(row["retrieval"])
    assert stats["avg_generation_latency"] == pytest.approx(row["generation"])
    assert stats["avg_confidence"] == pytest.approx(row["confidence"])
    assert 1 <= stats["avg_rating"] <= 5


def test_numbers_of_nothing_are_none(database: Database, collector: MetricsCollector) -> None:
    """MetricsCollector (seed D): without interactions counts are zero, and what needs one to be known is None."""
    stats = collector.get_system_statistics(database).result()
    counts = {name: value for name, value in stats.items() if value is not None}
    assert counts == {
        "hours": 24, "total_requests": 0, "failed_requests": 0, "unpriced_requests": 0, "total_tokens": 0,
        "prompt_tokens": 0, "completion_tokens": 0,
    }  # fmt: skip
    assert set(collector.get_latency_percentiles(database).result().values()) == {None}


def test_get_confidence_distribution(filled: Database, collector: MetricsCollector) -> None:
    """MetricsCollector (seed D): score buckets, the last one with 1.0, and those that do not say."""
    found = collector.get_confidence_distribution(filled, hours=24).result()
    assert sum(found.values()) == 40
    assert found == dict.fromkeys(found, 0) | {
        "0.0-0.1": 6, "0.5-0.6": 12, "0.6-0.7": 6, "0.9-1.0": 11, "unknown": 5,
    }  # fmt: skip
    assert len(found) == 11


def test_get_latency_percentiles(filled: Database, collector: MetricsCollector) -> None:
    """MetricsCollector (seed D): p50, p75, p90, p95 and p99 are PostgreSQL's own, within one percent."""
    found = collector.get_latency_percentiles(filled, hours=24).result()
    (row,) = asked(
        filled,
        """
        SELECT percentile_disc(ARRAY[0.5, 0.75, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p
        FROM traces WHERE started_at >= CAST(:now AS timestamptz) - INTERVAL '24 hours'
        """,
    )
    assert list(found) == ["p50", "p75", "p90", "p95", "p99"]
    assert list(found.values()) == pytest.approx(row["p"], rel=RELATIVE_ERROR * 1.01)


def test_every_interaction_is_tracked(database: Database, collector: MetricsCollector) -> None:
    """ChatInteraction model (seed D): query, answer, confidence, citations, latency, tokens, model, cost, user and time."""
    trace = make_trace(query="How?", answer="So.", user_id="user_123", confidence=0.8, citations_count=2)
    store(database, trace)
    found = collector.get_interaction(trace.trace_id, database).result()
    assert isinstance(found, InteractionMetrics)
    assert (found.query, found.answer, found.user_id, found.created_at) == ("How?", "So.", "user_123", NOON)
    assert (found.model_name, found.quality.confidence_score, found.quality.citations_count) == ("gpt-4o-mini", 0.8, 2)
    assert (found.latency.total_ms, found.latency.retrieval_ms, found.latency.generation_ms) == (3210, 145, 3020)
    assert (found.tokens.prompt_tokens, found.tokens.completion_tokens, found.tokens.total_tokens) == (1200, 350, 1550)
    assert found.cost_estimate == Decimal("0.00039")
    assert collector.get_interaction(f"trc_20261121_120000_{'f' * 16}", database).result() is None


def test_without_a_database_it_asks_that_of_this_process(filled: Database, collector: MetricsCollector) -> None:
    """MetricsCollector (seed D): `db` may be left out where `init` opened one."""
    leave = use(Archive(database=filled, files=None))  # type: ignore[arg-type]  # nobody asks for them
    try:
        assert collector.get_system_statistics().result()["total_requests"] == 40
    finally:
        leave()


def test_daily_cost_by_user_is_the_seeds_query(filled: Database) -> None:
    """Daily Cost by User (seed D): users, requests and costs as the seed's own SQL has them, in its order."""
    rows = asked(
        filled,
        """
        SELECT user_id, COUNT(*) AS requests, SUM(cost_usd) AS daily_cost
        FROM traces
        WHERE started_at >= CAST(:now AS timestamptz) - INTERVAL '24 hours'
        GROUP BY user_id
        ORDER BY daily_cost DESC
        """,
    )
    found = daily_cost_by_user(filled, NOW)
    assert [(each.user_id, each.requests, each.daily_cost) for each in found] == [tuple(row.values()) for row in rows]
    assert sum(each.unpriced for each in found) == 5


def test_low_confidence_alerts_are_the_seeds_query(filled: Database) -> None:
    """Low Confidence Alerts (seed D): the interactions of the last hour below 0.6, the newest first, and of more hours."""
    for hours in (1, 24):
        rows = asked(
            filled,
            f"""
            SELECT trace_id, user_id, query, confidence
            FROM traces
            WHERE confidence < 0.6 AND started_at >= CAST(:now AS timestamptz) - INTERVAL '{hours} hour'
            ORDER BY started_at DESC
            """,
        )
        found = low_confidence_alerts(filled, NOW, hours=hours)
        assert [(e.trace_id, e.user_id, e.query, e.confidence_score) for e in found] == [
            tuple(r.values()) for r in rows
        ]
        assert found
    assert len(low_confidence_alerts(filled, NOW, hours=24, limit=3)) == 3


def test_feedback_summary_is_the_seeds_query(filled: Database) -> None:
    """Feedback Summary (seed D): rating, count and mean confidence of the last seven days, the best rating first."""
    rows = asked(
        filled,
        """
        SELECT rating, COUNT(*) AS count, AVG(confidence) AS avg_confidence
        FROM (SELECT cf.rating, ci.confidence FROM feedback cf JOIN traces ci ON cf.trace_id = ci.trace_id
              WHERE cf.created_at >= CAST(:now AS timestamptz) - INTERVAL '7 days') AS joined
        GROUP BY rating
        ORDER BY rating DESC
        """,
    )
    found = feedback_summary(filled, NOW)
    assert [(each.rating, each.count) for each in found] == [(row["rating"], row["count"]) for row in rows]
    assert [each.avg_confidence for each in found] == pytest.approx([row["avg_confidence"] for row in rows])
    assert sum(each.count for each in found) == 10
    assert feedback_summary(filled, NOW + timedelta(days=8)) == ()


def test_the_readme_says_what_works(database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Documentation (seed D): the README's piece of code about numbers and ratings runs as it stands, and says what it says."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    code = readme.split("## Ask for numbers, and rate\n")[1].split("```python\n")[1].split("```")[0]
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_PROJECT="my-app")
    try:
        trace = tracing.TraceContext.start(query="Why?", user_id="ann")
        tracing.TraceContext.finish(trace).result(20)
        names: dict[str, Any] = {"trace_id": trace.trace_id, "rerank": len, "documents": ()}
        compiled = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        asyncio.run(FunctionType(compiled, names)())
    finally:
        store.close()
    assert names["of_ann"]["total_requests"] == names["of_all"]["total_requests"] == 1
    assert list(names["latency"]) == ["p50", "p75", "p90", "p95", "p99"]
    assert sum(names["sure"].values()) == 1
    assert capsys.readouterr().out.startswith("$0.001423 ")
