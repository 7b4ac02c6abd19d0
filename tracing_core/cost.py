"""What model calls cost, in exact decimals (seed D). A model without a known price costs None, never zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache

from genai_prices import Usage, calc_price

from tracing_core.model import TokenUsage
from tracing_core.settings import Price

LOCAL_MODELS = frozenset({"SmolLM2-135M-Instruct", "extractive"})
"""Models that run on the machine itself; their tokens cost no money."""

_LISTED_AS: Mapping[str, str] = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gcp.gemini": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "ibm.watsonx.ai": "ibm",
}
"""Providers by the word of the OpenTelemetry conventions, and as `genai-prices` calls them where that differs."""

_OWN_HARDWARE = frozenset(
    {"ollama", "vllm", "llama.cpp", "llamacpp", "lmstudio", "lm_studio", "localai", "tgi", "sglang"}
)
"""Who runs models on machines whose price no list knows; their models have the names of models that others sell."""
_OF_BEDROCK = re.compile(r"(?:\w+\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[\w-]+")

_MILLION = Decimal(1_000_000)


class CostTracker:
    """Prices model calls: overrides from the settings first, then the `genai-prices` tables.

    Args:
        overrides: prices by model name, in dollars per million tokens.
    """

    def __init__(self, overrides: Mapping[str, Price] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def cost(self, model: str, usage: TokenUsage, provider: str | None = None) -> Decimal | None:
        """The price of one call in dollars; None when the model's price or the number of tokens is not known.

        Args:
            model: its name, as the sender gives it.
            usage: the tokens; those of the cache are part of the input, those of reasoning part of the output.
            provider: who runs the model, which may ask another price than who made it.
        """
        if usage.total_tokens is None:
            return None
        if model in self._overrides:
            return _at(self._overrides[model], usage)
        if model in LOCAL_MODELS:
            return Decimal(0)
        return _listed(model, provider, usage)


def _at(price: Price, usage: TokenUsage) -> Decimal:
    cached = min(usage.cached_tokens or 0, usage.input_tokens or 0)
    fresh = (usage.input_tokens or 0) - cached
    cached_price = price.input if price.cached is None else price.cached
    return (fresh * price.input + cached * cached_price + (usage.output_tokens or 0) * price.output) / _MILLION


@lru_cache(maxsize=4096)
def _listed(model: str, provider: str | None, usage: TokenUsage) -> Decimal | None:
    if provider in _OWN_HARDWARE:
        return None
    priced = _priceable(usage)
    for name, listed_as in _candidates(model, provider):
        try:
            return calc_price(priced, model_ref=name, provider_id=listed_as).total_price
        except LookupError:
            continue
    return None


def _candidates(model: str, provider: str | None) -> Iterator[tuple[str, str | None]]:
    """The names under which the price may be listed, the surest first."""
    if provider is not None:
        yield model, _LISTED_AS.get(provider, provider)
    yield model, None
    if _OF_BEDROCK.match(model):
        yield model, "aws"
    vendor, slash, name = model.partition("/")
    if slash and name:
        yield name, _LISTED_AS.get(vendor.lower(), vendor.lower())
        yield name, None


def _priceable(usage: TokenUsage) -> Usage:
    """The tokens by class, no class larger than what it is part of: the price list refuses what does not add up."""
    tokens_in, out = usage.input_tokens or 0, usage.output_tokens or 0
    cached = min(usage.cached_tokens or 0, tokens_in)
    return Usage(
        input_tokens=tokens_in,
        output_tokens=out,
        cache_read_tokens=cached,
        cache_write_tokens=min(usage.cache_write_tokens or 0, tokens_in - cached),
        output_reasoning_tokens=min(usage.reasoning_tokens or 0, out),
    )
