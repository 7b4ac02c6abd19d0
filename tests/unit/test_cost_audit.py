"""The cost of a trace taken apart: lines that add up exactly, and what is missing (E20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from tests.factories import make_span
from tests.strategies import traces
from tracing_core.cost import CostTracker
from tracing_core.cost_audit import audit
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.model_use import model_use
from tracing_core.normal_form import facts_of
from tracing_core.own_prices import Price
from tracing_core.rates import TokenClass

PRICES = CostTracker({"plain": Price(input=Decimal(2), output=Decimal(4), cached=Decimal("0.5"))})


def span(number: int, parent: int | None, model: str | None = None, **attributes: Any) -> SpanData:
    kind = SpanKind.CHAIN if model is None else SpanKind.LLM
    given = attributes if model is None else {"model": model, **attributes}
    parent_id = None if parent is None else f"{parent:016x}"
    return replace(make_span(kind=kind, attributes=given), span_id=f"{number:016x}", parent_id=parent_id)


@given(traces())
def test_the_lines_add_up_to_the_cost_of_the_row(trace: TraceData) -> None:
    """Exactly, as does what the sender gave; calls without a cost are those of the row's unknown models."""
    trace = replace(trace, spans=tuple(_with_models(trace.spans)))
    use = model_use(trace.spans, [facts_of(each, texts=False) for each in trace.spans], PRICES).trace
    found = audit(trace.spans, PRICES)
    assert found.computed_usd == use["cost_computed_usd"]
    assert found.given_usd == use["cost_given_usd"]
    priced = [line.amount for line in found.lines]
    assert sum(priced, Decimal(0)) == (found.computed_usd or 0)
    assert len({call.model for call in found.unpriced}) == len(use["unknown_models"])
    for line in found.lines:
        assert line.amount == (line.tokens * line.per_million / 1_000_000).quantize(Decimal("1E-10"))


def _with_models(spans: Iterable[SpanData]) -> Iterator[SpanData]:
    for at, each in enumerate(spans):
        model = ("plain", "gpt-4o-mini", "house-blend-7b")[at % 3]
        yield replace(each, attributes={**each.attributes, "model": model, "completion_tokens": at * 7})


def test_a_line_says_call_class_price_and_book() -> None:
    """All that it takes to check an amount by hand."""
    found = audit(
        [span(1, None), span(2, 1, "plain", prompt_tokens=1000, cached_tokens=400, completion_tokens=7)], PRICES
    )
    version = f"settings {PRICES.version.partition('+')[2]}"
    assert [
        (line.span_id, line.model, line.token_class, line.tokens, line.per_million, line.amount) for line in found.lines
    ] == [
        (f"{2:016x}", "plain", "input", 600, 2, Decimal("0.0012")),
        (f"{2:016x}", "plain", "cache_read", 400, Decimal("0.5"), Decimal("0.0002")),
        (f"{2:016x}", "plain", "output", 7, 4, Decimal("0.000028")),
    ]
    assert {line.price_version for line in found.lines} == {version}
    assert found.computed_usd == Decimal("0.001428")


def test_a_span_above_says_what_is_known_and_what_is_missing() -> None:
    """The calls below it: the sum of those that have a price, and those that have none, with their tokens."""
    found = audit(
        [
            span(1, None),
            span(2, 1),
            span(3, 2, "plain", prompt_tokens=1000),
            span(4, 2, "house-blend-7b", prompt_tokens=5, completion_tokens=6),
            span(5, 1, "plain", prompt_tokens=1_000_000, **{"gen_ai.usage.cost": 0.25}),
        ],
        PRICES,
    )
    above = found.below(f"{2:016x}")
    assert (above.known_usd, [call.model for call in above.unpriced]) == (Decimal("0.002"), ["house-blend-7b"])
    assert above.unpriced[0].counts == (("input", 5), ("output", 6))
    assert above.unpriced[0].missing == ("input", "output")
    assert (found.known_usd, found.given_usd, found.computed_usd) == (
        Decimal("0.252"),
        Decimal("0.25"),
        Decimal("2.002"),
    )
    assert found.below(f"{1:016x}").calls == found.calls
    assert found.below(f"{4:016x}").known_usd is None


def test_what_repeats_the_calls_below_it_is_no_call() -> None:
    """An agent that says the sum of its calls is not in the bill."""
    above = span(1, None, "plain", prompt_tokens=1000)
    found = audit([above, span(2, 1, "plain", prompt_tokens=1000)], PRICES)
    assert [call.span_id for call in found.calls] == [f"{2:016x}"]


@pytest.mark.parametrize("attributes", [{"prompt_tokens": 5}, {}])
def test_a_call_that_names_no_model_has_no_price(attributes: dict[str, Any]) -> None:
    """It is listed all the same when it used tokens."""
    nameless = replace(span(1, None, "x", **attributes), attributes=attributes)
    found = audit([nameless], PRICES)
    assert [(call.model, call.computed_usd) for call in found.calls] == [("(model not named)", None)] * len(attributes)


def test_spans_in_a_ring_end() -> None:
    """Senders get parents wrong; nobody waits for ever."""
    ring = [span(1, 2, "plain", prompt_tokens=1), span(2, 1, "plain", prompt_tokens=1)]
    assert audit(ring, PRICES).below(f"{1:016x}") is not None


def test_sound_has_its_own_price() -> None:
    """OpenInference says how many tokens were sound; the list asks more for these, and each token is charged once."""
    said = {
        "llm.model_name": "gpt-audio",
        "llm.provider": "openai",
        "llm.token_count.prompt": 1000,
        "llm.token_count.prompt_details.audio": 600,
        "llm.token_count.completion": 100,
        "llm.token_count.completion_details.audio": 80,
    }
    (call,) = audit([make_span(kind=SpanKind.LLM, attributes=said)], PRICES).calls
    assert call.counts == (("input", 400), ("input_audio", 600), ("output", 20), ("output_audio", 80))
    prices = {line.token_class: line.per_million for line in call.lines}
    assert prices[TokenClass.INPUT_AUDIO] > prices[TokenClass.INPUT]
    assert prices[TokenClass.OUTPUT_AUDIO] > prices[TokenClass.OUTPUT]
