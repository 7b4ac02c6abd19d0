"""Where the money goes: rollups and rows say the same, and what cannot be known is not zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from tests.factories import NOON, make_span, make_trace
from tests.postgres.writing import rate, store
from tracing_core.cost import CostTracker
from tracing_core.doctor_prices import of_prices
from tracing_core.errors import InvalidInput
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.own_prices import Price
from tracing_core.query import spend_rollups, spend_rows, trace_sample
from tracing_core.query.costs import CostBy, Spending, dearest, good_answers, spending, unpriced_traces
from tracing_core.query.filters import TraceFilter
from tracing_core.query.overview import totals
from tracing_core.query.token_classes import token_classes
from tracing_core.rates import TokenClass
from tracing_core.storage.database import Database

HOUR = timedelta(hours=1)
DAY = TraceFilter(start=NOON - 12 * HOUR, end=NOON + 12 * HOUR)
EACH = Decimal("0.00039")
"""What a call of the factories costs: 1,200 tokens in and 350 out."""


def call(at: datetime, root: SpanData, **attributes: object) -> SpanData:
    given = {"model": "gpt-4o-mini", "prompt_tokens": 1200, "completion_tokens": 350, **attributes}
    return make_span(
        parent_id=root.span_id, name="llm_generation", kind=SpanKind.GENERATION, started_at=at, attributes=given
    )


def trace(number: int, **overrides: object) -> TraceData:
    """One every quarter of an hour from noon on; every fourth by a model without a price."""
    at = NOON + timedelta(minutes=15 * number)
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at)
    spans = (root, call(at, root, **({"model": "home-made"} if number % 4 == 3 else {})))
    fields = {
        "project": "shop" if number % 3 == 0 else "default", "user_id": f"user-{number % 2}" if number % 5 else None,
        "library": ("fastapi", "pandas", None)[number % 3],
    }  # fmt: skip
    return make_trace(started_at=at, spans=spans, **{**fields, **overrides})


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """Twenty-four traces from noon to six, and one of the day before."""
    made = [trace(number) for number in range(24)]
    store(
        shared_database, *made, replace(made[0], trace_id=f"trc_20261120_120000_{1:016x}", started_at=NOON - 24 * HOUR)
    )
    for at, rating in ((0, 5), (1, 4), (2, 2), (3, 5)):
        rate(shared_database, made[at], rating)
    rate(shared_database, made[1], 1, user_id="another")
    return shared_database


@pytest.mark.parametrize("by", get_args(CostBy))
@pytest.mark.parametrize(
    "chosen",
    [
        DAY,
        replace(DAY, project="shop"),
        replace(DAY, user_id="user-1"),
        TraceFilter(),
        TraceFilter(library="pandas", model="x"),
    ],
    ids=["day", "project", "user", "ever", "two"],
)
def test_what_is_spent_adds_up(filled: Database, by: CostBy, chosen: TraceFilter) -> None:
    """However it is split, the lines, and the points over time, add up to the totals of the same traces."""
    found, whole = spending(filled, chosen, by), totals(filled, chosen)
    assert sum(line.cost_usd or 0 for line in found.lines) == (whole.cost_usd or 0)
    assert sum(line.requests for line in found.lines) == whole.count
    assert sum(line.unpriced for line in found.lines) == whole.unpriced_count
    assert sum(line.tokens for line in found.lines) == whole.input_tokens + whole.output_tokens
    assert sum(sum(points.values()) for points in found.over_time.values()) == (whole.cost_usd or 0)
    assert {bucket for points in found.over_time.values() for bucket in points} <= set(found.buckets)
    assert [line.cost_usd or 0 for line in found.lines] == sorted(
        (each.cost_usd or 0 for each in found.lines), reverse=True
    )
    assert found.sample is None


def test_rollups_and_rows_say_the_same(filled: Database) -> None:
    """By model, project and library it does not matter which of the two answers."""
    for by in ("model", "project", "library"):
        with filled.read() as connection:
            rolled = spend_rollups.rolled(connection, DAY, by)
            rows, sample = spend_rows.user_rows(connection, DAY, by)
        assert sample.whole
        for name in spend_rollups.SPENT:
            assert {row["key"]: row[name] for row in rolled} == {
                key: sum(row[name] or 0 for row in rows if row["key"] == key) for key in {row["key"] for row in rows}
            }


def test_the_keys_are_what_they_are_called(filled: Database) -> None:
    """Models, projects, users, operations and libraries; nobody and none are empty."""
    keys = {by: {line.key for line in spending(filled, DAY, by).lines} for by in get_args(CostBy)}
    assert keys == {
        "model": {"gpt-4o-mini", "home-made"}, "project": {"shop", "default"}, "user": {"", "user-0", "user-1"},
        "operation": {"llm_generation"}, "library": {"fastapi", "pandas", ""},
    }  # fmt: skip


def test_a_model_without_a_price_is_not_free(filled: Database) -> None:
    """Its cost is not known, and so is the mean of its requests; of the other the mean is of those with a price."""
    lines = {line.key: line for line in spending(filled, DAY, "model").lines}
    assert (lines["home-made"].cost_usd, lines["home-made"].each_usd, lines["home-made"].unpriced) == (None, None, 6)
    assert (lines["gpt-4o-mini"].each_usd, lines["gpt-4o-mini"].share) == (EACH, 1.0)
    assert {row.unknown_models for row in unpriced_traces(filled, DAY)} == {("home-made",)}
    assert len(unpriced_traces(filled, DAY, limit=4)) == 4


def test_the_doctor_names_models_without_a_price(filled: Database, database: Database) -> None:
    """With how many traces of the last week, and what to do; where all have one, it says so."""
    (bad,), (good,) = of_prices(filled, NOON + 12 * HOUR), of_prices(database, NOON)
    assert (bad.state, bad.said) == ("warn", "1 model without a price in 7 days: home-made (6 traces)")
    assert bad.fix.endswith("tracing_core prices")
    assert (good.state, good.said) == ("ok", "every model called in the last 7 days has a price")


def test_a_split_that_is_none_is_refused(filled: Database) -> None:
    """The error names what there is."""
    with pytest.raises(InvalidInput, match="by: must be one of model, project"):
        spending(filled, DAY, "colour")  # type: ignore[arg-type]


def test_an_operation_counts_a_call_once(database: Database) -> None:
    """A wrapper that repeats what the call below it says is no call of its own."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    wrapper = call(NOON, root)
    inner = replace(call(NOON, wrapper), name="openai.chat")
    store(database, make_trace(spans=(root, wrapper, inner)))
    (line,) = spending(database, DAY, "operation").lines
    assert (line.key, line.requests, line.cost_usd, line.tokens) == ("openai.chat", 1, EACH, 1550)


