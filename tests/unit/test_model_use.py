"""What a run used of models, over all its spans (D3): each call once, unknown never zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.factories import NOON, make_span
from tests.unit.emitted_spans import emitted
from tracing_core.cost import CostTracker
from tracing_core.model import SpanData, SpanKind
from tracing_core.model_use import ModelUse, model_use
from tracing_core.normal_form import facts_of
from tracing_core.own_prices import Price

MILLION = 1_000_000
PRICES = {"plain": Price(input=Decimal(2), output=Decimal(4))}


def call(model: str, **attributes: Any) -> SpanData:
    return make_span(kind=SpanKind.LLM, attributes={"model": model, **attributes})


def use(*spans: SpanData) -> ModelUse:
    return model_use(spans, [facts_of(span, texts=False) for span in spans], CostTracker(PRICES))


def test_unknown_models_are_named() -> None:
    """One of them, and the run has no cost."""
    found = use(
        call("house-blend-7b", prompt_tokens=1), call("plain", prompt_tokens=1), call("another-9", prompt_tokens=1)
    )
    assert found.trace["cost_usd"] is None
    assert found.trace["unknown_models"] == ["another-9", "house-blend-7b"]


def test_the_same_call_twice_costs_twice() -> None:
    """Calls are added, not models."""
    found = use(
        call("plain", prompt_tokens=MILLION),
        call("plain", prompt_tokens=MILLION),
        call("plain", completion_tokens=MILLION),
    )
    assert found.trace["cost_usd"] == 8


def test_a_run_without_calls_has_no_cost() -> None:
    """Nor one whose calls do not say how many tokens they took."""
    assert use().trace["cost_usd"] is None
    assert use(make_span(), call("plain"), call("house-blend-7b")).trace["cost_usd"] is None


def test_an_agent_that_repeats_its_calls_is_not_counted_again() -> None:
    """pydantic-ai's agent has the sum of its two calls under a name of its own; the sender's cost is that of the calls."""
    first, tool, second, agent, *_ = emitted("pydantic_ai")
    below = [replace(span, parent_id=agent.span_id) for span in (first, tool, second)]
    for spans in ((agent, *below), (*below, agent)):
        found = use(*spans).trace
        assert (found["input_tokens"], found["output_tokens"], found["cached_tokens"]) == (240, 68, 128)
        assert found["cost_given_usd"] == Decimal("0.0000672")
        assert found["unknown_models"] == []


def test_a_span_that_repeats_calls_is_not_priced() -> None:
    """What its row costs is what the sender says; a price of our own would be that of a model that it asked for."""
    below = replace(call("plain", prompt_tokens=MILLION), parent_id="a" * 16)
    repeats = {"gen_ai.aggregated_usage.input_tokens": MILLION}
    for cost, shown in ((None, None), ("0.5", Decimal("0.5"))):
        attributes = {"model_name": "plain", **repeats, **({} if cost is None else {"operation.cost": cost})}
        above = replace(make_span(kind=SpanKind.AGENT, attributes=attributes), span_id="a" * 16)
        found = use(above, below)
        assert [row["cost_usd"] for row in found.calls] == [shown, 2]
        assert [row["total_tokens"] for row in found.calls] == [MILLION, MILLION]
        assert found.trace["cost_usd"] == 2


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    """Not that of today."""
    prices = CostTracker(
        {
            "m": (
                Price(input=Decimal(8), until=NOON.date()),
                Price(input=Decimal(2), since=NOON.date()),
            )
        }
    )
    now = call("m", prompt_tokens=MILLION)
    before = replace(now, started_at=NOON - timedelta(days=1))
    for span, cost in ((now, 2), (before, 8)):
        assert model_use([span], [facts_of(span)], prices).trace["cost_usd"] == cost


def test_a_run_says_from_which_price_book_its_cost_is() -> None:
    """One that called no model, or whose calls do not say how many tokens they took, has none."""
    version = CostTracker(PRICES).version
    assert use(call("plain", prompt_tokens=1)).trace["price_version"] == version
    assert use(call("house-blend-7b", prompt_tokens=1)).trace["price_version"] == version
    assert use(make_span(), call("plain")).trace["price_version"] is None


def test_a_call_that_embeds_has_the_price_for_it() -> None:
    """Where the operator gave one."""
    prices = CostTracker({"m": Price(input=Decimal(8), embedding=Decimal(1))})
    span = replace(call("m", prompt_tokens=MILLION), kind=SpanKind.EMBEDDING)
    assert model_use([span], [facts_of(span)], prices).trace["cost_usd"] == 1


def test_a_cost_is_what_the_database_keeps() -> None:
    """To a ten-billionth of a dollar, also what the sender says, so that sums of rows and of rollups are the same."""
    found = use(call("plain", prompt_tokens=1, **{"gen_ai.usage.cost": 0.123456789012345}))
    assert found.trace["cost_given_usd"] == found.trace["cost_usd"] == Decimal("0.1234567890")
    assert found.calls[0]["cost_usd"] == Decimal("0.1234567890")


def test_tokens_each_second_are_reckoned_where_nobody_says_them() -> None:
    """The output over the time after the first token; over all of the call where that is not known."""
    seconds = 10**9
    streamed = replace(call("plain", completion_tokens=90, time_to_first_token_ms=1000), duration_ns=4 * seconds)
    whole = replace(call("plain", completion_tokens=90), duration_ns=3 * seconds)
    told = replace(call("plain", completion_tokens=90, tokens_per_second=12.5), duration_ns=3 * seconds)
    at_once = replace(call("plain", completion_tokens=90, time_to_first_token_ms=3000), duration_ns=3 * seconds)
    embedding = replace(whole, kind=SpanKind.EMBEDDING)
    rates = [use(span).trace["tokens_per_second"] for span in (streamed, whole, told, at_once, embedding)]
    assert rates == [30, 30, 12.5, None, None]
