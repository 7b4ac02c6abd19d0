"""Each stored trace counts for those like it that sampling left out, wherever a total is shown."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.writing import rate
from tests.surroundings import make_preparation
from tracing_core.histogram import quantile
from tracing_core.ledger import Ledger
from tracing_core.model import SpanData, SpanKind, SpanStatus, TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Row
from tracing_core.query import facets, feedback, overview, rollup_measures, row_measures, stats
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import histogram_of
from tracing_core.query.rollup_measures import SUMS, By
from tracing_core.query.traces import list_traces
from tracing_core.sampling import begun_with, trace_state_of
from tracing_core.storage.database import Database
from tracing_core.storage.write import TraceTable

NAMES = (
    "plan", "GET /orders/12345", "GET /orders/77", "run 3f2a9c1b7d0e4f55", "0f8fad5b-d9cb-469f-a165-70867728950e x",
    "abcdefabcdef", "x1234567890abc", "step 123456789012_", "long " * 40 + "1", "\u0661\u0662\u0663\u0664 \u20ac", "",
)  # fmt: skip
WAYS: tuple[tuple[By, str], ...] = (
    ("all", "day"), ("bucket", "minute"), ("bucket", "hour"), ("bucket", "day"), ("library", "day"), ("model", "day"),
    ("operation", "day"),
)  # fmt: skip
_numbers = count(1)


def by_rows(database: Database, chosen: TraceFilter, by: By, granularity: str) -> dict[Any, Any]:
    return read(database, row_measures, chosen, by, granularity)


def by_rollups(database: Database, chosen: TraceFilter, by: By, granularity: str) -> dict[Any, Any]:
    return read(database, rollup_measures, chosen, by, granularity)


def read(database: Database, source: Any, chosen: TraceFilter, by: By, granularity: str) -> dict[Any, Any]:
    """Sums and histogram by key, of the keys that anything is counted under."""
    with database.read() as connection:
        found = source.rows(connection, chosen, by, granularity, histograms=True)
    return {
        row["key"]: ({name: float(row[name] or 0) for name in SUMS}, histogram_of(row))
        for row in found
        if row["count"] > 1e-6
    }


def assert_alike(one: dict[Any, Any], other: dict[Any, Any]) -> None:
    assert one.keys() == other.keys()
    for key, (sums, bins) in one.items():
        assert sums == pytest.approx(other[key][0], rel=1e-6, abs=1e-6), key
        assert bins == pytest.approx(other[key][1], rel=1e-6, abs=1e-6), key


class Sender:
    """Makes spans of a trace by chance, and cuts them into pieces.

    Args:
        draw: the chance.
        project: of all traces.
    """

    def __init__(self, draw: random.Random, project: str) -> None:
        self.draw = draw
        self.project = project

    def spans(self) -> list[SpanData]:
        draw, start = self.draw, NOON + timedelta(seconds=self.draw.uniform(0, 7_000))
        otel: dict[str, Any] = {"project": self.project}
        if draw.random() < 0.3:
            otel["trace_state"] = trace_state_of(draw.choice([0.5, 0.3, 0.01]))
        root = make_span(name="ask", started_at=start, duration_ns=self.duration(), status=self.status(), otel=otel)
        below = [
            make_span(
                name=draw.choice(NAMES), parent_id=root.span_id, started_at=start, duration_ns=self.duration(),
                status=self.status(), kind=SpanKind.LLM, otel={"project": self.project}, attributes=self.attributes(),
                decisions=(make_decision(),) if draw.random() < 0.2 else (),
            )
            for _ in range(draw.randint(0, 4))
        ]  # fmt: skip
        return [root, *below]

    def duration(self) -> int | None:
        return milliseconds(self.draw.lognormvariate(4, 2)) if self.draw.random() < 0.9 else None

    def status(self) -> SpanStatus:
        return self.draw.choice([SpanStatus.OK, SpanStatus.OK, SpanStatus.ERROR])

    def attributes(self) -> dict[str, Any]:
        model = self.draw.choice(["gpt-4o-mini", "house-blend-7b", "gpt-4o"])
        return {"gen_ai.request.model": model, "gen_ai.usage.input_tokens": self.draw.randint(0, 5_000)}


def probabilities(draw: random.Random) -> Callable[[Row], float]:
    """A chance for each trace, the same at each asking, that lies near one often enough for traces to be there."""
    salt = draw.random()
    return lambda row: random.Random(f"{salt}{row['trace_id']}").choice([1.0, 0.9, 0.75, 0.6])


def written(table: TraceTable, preparation: Preparation, trace_id: str, spans: list[SpanData]) -> None:
    prepared = preparation.prepare(preparation.assemble(trace_id, spans))
    assert prepared is not None
    table.write([prepared], Ledger())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_rollups_and_rows_say_the_same(shared_database: Database, seed: int) -> None:
    """Whatever the probabilities, in whatever pieces the traces came, and however they were rated."""
    draw = random.Random(seed)
    sender = Sender(draw, f"p{next(_numbers)}")
    preparation = make_preparation(sampler=probabilities(draw))
    table = TraceTable(shared_database, preparation)
    pieces: list[tuple[str, list[SpanData]]] = []
    for _ in range(12):
        trace_id, spans = f"{draw.getrandbits(128):032x}", sender.spans()
        draw.shuffle(spans)
        cut = draw.randint(0, len(spans))
        pieces += [(trace_id, piece) for piece in (spans[:cut], spans[cut:], spans[:1]) if piece]
    draw.shuffle(pieces)
    for trace_id, piece in pieces:
        written(table, preparation, trace_id, piece)
        if draw.random() < 0.3:
            rate_any(shared_database, draw, sender.project)
    chosen = TraceFilter(project=sender.project)
    for by, granularity in WAYS:
        assert_alike(
            by_rows(shared_database, chosen, by, granularity), by_rollups(shared_database, chosen, by, granularity)
        )


def rate_any(database: Database, draw: random.Random, project: str) -> None:
    rows = list_traces(database, TraceFilter(project=project)).rows
    if rows:
        trace = make_trace(trace_id=draw.choice(rows).trace_id)
        rate(database, trace, draw.randint(1, 5), user_id=draw.choice(["ann", "bob"]))


@pytest.fixture
def tenths(database: Database) -> Database:
    """Five traces of which each stands for ten, and one failure that stands for itself."""
    preparation = make_preparation()
    batch = [preparation.prepare(with_head(make_trace(intent="how_to"), 0.1)) for _ in range(5)] + [
        preparation.prepare(make_trace(status="failed", library="django", duration_ns=milliseconds(9_000)))
    ]
    TraceTable(database, preparation).write([each for each in batch if isinstance(each, Prepared)], Ledger())
    return database


def with_head(trace: TraceData, share: float) -> TraceData:
    root, *others = trace.spans
    return replace(trace, spans=(replace(root, otel={"trace_state": trace_state_of(share)}), *others))


def test_totals_are_those_of_all_traces(tenths: Database) -> None:
    """Counts, tokens and dollars, from the rollups and from the rows."""
    for chosen in (TraceFilter(), TraceFilter(text="endpoint")):
        found = overview.totals(tenths, chosen)
        assert (found.count, found.errors) == (51, 1)
        assert found.input_tokens == 51 * 1200
        assert found.cost_usd == pytest.approx(
            Decimal(51) * (Decimal("0.00018") + Decimal("0.00021")), rel=Decimal("0.001")
        )
        assert found.p50_ms == pytest.approx(3210, rel=0.01)
        assert found.p99_ms == pytest.approx(9000, rel=0.01)
        assert found.mean_ms == pytest.approx((50 * 3210 + 9000) / 51)


def test_percentiles_weigh(tenths: Database) -> None:
    """One failure in six that are stored is one in 51: the P95 is that of the others."""
    assert overview.totals(tenths, TraceFilter()).p95_ms == pytest.approx(3210, rel=0.01)
    assert overview.totals(tenths, TraceFilter(text="endpoint")).p95_ms == pytest.approx(3210, rel=0.01)


def test_facets_count_all_traces(tenths: Database) -> None:
    """From the rollups and from the newest rows."""
    found = {facet.value: facet.count for facet in facets.values(tenths, "library", TraceFilter())}
    assert found == {"fastapi": 50, "django": 1}
    assert {f.value: f.count for f in facets.values(tenths, "intent", TraceFilter())} == {"how_to": 51}


def test_the_six_numbers_weigh(tenths: Database) -> None:
    """Seed C's averages are those of all traces."""
    found = stats.pipeline_stats(tenths, TraceFilter())
    assert found.total_queries == 51
    assert found.avg_latency_ms == pytest.approx((50 * 3210 + 9000) / 51)
    assert found.avg_retrieval_ms == pytest.approx(145)
    assert found.queries_per_library == {"fastapi": 50, "django": 1}


