"""Rollups merge by adding."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOON, make_span, make_trace, milliseconds
from tests.strategies import bare_trees, traces
from tracing_core.cost import CostTracker
from tracing_core.histogram import bin_of
from tracing_core.model import QualityFlag, SpanKind, SpanStatus, TraceData, TraceStatus
from tracing_core.projection import Projector, Row
from tracing_core.quality import QualityRules
from tracing_core.rollups import GRANULARITIES, Key, Rollup, bucket_start, roll_up

PROJECTOR = Projector(rules=QualityRules(), prices=CostTracker())
starts = st.datetimes(datetime(2026, 11, 21, 11, 58), datetime(2026, 11, 22, 0, 2)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=NOON.tzinfo)
)
empty = {"iterations": st.just(()), "child_traces": st.just(()), "tags": st.just(()), "outputs": st.just({})}
batches = st.lists(traces(started_at=starts, spans=bare_trees(), **empty), max_size=4)


def projected(batch: list[TraceData]) -> list[tuple[Row, tuple[Row, ...]]]:
    found = [PROJECTOR.project(trace) for trace in batch]
    return [(projection.trace, projection.spans) for projection in found]


def merged(left: dict[Key, Rollup], right: dict[Key, Rollup]) -> dict[Key, Rollup]:
    total: dict[Key, Rollup] = {}
    for part in (left, right):
        for key, rollup in part.items():
            total.setdefault(key, Rollup()).add(rollup)
    return total


@settings(max_examples=15)
@given(batches, batches)
def test_rolling_up_two_batches_is_merging_their_rollups(left: list[TraceData], right: list[TraceData]) -> None:
    """In whatever pieces traces arrive, the sums are the same."""
    whole = roll_up(projected(left + right))
    parts = merged(roll_up(projected(left)), roll_up(projected(right)))
    assert whole.keys() == parts.keys()
    for key, rollup in whole.items():
        one, other = rollup.columns(), parts[key].columns()
        assert one.pop("bins") == other.pop("bins")
        assert one.pop("bin_counts") == pytest.approx(other.pop("bin_counts"))
        assert {n: float(v) for n, v in one.items()} == pytest.approx({n: float(v) for n, v in other.items()})


@settings(max_examples=15)
@given(batches)
def test_every_granularity_counts_every_trace_once(batch: list[TraceData]) -> None:
    """Under all traces, under one library and under one model."""
    rollups = roll_up(projected(batch))
    for granularity in GRANULARITIES:
        for dimension in ("trace", "library", "model"):
            counts = [r.stored for key, r in rollups.items() if (key[1], key[3]) == (granularity, dimension)]
            assert sum(counts) == len(batch)


def test_a_bucket_starts_with_its_minute_hour_or_day() -> None:
    """In UTC."""
    moment = datetime(2026, 11, 21, 12, 34, 56, 789, tzinfo=NOON.tzinfo)
    assert bucket_start(moment, "minute") == moment.replace(second=0, microsecond=0)
    assert bucket_start(moment, "hour") == NOON
    assert bucket_start(moment, "day") == NOON.replace(hour=0)


def test_what_a_trace_adds() -> None:
    """Count, error, time, tokens, cost, flag; a span below the root adds to its operation."""
    trace = make_trace(status=TraceStatus.FAILED, confidence=0.1)
    rollups = roll_up(projected([trace]))
    whole = rollups["default", "minute", NOON, "trace", ""]
    assert (whole.count, whole.errors, whole.timed_count, whole.duration_ms_sum) == (1, 1, 1, 3210.0)
    assert (whole.input_tokens, whole.output_tokens) == (1200, 350)
    assert whole.cost_usd > Decimal(0)
    assert whole.flags == {QualityFlag.LOW_CONFIDENCE: 1}
    assert whole.bins == {bin_of(3210.0): 1}
    operations = {key[4] for key in rollups if key[3] == "operation"}
    assert operations == {"retrieval_semantic", "llm_generation"}


def test_what_was_not_timed_is_in_no_average() -> None:
    """It counts, without a duration."""
    root = make_span(name="request", kind=SpanKind.ROOT, duration_ns=None)
    broken = make_span(parent_id=root.span_id, name="op", duration_ns=None, status=SpanStatus.ERROR)
    timed = make_span(parent_id=root.span_id, name="op", duration_ns=milliseconds(10))
    rollups = roll_up(projected([make_trace(duration_ns=None, completed_at=None, spans=(root, broken, timed))]))
    operation = rollups["default", "day", NOON.replace(hour=0), "operation", "op"]
    assert (operation.count, operation.errors, operation.timed_count, operation.duration_ms_sum) == (2, 1, 1, 10.0)
    assert rollups["default", "day", NOON.replace(hour=0), "trace", ""].bins == {}


def test_an_unknown_price_is_counted_not_guessed() -> None:
    """The trace is unpriced."""
    call = make_span(kind=SpanKind.LLM, attributes={"model": "house-blend-7b", "prompt_tokens": 5})
    rollup = roll_up(projected([make_trace(spans=(call,))]))["default", "minute", NOON, "trace", ""]
    assert (rollup.unpriced_count, rollup.cost_usd) == (1, 0)
