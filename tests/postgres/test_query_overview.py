"""Totals, charts and breakdowns: the same numbers from the rollups as from the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import cycle

import pytest
from sqlalchemy import Double, column, select, values

from tests.factories import NOON, make_span, make_spans, make_trace, milliseconds
from tests.postgres.writing import rate, store
from tracing_core.errors import InvalidInput
from tracing_core.histogram import bin_of
from tracing_core.model import QualityFlag, SpanStatus, TraceStatus
from tracing_core.query import metrics, overview, rollup_measures, row_measures
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import histogram_of, measures
from tracing_core.query.rollup_measures import By
from tracing_core.query.stats import pipeline_stats
from tracing_core.storage.database import Database

HOUR = timedelta(hours=1)
AROUND = TraceFilter(start=NOON - HOUR, end=NOON + HOUR)
ALL_WAYS = [TraceFilter(), AROUND, TraceFilter(library="x"), TraceFilter(model="x"), TraceFilter(text="x", user_id="y")]


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """Forty traces over three days in two projects: some failed, some untimed, some without library, some rated."""
    libraries = cycle(["fastapi", "pandas", None])
    made = [
        make_trace(
            started_at=NOON + timedelta(minutes=107 * n, seconds=n),
            duration_ns=None if n % 7 == 3 else milliseconds(100 + 37 * n),
            project="shop" if n % 4 == 0 else "default",
            library=next(libraries),
            status=TraceStatus.FAILED if n % 5 == 0 else TraceStatus.COMPLETE,
            confidence=0.2 if n % 6 == 0 else 0.9,
            answer="" if n % 9 == 0 else "An answer that is long enough to count as one, as it has many characters.",
        )
        for n in range(40)
    ]
    unpriced = make_span(
        kind="GENERATION", name="llm_generation", attributes={"model": "home-made", "prompt_tokens": 5}
    )
    made[7] = replace(made[7], spans=(*make_spans(made[7].started_at, None)[:2], unpriced))
    store(shared_database, *made)
    for n, trace in enumerate(made[:8]):
        rate(shared_database, trace, 1 + n % 5)
    rate(shared_database, made[0], 5, user_id="another")
    return shared_database


@pytest.mark.parametrize("chosen", ALL_WAYS, ids=lambda chosen: ", ".join(sorted(chosen.set_fields())) or "all")
def test_an_empty_database_has_no_numbers(database: Database, chosen: TraceFilter) -> None:
    """Counts are zero, what needs a trace to be known is None, and nothing raises."""
    found = overview.totals(database, chosen)
    assert (found.count, found.errors, found.flagged, found.rating_count) == (0, 0, 0, 0)
    assert (found.cost_usd, found.mean_ms, found.p95_ms, found.rating_mean, found.feedback_rate) == (None,) * 5
    assert overview.breakdown(database, chosen) == ()
    assert overview.libraries(database, chosen) == ()
    assert overview.flag_counts(database, chosen) == dict.fromkeys(QualityFlag, 0)
    assert all(point.count == 0 for point in overview.latency_over_time(database, chosen))
    assert all(not any(point.counts.values()) for point in overview.flags_over_time(database, chosen))
    assert pipeline_stats(database, chosen).total_queries == 0


@pytest.mark.parametrize("by", ["all", "bucket", "operation", "library", "model"])
@pytest.mark.parametrize("granularity", ["minute", "hour", "day"])
@pytest.mark.parametrize(
    "chosen",
    [
        TraceFilter(),
        TraceFilter(project="shop"),
        TraceFilter(start=NOON + 5 * HOUR + timedelta(minutes=17), end=NOON + 47 * HOUR + timedelta(minutes=3)),
        TraceFilter(start=NOON + 5 * HOUR),
        TraceFilter(end=NOON + 20 * HOUR),
    ],
    ids=["all", "project", "both edges", "start", "end"],
)
def test_rollups_and_rows_agree(filled: Database, by: By, granularity: str, chosen: TraceFilter) -> None:
    """Both sources give every number alike, histograms included, so that a filter changes no definition."""
    with filled.read() as connection:
        rolled = measures(connection, chosen, by, granularity)
        rows = row_measures.rows(connection, chosen, by, granularity, histograms=True)
    assert {row["key"] for row in rows} == set(rolled)
    for row in rows:
        found = rolled[row["key"]]
        assert histogram_of(row) == found.histogram
        assert found.duration_ms_sum == pytest.approx(row["duration_ms_sum"] or 0)
        for name in (
            "count",
            "errors",
            "timed_count",
            "input_tokens",
            "output_tokens",
            "unpriced_count",
            "rating_count",
        ):
            assert getattr(found, name) == (row[name] or 0), name
        assert (found.rating_sum, found.cost_usd) == (row["rating_sum"] or 0, row["cost_usd"])
        for flag, count in found.flags.items():
            assert count == row[f"flag_{flag.lower()}"]


def test_totals_say_what_there_is(database: Database) -> None:
    """Every number from traces that can be counted by hand."""
    good, bad = (
        make_trace(duration_ns=milliseconds(1000)),
        make_trace(status=TraceStatus.FAILED, duration_ns=milliseconds(3000)),
    )
    home_made = make_span(
        kind="GENERATION", attributes={"model": "home-made", "prompt_tokens": 5, "completion_tokens": 6}
    )
    unpriced = make_trace(spans=(make_span(kind="ROOT"), home_made), duration_ns=milliseconds(2000), answer="")
    store(database, good, bad, unpriced)
    rate(database, good, 5)
    rate(database, good, 2, user_id="another")
    found = overview.totals(database, AROUND)
    assert (found.count, found.errors, found.flagged, found.unpriced_count) == (3, 1, 2, 1)
    assert (found.input_tokens, found.output_tokens) == (2405, 706)
    assert found.mean_ms == pytest.approx(2000)
    assert found.p50_ms == pytest.approx(2000, rel=0.01)
    assert found.p99_ms == pytest.approx(3000, rel=0.01)
    assert (found.rating_count, found.rating_mean) == (2, 3.5)
    assert found.feedback_rate == pytest.approx(1 / 3)
    assert found.cost_usd is not None
    assert found.cost_usd > Decimal(0)


def test_cost_is_unknown_when_no_price_is(database: Database) -> None:
    """A sum of nothing known is not zero dollars."""
    home_made = make_span(kind="GENERATION", attributes={"model": "home-made", "prompt_tokens": 5})
    store(database, make_trace(spans=(make_span(kind="ROOT"), home_made)))
    assert overview.totals(database, TraceFilter()).cost_usd is None


@pytest.mark.parametrize(
    "beside", [{}, {"library": "fastapi"}, {"model": "gpt-4o-mini"}, {"status": "complete"}, {"text": "endpoint"}]
)
def test_totals_count_what_lists_show(database: Database, beside: dict[str, str]) -> None:
    """A trace within a minute of an edge is in the totals when it is in the list."""
    store(
        database,
        make_trace(started_at=NOON + timedelta(seconds=30)),
        make_trace(started_at=NOON + timedelta(minutes=90)),
    )
    chosen = TraceFilter(start=NOON + timedelta(seconds=29), end=NOON + timedelta(seconds=31), **beside)  # type: ignore[arg-type]
    assert overview.totals(database, chosen).count == 1


@pytest.mark.parametrize(
    ("later", "whole_day"),
    [(timedelta(minutes=3), False), (3 * HOUR, False), (12 * HOUR, True), (None, True)],
    ids=["in the same hour", "on the same day", "at midnight", "never"],
)
def test_the_end_of_a_day_that_is_over_is_its_midnight(
    database: Database, later: timedelta | None, whole_day: bool
) -> None:
    """A range that ends now is answered from whole days; where something began after its end, that is not counted."""
    end = NOON + timedelta(minutes=2)
    store(database, make_trace(), *([] if later is None else [make_trace(started_at=NOON + later, project="shop")]))
    chosen = TraceFilter(start=NOON - HOUR, end=end)
    with database.read() as connection:
        asked = rollup_measures.widened(connection, chosen)
        own = rollup_measures.widened(connection, replace(chosen, project="default"))
    assert asked.end == (NOON + 12 * HOUR if whole_day else end)
    assert own.end == NOON + 12 * HOUR
    assert overview.totals(database, chosen).count == 1


def test_a_chart_has_all_its_buckets(database: Database) -> None:
    """Empty ones are there, with no percentiles; the buckets of the edges are whole."""
    store(database, make_trace(started_at=NOON + timedelta(seconds=30)))
    start = NOON - timedelta(minutes=2) + timedelta(seconds=45)
    points = overview.latency_over_time(database, TraceFilter(start=start, end=NOON + timedelta(seconds=10)))
    assert [point.bucket for point in points] == [NOON + n * timedelta(minutes=1) for n in (-2, -1, 0)]
    assert [point.count for point in points] == [0, 0, 1]
    assert (points[0].p95_ms, points[2].errors) == (None, 0)
    assert points[2].p95_ms == pytest.approx(3210, rel=0.01)


def test_the_granularity_can_be_chosen(database: Database) -> None:
    """And one that there is not is refused by name."""
    store(database, make_trace())
    points = overview.flags_over_time(database, AROUND, "day")
    assert [(point.bucket, point.counts[QualityFlag.NORMAL]) for point in points] == [(NOON.replace(hour=0), 1)]
    with pytest.raises(InvalidInput, match="granularity"):
        overview.latency_over_time(database, AROUND, "week")


def test_a_chart_of_all_time_begins_with_the_first_trace(database: Database) -> None:
    """A filter without a start asks for everything there is."""
    store(database, make_trace(), make_trace(started_at=NOON - timedelta(days=30)))
    points = overview.latency_over_time(database, TraceFilter(end=NOON + HOUR))
    assert points[0].bucket == NOON.replace(hour=0) - timedelta(days=30)
    assert (len(points), sum(point.count for point in points)) == (31, 2)


@pytest.mark.parametrize("chosen", [AROUND, replace(AROUND, status="complete")], ids=["rollups", "rows"])
def test_the_breakdown_is_of_spans_below_the_root(database: Database, chosen: TraceFilter) -> None:
    """What took most time together comes first; an error of a span is its own, not its trace's."""
    root = make_span(name="request", kind="ROOT")
    slow = make_span(parent_id=root.span_id, name="llm_generation", duration_ns=milliseconds(900))
    broken = make_span(parent_id=root.span_id, name="reranking", duration_ns=milliseconds(10), status=SpanStatus.ERROR)
    store(database, make_trace(spans=(root, broken, slow)), make_trace(spans=(root, slow)))
    generation, reranking = overview.breakdown(database, chosen)
    assert (generation.operation, generation.count, generation.errors, generation.mean_ms) == (
        "llm_generation",
        2,
        0,
        900,
    )
    assert (reranking.operation, reranking.count, reranking.errors) == ("reranking", 1, 1)
    assert reranking.p50_ms == pytest.approx(10, rel=0.01)