def test_ratings_stand_for_those_that_could_not_be_given(tenths: Database) -> None:
    """A trace that was left out cannot be rated; the rate of feedback is a share of all traces, at most one."""
    for row in list_traces(tenths, TraceFilter(library="fastapi")).rows[:2]:
        rate(tenths, make_trace(trace_id=row.trace_id), 4)
    failed = list_traces(tenths, TraceFilter(library="django")).rows[0]
    rate(tenths, make_trace(trace_id=failed.trace_id), 1)
    assert feedback.rating_distribution(tenths, TraceFilter()) == {1: 1, 2: 0, 3: 0, 4: 20, 5: 0}
    assert feedback.feedback_rate(tenths, TraceFilter()) == pytest.approx(21 / 51)
    assert overview.totals(tenths, TraceFilter()).rating_count == 21
    assert feedback.average_rating(tenths, TraceFilter()) == pytest.approx(81 / 21)
    assert len(feedback.recent_feedback(tenths, TraceFilter())) == 3


def test_a_trace_says_with_what_probability_it_was_kept(tenths: Database) -> None:
    """In its row, and in what its root says."""
    assert begun_with(with_head(make_trace(), 0.1)) == pytest.approx(0.1)
    assert quantile({1: 10.0, 2: 0.5}, 0.95) == quantile({1: 20, 2: 1}, 0.95)
