"""What model calls cost (D3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.cost import LOCAL_MODELS, CostTracker, Projection, projected
from tracing_core.listed_prices import LIST_VERSION
from tracing_core.model import TokenUsage
from tracing_core.own_prices import Price
from tracing_core.rates import TokenClass
from tracing_core.settings import read_settings

PRICES = {
    "dear": Price(input=Decimal(10), output=Decimal(30), cached=Decimal(1)),
    "plain": Price(input=Decimal(2), output=Decimal(4)),
}
MILLION = 1_000_000


def usage(**tokens: int | None) -> TokenUsage:
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


def priced(tracker: CostTracker, model: str, at: datetime, tokens: TokenUsage, provider: str | None = None) -> Decimal:
    """Fails where there is no price."""
    bill = tracker.bill(model, tokens, provider, at)
    cost = tracker.cost(model, tokens, provider, at)
    assert bill.total == cost
    assert cost is not None
    return cost


def test_own_prices_count_for_their_days() -> None:
    """From `since` up to but without `until`, in UTC; outside of them the list counts, as if there were none."""
    own = {
        "gpt-4o-mini": (
            Price(input=Decimal(5), since=date(2026, 1, 1), until=date(2026, 7, 1)),
            Price(input=Decimal(7), since=date(2026, 7, 1)),
        )
    }
    tracker, listed_price, tokens = CostTracker(own), CostTracker(), usage(input_tokens=MILLION)
    before, first, last, after = (
        datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 7, 1, 1, 59, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 7, 1, tzinfo=UTC),
    )  # fmt: skip
    assert priced(tracker, "gpt-4o-mini", before, tokens) == priced(listed_price, "gpt-4o-mini", before, tokens)
    assert priced(tracker, "gpt-4o-mini", first, tokens) == priced(tracker, "gpt-4o-mini", last, tokens) == 5
    assert priced(tracker, "gpt-4o-mini", after, tokens) == 7


def test_each_class_has_its_price() -> None:
    """The lines of a bill name all tokens once, each at the price of its class, and add up to the cost."""
    own = Price(
        input=Decimal(10), output=Decimal(20), cached=Decimal(1), cache_write=Decimal(12), reasoning=Decimal(25),
        input_audio=Decimal(40), output_audio=Decimal(80), embedding=Decimal("0.5"),
    )  # fmt: skip
    tokens = usage(
        input_tokens=1000, cached_tokens=100, cache_write_tokens=200, input_audio_tokens=300, output_tokens=500,
        reasoning_tokens=50, output_audio_tokens=60,
    )  # fmt: skip
    tracker = CostTracker({"m": own})
    bill = tracker.bill("m", tokens)
    assert bill.lines is not None
    assert [(line.token_class, line.tokens, line.per_million) for line in bill.lines] == [
        (TokenClass.INPUT, 400, Decimal(10)),
        (TokenClass.CACHE_READ, 100, Decimal(1)),
        (TokenClass.CACHE_WRITE, 200, Decimal(12)),
        (TokenClass.INPUT_AUDIO, 300, Decimal(40)),
        (TokenClass.OUTPUT, 390, Decimal(20)),
        (TokenClass.REASONING, 50, Decimal(25)),
        (TokenClass.OUTPUT_AUDIO, 60, Decimal(80)),
    ]
    assert bill.total == tracker.cost("m", tokens) == Decimal("0.0323500000")
    embedding = tracker.bill("m", usage(input_tokens=MILLION), embeds=True)
    assert embedding.lines is not None
    assert [(line.token_class, line.amount) for line in embedding.lines] == [("embedding", Decimal("0.5"))]


def test_a_class_without_a_price_leaves_the_call_without_one() -> None:
    """A price for the input says nothing of the output: None, never zero, and the bill names the class."""
    tracker, tokens = CostTracker({"m": Price(input=Decimal(1))}), usage(input_tokens=5, output_tokens=5)
    assert tracker.cost("m", tokens) is None
    bill = tracker.bill("m", tokens)
    assert (bill.lines, bill.missing, bill.version) == (
        None,
        ("output",),
        tracker.bill("m", usage(input_tokens=1)).version,
    )
    assert CostTracker().cost("whisper-large-v3", usage(input_tokens=10, output_tokens=10), "groq") is None
    unknown = CostTracker().bill("house-blend-7b", tokens)
    assert (unknown.version, unknown.missing) == (None, ("input", "output"))


def test_a_model_that_is_listed_as_free_costs_nothing() -> None:
    """It says so by its name."""
    assert CostTracker().cost("phi-4-reasoning:free", usage(input_tokens=10, output_tokens=10), "azure") == 0


def test_the_version_changes_with_the_prices_alone() -> None:
    """It is short, the same for the same prices however they are written, and the list's alone without any of one's own."""
    one = CostTracker({"a": Price(input=Decimal(1)), "b": Price(output=Decimal(2))})
    same = CostTracker({"b": [Price(output=Decimal("2.0"))], "a": Price(input=Decimal("1.00"))})
    other = CostTracker({"a": Price(input=Decimal(1)), "b": Price(output=Decimal(3))})
    assert one.version == same.version != other.version
    assert len(one.version) <= 20
    assert one.version.partition("+")[0] == CostTracker().version == LIST_VERSION
    assert one.bill("a", usage(input_tokens=1)).version == f"settings {one.version.partition('+')[2]}"
    assert one.bill("gpt-4o-mini", usage(input_tokens=1)).version == f"genai-prices {LIST_VERSION}"


_COUNTS = st.none() | st.integers(0, 2**31 - 1)
_MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given
_LISTED_MODELS = [
    (provider.id, model.id)
    for provider in get_snapshot().providers
    for model in provider.models
    if provider.find_model(model.id) is not None  # some are only known by other names
]


@given(st.sampled_from(_LISTED_MODELS), _MOMENTS, _COUNTS, _COUNTS, _COUNTS, _COUNTS, _COUNTS)
def test_listed_prices_are_reckoned_as_their_package_does(
    model: tuple[str, str], at: datetime, went_in: int | None, out: int | None, read: int | None, written: int | None,
    thought: int | None,
) -> None:  # fmt: skip
    """For any model, time and call with a known price the sum of our lines is theirs, to a ten-billionth for each line."""
    provider, name = model
    tokens = usage(
        input_tokens=went_in,
        output_tokens=out,
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    )
    bill = CostTracker().bill(name, tokens, provider, at)
    if bill.lines is None:
        return
    by_class = dict(bill.counts)
    theirs = Usage(
        input_tokens=went_in or 0,
        output_tokens=out or 0,
        cache_read_tokens=by_class.get(TokenClass.CACHE_READ, 0),
        cache_write_tokens=by_class.get(TokenClass.CACHE_WRITE, 0),
        output_reasoning_tokens=by_class.get(TokenClass.REASONING, 0),
    )
    expected = calc_price(theirs, model_ref=name, provider_id=provider, genai_request_timestamp=at).total_price
    assert bill.total is not None
    assert abs(bill.total - expected) <= Decimal("1E-10") * len(bill.lines)
    assert sum(tokens for _, tokens in bill.counts) == (went_in or 0) + (out or 0)


def test_a_price_of_the_list_is_that_of_its_day() -> None:
    """Some models became cheaper: a call costs what it cost when it was made."""
    tokens = usage(input_tokens=MILLION, output_tokens=MILLION)
    early, late = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    assert priced(CostTracker(), "o3", early, tokens, "openai") == 50
    assert priced(CostTracker(), "o3", late, tokens, "openai") == 10


def test_seed_d_has_its_words() -> None:
    """Its own example comes out to the digit; a month has 30 days and a year 365."""
    tracker = CostTracker({"gemini-1.5-pro-latest": Price(input=Decimal("0.125"), output=Decimal("0.375"))})
    cost = tracker.calculate_cost(model_name="gemini-1.5-pro-latest", prompt_tokens=8234, completion_tokens=312)
    assert tracker.format_cost(cost) == "$0.001147"
    assert tracker.calculate_embedding_cost("gemini-1.5-pro-latest", MILLION) == Decimal("0.125")
    estimate = tracker.estimate_monthly_cost("gemini-1.5-pro-latest", 1000, 8000, 0)
    assert estimate == Projection(daily=Decimal(1), monthly=Decimal(30), yearly=Decimal(365))
    assert tracker.estimate_monthly_cost("house-blend-7b", 1000, 8000, 0) is None
    assert tracker.format_cost(None) == "unknown"
    assert projected(Decimal(3), days=1.5).yearly == 730
