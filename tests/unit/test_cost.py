"""What model calls cost (D3)."""

from __future__ import annotations

from decimal import Decimal

from tracing_core.cost import LOCAL_MODELS, CostTracker
from tracing_core.model import TokenUsage
from tracing_core.settings import Price, read_settings

PRICES = {
    "dear": Price(input=Decimal(10), output=Decimal(30), cached=Decimal(1)),
    "plain": Price(input=Decimal(2), output=Decimal(4)),
}
MILLION = 1_000_000


def usage(**tokens: int) -> TokenUsage:
    return TokenUsage(**tokens)


def test_a_price_is_exact() -> None:
    """Dollars per million tokens, in decimals."""
    cost = CostTracker(PRICES).cost("dear", usage(input_tokens=1, output_tokens=1))
    assert cost == Decimal("0.00004")
    assert isinstance(cost, Decimal)


def test_cached_tokens_are_part_of_the_input() -> None:
    """They cost their own price instead of that of input, not on top of it; without one they cost as input does."""
    prices = CostTracker(PRICES)
    assert prices.cost("dear", usage(input_tokens=MILLION, cached_tokens=MILLION)) == 1
    assert prices.cost("dear", usage(input_tokens=2 * MILLION, cached_tokens=MILLION)) == 11
    assert prices.cost("plain", usage(input_tokens=MILLION, cached_tokens=MILLION)) == 2
    assert prices.cost("dear", usage(input_tokens=MILLION, cached_tokens=5 * MILLION)) == 1


def test_a_listed_model_has_its_price() -> None:
    """From the tables that come with the package; cached tokens are cheaper there, too."""
    prices = CostTracker()
    fresh = prices.cost("gpt-4o-mini", usage(input_tokens=MILLION, output_tokens=MILLION))
    cached = prices.cost("gpt-4o-mini", usage(input_tokens=MILLION, output_tokens=MILLION, cached_tokens=MILLION))
    impossible = prices.cost("gpt-4o-mini", usage(input_tokens=10, cached_tokens=20))
    assert fresh is not None
    assert cached is not None
    assert impossible is not None
    assert 0 < cached < fresh


def test_an_override_wins_over_the_tables() -> None:
    """Prices in the settings are those of the house."""
    settings = read_settings(TRACEWHY_PRICES={"gpt-4o-mini": {"input": 1, "output": 2}})
    assert CostTracker(settings.prices).cost("gpt-4o-mini", usage(input_tokens=MILLION, output_tokens=MILLION)) == 3


def test_models_on_this_machine_cost_nothing() -> None:
    """Zero, and known to be so."""
    for model in LOCAL_MODELS:
        assert CostTracker().cost(model, usage(input_tokens=MILLION)) == 0


def test_an_unknown_model_has_no_cost() -> None:
    """None, never zero."""
    assert CostTracker(PRICES).cost("house-blend-7b", usage(input_tokens=1)) is None


def test_a_call_of_unknown_size_has_no_cost() -> None:
    """Not zero."""
    assert CostTracker(PRICES).cost("plain", TokenUsage()) is None


def test_an_override_prices_a_local_model_too() -> None:
    """What the settings say counts before everything else: a machine of one's own costs money as well."""
    model = next(iter(LOCAL_MODELS))
    tracker = CostTracker({model: Price(input=Decimal(1))})
    assert tracker.cost(model, TokenUsage(input_tokens=1_000_000)) == Decimal(1)


def test_writing_to_a_cache_has_its_own_price() -> None:
    """Anthropic asks more for it than for plain input, and less for reading; what cannot be true is cut."""
    prices = CostTracker()
    plain = prices.cost("claude-sonnet-4-5", usage(input_tokens=1000))
    written = prices.cost("claude-sonnet-4-5", usage(input_tokens=1000, cache_write_tokens=1000))
    read = prices.cost("claude-sonnet-4-5", usage(input_tokens=1000, cached_tokens=1000))
    both = prices.cost("claude-sonnet-4-5", usage(input_tokens=1000, cached_tokens=900, cache_write_tokens=900))
    assert plain is not None
    assert written is not None
    assert read is not None
    assert both is not None
    assert read < both < plain < written


def test_reasoning_is_part_of_the_output() -> None:
    """It is not charged twice."""
    prices = CostTracker()
    for model in ("o3-mini", "gpt-4o-mini", "claude-sonnet-4-5"):
        thinking = prices.cost(model, usage(input_tokens=10, output_tokens=500, reasoning_tokens=400))
        assert thinking == prices.cost(model, usage(input_tokens=10, output_tokens=500))
        assert thinking is not None


def test_the_provider_helps_to_find_the_price() -> None:
    """Models that only a host lists have one by its name, as do those whose own name says the host."""
    prices, tokens = CostTracker(), usage(input_tokens=MILLION)
    assert prices.cost("llama-3.3-70b-versatile", tokens) is None
    assert prices.cost("llama-3.3-70b-versatile", tokens, "groq") is not None
    assert prices.cost("us.anthropic.claude-3-5-haiku-20241022-v1:0", tokens) is not None
    assert prices.cost("openai/gpt-4o-mini", tokens) == prices.cost("gpt-4o-mini", tokens, "openai")
    assert prices.cost("gpt-4o-mini", tokens, "a gateway") == prices.cost("gpt-4o-mini", tokens)


def test_a_model_on_hardware_of_ones_own_has_no_listed_price() -> None:
    """It has the name of one that others sell, whose price is not its own."""
    assert CostTracker().cost("deepseek-r1", usage(input_tokens=MILLION), "ollama") is None
