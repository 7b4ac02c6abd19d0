"""What a run used of models, over all its spans (D3): each call once, unknown never zero."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.factories import make_span
from tests.unit.emitted_spans import emitted
from tracing_core.cost import CostTracker
from tracing_core.model import SpanData, SpanKind
from tracing_core.model_use import ModelUse, model_use
from tracing_core.normal_form import facts_of
from tracing_core.settings import Price

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
