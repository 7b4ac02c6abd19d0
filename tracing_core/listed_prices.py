"""The price list that comes with the package `genai-prices`: found by model and provider, with the price of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from tracing_core.rates import Rates, TokenClass

LIST_VERSION = genai_prices.__version__
"""The version of the price list."""

_BOOK = f"genai-prices {LIST_VERSION}"

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

_PRICES: Mapping[TokenClass, str] = {
    TokenClass.INPUT: "input_mtok",
    TokenClass.CACHE_READ: "cache_read_mtok",
    TokenClass.CACHE_WRITE: "cache_write_mtok",
    TokenClass.INPUT_AUDIO: "input_audio_mtok",
    TokenClass.OUTPUT: "output_mtok",
    TokenClass.REASONING: "output_reasoning_mtok",
    TokenClass.OUTPUT_AUDIO: "output_audio_mtok",
}
_FREE = ":free"
"""How the names of models end that are free of charge; the list has no price for them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the list."""

    _model: ModelInfo
    _starts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _rates: dict[tuple[int, int], Rates] = field(default_factory=dict)

    def rates(self, at: datetime, input_tokens: int) -> Rates:
        """What it cost at that time, for calls with this much input: long ones have prices of their own with some models."""
        price = self._model.get_prices(at)
        starts = self._starts.get(id(price))
        if starts is None:
            starts = self._starts[id(price)] = _tiers(price)
        above = max((start for start in starts if start < input_tokens), default=_BASE) if starts else _BASE
        found = self._rates.get((id(price), above))
        if found is None:
            found = self._rates[id(price), above] = self._made(price, above)
        return found

    def _made(self, price: ModelPrice, above: int) -> Rates:
        if self._model.id.endswith(_FREE) and not _given(price):
            return Rates.of({TokenClass.INPUT: Decimal(0), TokenClass.OUTPUT: Decimal(0)}, _BOOK)
        prices = {name: _at(getattr(price, key), above) for name, key in _PRICES.items()}
        if (thousand := _at(price.requests_kcount, above)) is not None:
            prices[TokenClass.REQUEST] = thousand * 1000
        return Rates.of(prices, _BOOK)


def _given(price: ModelPrice) -> list[Decimal | TieredPrices]:
    return [value for value in vars(price).values() if value is not None]


_BASE = -1
"""Above how many tokens of input the prices count that are not those of a tier."""


def _tiers(price: ModelPrice) -> tuple[int, ...]:
    """Above how many tokens of input other prices count."""
    return tuple([tier.start for value in _given(price) if isinstance(value, TieredPrices) for tier in value.tiers])


def _at(price: Decimal | TieredPrices | None, above: int) -> Decimal | None:
    if isinstance(price, TieredPrices):
        return next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)
    return price


@lru_cache(maxsize=4096)
def listed(model: str, provider: str | None) -> Listed | None:
    """What the list knows of a model; None when it does not know it.

    Args:
        model: its name, as the sender gives it.
        provider: who runs it, which may ask another price than who made it.
    """
    if provider in _OWN_HARDWARE:
        return None
    for name, listed_as in _candidates(model, provider):
        try:
            return Listed(get_snapshot().find_provider_model(name, None, listed_as, None)[1])
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