def test_of_very_many_some_stand_for_all(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """By user of more traces than are looked at, the sums are estimates, and say so."""
    monkeypatch.setattr(spend_rows, "MOST", 12)
    monkeypatch.setattr(trace_sample, "CHEAP", 0)
    found = spending(filled, DAY, "user")
    assert found.sample is not None
    assert (found.sample.looked_at, found.sample.stands_for) == (12, 24)
    assert sum(line.requests for line in found.lines) == pytest.approx(24, abs=2)


def test_what_a_good_answer_costs(filled: Database) -> None:
    """Rated 4 or 5 by all who rated it; the bad ones that it took are in its price, and what has no price is not."""
    found = good_answers(filled, DAY)
    assert (found.rated, found.good, found.unpriced, found.cost_usd) == (4, 2, 1, 3 * EACH)
    assert found.each_usd == 3 * EACH / 2
    nothing = good_answers(filled, replace(DAY, user_id="nobody"))
    assert (nothing.rated, nothing.cost_usd, nothing.each_usd) == (0, None, None)


def test_the_dearest_come_first(database: Database) -> None:
    """By cost and not by time; what cost nothing that is known is not among them."""
    made = []
    for number in range(6):
        root = make_span(name="request", kind=SpanKind.ROOT)
        tokens = {"prompt_tokens": 1000 * (number * 7 % 6), "completion_tokens": 0}
        made.append(make_trace(spans=(root, call(NOON, root, **tokens)), started_at=NOON + number * HOUR))
    store(database, *made)
    found = dearest(database, DAY, limit=3)
    assert [row.trace_id for row in found.rows] == [made[at].trace_id for at in (5, 4, 3)]
    assert (found.among, found.whole) == (6, True)
    assert len(dearest(database, DAY).rows) == 5


OWN = {"m": Price(input=Decimal(10), output=Decimal(30), cached=Decimal(1), cache_write=Decimal(12))}


def cached_trace(read: int, written: int, **more: object) -> TraceData:
    root = make_span(name="request", kind=SpanKind.ROOT)
    tokens = {
        "model": "m", "prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": read,
        "cache_write_tokens": written, **more,
    }  # fmt: skip
    return make_trace(spans=(root, call(NOON, root, **tokens)))


def test_token_classes_have_their_price_and_its_version(database: Database) -> None:
    """A line for each class, with tokens x price = amount; the share of cached tokens, and what they saved."""
    store(database, cached_trace(400, 0), cached_trace(0, 100))
    found = token_classes(database, DAY, CostTracker(OWN))
    lines = {line.token_class: line for line in found.lines}
    assert {name: line.tokens for name, line in lines.items()} == {
        TokenClass.INPUT: 1500, TokenClass.CACHE_READ: 400, TokenClass.CACHE_WRITE: 100, TokenClass.OUTPUT: 200,
    }  # fmt: skip
    for line in found.lines:
        assert line.amount == line.tokens * (line.per_million or 0) / 1_000_000
        assert (line.price_version or "").startswith("settings ")
    assert found.cached_share == 0.2
    assert found.saved_usd == Decimal(400 * 9 - 100 * 2) / 1_000_000
    assert (found.sample.whole, found.gone) == (True, 0)


def test_caching_that_costs_more_than_it_saves_says_so(database: Database) -> None:
    """What is only written to a cache costs more; without any cache there is nothing to say."""
    store(database, cached_trace(0, 500))
    assert token_classes(database, DAY, CostTracker(OWN)).saved_usd == Decimal("-0.001")
    assert token_classes(database, replace(DAY, end=NOON), CostTracker(OWN)).saved_usd is None


def test_tokens_without_a_price_are_there(database: Database) -> None:
    """With their number, and neither price nor amount."""
    store(database, cached_trace(0, 0, model="home-made"))
    lines = token_classes(database, DAY, CostTracker()).lines
    assert {(line.token_class, line.tokens) for line in lines} == {(TokenClass.INPUT, 1000), (TokenClass.OUTPUT, 100)}
    assert {(line.per_million, line.price_version, line.amount) for line in lines} == {(None, None, None)}


def test_nothing_was_spent_where_there_is_nothing(database: Database) -> None:
    """No lines, no numbers, no errors, with a time range or without."""
    for chosen in (DAY, TraceFilter()):
        for by in get_args(CostBy):
            found: Spending = spending(database, chosen, by)
            assert (found.lines, found.over_time) == ((), {})
        assert dearest(database, chosen).rows == ()
        assert token_classes(database, chosen, CostTracker()).lines == ()


def test_a_model_without_a_price_that_also_failed_is_not_free(database: Database) -> None:
    """Requests that failed before they used a token cost nothing; beside others without a price that makes no sum of $0."""
    unpriced = trace(3)
    at = NOON + HOUR
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at)
    unused = call(at, root, model="home-made", prompt_tokens=None, completion_tokens=None)
    store(database, unpriced, make_trace(started_at=at, spans=(root, unused)))
    (line,) = [each for each in spending(database, DAY, "model").lines if each.key == "home-made"]
    assert line.unpriced < line.requests
    assert (line.cost_usd, line.each_usd) == (None, None)
    assert totals(database, DAY).cost_usd is None
