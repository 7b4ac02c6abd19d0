"""What a stored trace cost, which models were called, and which of them have no price (E20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.factories import NOON, make_span, make_trace
from tests.pieces import TRACE_ID
from tests.postgres.pieces_written import Writer
from tests.surroundings import make_preparation
from tracing_core.__main__ import main
from tracing_core.cost import CostTracker
from tracing_core.model import SpanData, SpanKind
from tracing_core.own_prices import Price
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.query.cost_audit import cost_audit
from tracing_core.query.filters import TraceFilter
from tracing_core.query.models import model_calls, unknown_models
from tracing_core.repricing import reprice
from tracing_core.settings import settings
from tracing_core.storage.database import Database
from tracing_core.storage.repricing import Chosen

ALL = TraceFilter()
PLAIN = Price(input=Decimal(2), output=Decimal(4))
PRICES = CostTracker({"plain": PLAIN})
WITH_HOUSE = CostTracker({"plain": PLAIN, "house-blend-7b": Price(input=Decimal(1), output=Decimal(1))})


@pytest.fixture
def writer(database: Database) -> Writer:
    """Writes with the prices above."""
    projector = Projector(rules=QualityRules(), prices=PRICES)
    return Writer(database, replace(make_preparation(), projector=projector, judging=False))


def run(*calls: tuple[str, dict[str, Any]]) -> Sequence[SpanData]:
    root = make_span(kind=SpanKind.CHAIN)
    return (
        root,
        *(
            make_span(parent_id=root.span_id, kind=SpanKind.LLM, attributes={"model": model, **said})
            for model, said in calls
        ),
    )


def test_calls_stand_in_the_order_they_began(database: Database, writer: Writer) -> None:
    """However the pieces of the trace came."""
    root, *calls = run(*(("plain", {"prompt_tokens": 1000 + number}) for number in range(3)))
    calls = [replace(call, started_at=NOON + timedelta(seconds=number)) for number, call in enumerate(calls)]
    for piece in ([calls[2]], [root, calls[0]], [calls[1]]):
        writer.write((TRACE_ID, piece))
    found = cost_audit(database, TRACE_ID, PRICES)
    assert found is not None
    assert found.now is not None
    assert [call.span_id for call in found.now.calls] == [call.span_id for call in calls]


def test_a_stored_cost_is_taken_apart(database: Database, writer: Writer) -> None:
    """The lines add up to what the row says; after prices changed it says that they do not, until it is priced anew."""
    trace = make_trace(spans=run(("plain", {"prompt_tokens": 1001, "completion_tokens": 3})))
    writer.write(trace)
    found = cost_audit(database, trace.trace_id, PRICES)
    assert found is not None
    assert found.now is not None
    assert (found.agrees, found.price_version, found.now.price_version) == (True, PRICES.version, PRICES.version)
    assert sum((line.amount for line in found.now.lines), Decimal(0)) == found.computed_usd == found.cost_usd
    dearer = CostTracker({"plain": Price(input=Decimal(3), output=Decimal(4))})
    stale = cost_audit(database, trace.trace_id, dearer)
    assert stale is not None
    assert (stale.agrees, stale.price_version) == (False, PRICES.version)
    reprice(database, dearer, Chosen())
    again = cost_audit(database, trace.trace_id, dearer)
    assert again is not None
    assert (again.agrees, again.price_version) == (True, dearer.version)
    assert again.as_document()["now"]["calls"][0]["counts"] == {"input": 1001, "output": 3}
    assert cost_audit(database, "trc_20261121_120000_00000000deadbeef", PRICES) is None


def test_a_cost_without_contents_says_so(database: Database, writer: Writer) -> None:
    """It stays what it was, and nobody claims to have checked it."""
    trace = make_trace(spans=run(("plain", {"prompt_tokens": 1001})))
    writer.write(trace)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM span_payloads")
    found = cost_audit(database, trace.trace_id, PRICES)
    assert found is not None
    assert (found.now, found.agrees, found.computed_usd) == (None, False, Decimal("0.002002"))


def test_models_are_counted_once_for_each_call(database: Database, writer: Writer) -> None:
    """Not again for an agent that repeats the call; each for as many as its trace stands for."""
    agent = make_span(kind=SpanKind.AGENT, attributes={"model": "plain", "prompt_tokens": 1000})
    call = make_span(parent_id=agent.span_id, kind=SpanKind.LLM, attributes={"model": "plain", "prompt_tokens": 1000})
    unknown = run(("house-blend-7b", {"prompt_tokens": 10}), ("plain", {"prompt_tokens": 1000}))
    writer.write(make_trace(spans=(agent, call), sampling_probability=0.25), make_trace(spans=unknown, project="shop"))
    found = {each.model: each for each in model_calls(database, ALL)}
    plain, house = found["plain"], found["house-blend-7b"]
    assert (plain.calls, plain.tokens, plain.cost_usd, plain.unpriced_calls) == (5, 5000, Decimal("0.01"), 0)
    assert (house.calls, house.tokens, house.cost_usd, house.unpriced_calls) == (1, 10, Decimal(0), 1)
    assert [each.model for each in model_calls(database, TraceFilter(project="default"))] == ["plain"]
    assert model_calls(database, TraceFilter(start=NOON + timedelta(hours=1))) == ()


def test_unknown_models_are_listed_with_their_tokens(database: Database, writer: Writer) -> None:
    """By class, over all traces that called them; one that got a price since says so."""
    used = {"prompt_tokens": 10, "cached_tokens": 4, "completion_tokens": 2}
    first = make_trace(spans=run(("house-blend-7b", used), ("plain", used)), started_at=NOON - timedelta(days=1))
    second = make_trace(spans=run(("house-blend-7b", used), ("house-blend-7b", used), ("other-9", used)))
    writer.write(first, second)
    house, other = unknown_models(database, ALL, PRICES)
    assert (house.model, house.traces, house.counted) == ("house-blend-7b", 2, 2)
    assert house.tokens == {"input": 18, "cache_read": 12, "output": 6}
    assert (house.first_at, house.last_at) == (first.started_at, second.started_at)
    assert house.missing == ("cache_read", "input", "output")
    assert (other.model, other.traces, other.tokens) == ("other-9", 1, {"input": 6, "cache_read": 4, "output": 2})
    priced = {each.model: each.missing for each in unknown_models(database, ALL, WITH_HOUSE)}
    assert priced == {"house-blend-7b": (), "other-9": ("cache_read", "input", "output")}
    reprice(database, WITH_HOUSE, Chosen())
    assert [each.model for each in unknown_models(database, ALL, WITH_HOUSE)] == ["other-9"]


def test_the_commands_say_what_is_missing_and_price_it_anew(
    database: Database, writer: Writer, database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`prices` shows an entry to fill in; `reprice --dry-run` tells the difference and writes nothing, `reprice` does it."""
    trace = make_trace(
        spans=run(("house-blend-7b", {"prompt_tokens": 1_000_000, "cached_tokens": 9, "completion_tokens": 5}))
    )
    writer.write(trace)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: str, prices: str = "{}") -> str:
        monkeypatch.setenv("TRACEWHY_PRICES", prices)
        settings.cache_clear()
        assert main([*arguments]) == 0
        return capsys.readouterr().out

    said = run_command("prices")
    assert "input 999,991, cache_read 9, output 5" in said
    assert """TRACEWHY_PRICES='{"house-blend-7b": {"input": …, "output": …}}\'""" in said
    assert "and where it is another: cached" in said
    prices = '{"house-blend-7b": {"input": 1, "output": 2}}'
    assert "has a price now: run reprice" in run_command("prices", prices=prices)
    assert "1 would get another cost" in run_command("reprice", "--dry-run", prices=prices)
    assert "1 got another cost" in run_command(
        "reprice", "--since", "2026-11-21", "--until", "2026-11-21", prices=prices
    )
    assert "0 traces read" in run_command("reprice", prices=prices)
    assert "every model that was called has a price" in run_command("prices", prices=prices)
    settings.cache_clear()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT cost_usd FROM traces").scalar_one() == Decimal("1.00001")