def test_libraries_name_those_without_one_none(database: Database) -> None:
    """The most asked first."""
    store(database, make_trace(library="pandas"), make_trace(library="pandas"), make_trace(library=None))
    assert [(found.library, found.count) for found in overview.libraries(database, AROUND)] == [
        ("pandas", 2),
        (None, 1),
    ]
    assert overview.libraries(database, replace(AROUND, library=""))[0].count == 1


def test_a_new_flag_is_counted_instead_of_the_old(database: Database) -> None:
    """A bad rating moves the trace from one flag to another."""
    trace = make_trace()
    store(database, trace)
    rate(database, trace, 1)
    counts = overview.flag_counts(database, AROUND)
    assert (counts[QualityFlag.USER_NEGATIVE], counts[QualityFlag.NORMAL]) == (1, 0)
    assert counts == overview.flag_counts(database, replace(AROUND, status="complete"))


def test_pipeline_stats_are_seed_cs(database: Database) -> None:
    """Milliseconds, means of what was timed, and queries by library."""
    store(database, make_trace(), make_trace(duration_ns=None, spans=(), library=None), make_trace(library="pandas"))
    found = pipeline_stats(database, AROUND)
    assert (found.total_queries, found.avg_latency_ms, found.avg_retrieval_ms, found.avg_generation_ms) == (
        3,
        3210,
        145,
        3020,
    )
    assert found.p95_latency_ms == pytest.approx(3210, rel=0.01)
    assert found.queries_per_library == {"fastapi": 1, "pandas": 1, None: 1}


def test_sql_and_python_put_durations_into_the_same_bins(database: Database) -> None:
    """The rows' histogram is the rollups' histogram, from a nanosecond to a month."""
    durations = [10 ** (n / 40) for n in range(-240, 380)] + [0.0, 0.001, 1.0]
    table = values(column("ms", Double), name="durations").data([(ms,) for ms in durations])
    with database.read() as connection:
        found = connection.execute(select(table.c.ms, metrics.duration_bin(table.c.ms))).all()
    assert [(ms, number) for ms, number in found if number != bin_of(ms)] == []
