"""What tokens of each class cost, and the lines of a bill: tokens x price = amount, exact to 10⁻¹⁰ dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from tracing_core.model import TokenUsage


class TokenClass(StrEnum):
    """What is counted and priced by itself. A token is in one class only."""

    INPUT = "input"
    """What went in and is in no other class."""
    EMBEDDING = "embedding"
    """The same of a call that embeds."""
    CACHE_READ = "cache_read"
    CACHE_WRITE = "cache_write"
    INPUT_AUDIO = "input_audio"
    OUTPUT = "output"
    """What came out and is in no other class."""
    REASONING = "reasoning"
    OUTPUT_AUDIO = "output_audio"
    REQUEST = "request"
    """Not a token: the call itself, where there is a price for it."""


Counts = tuple[tuple[TokenClass, int], ...]

STANDS_FOR: Mapping[TokenClass, TokenClass] = {
    TokenClass.EMBEDDING: TokenClass.INPUT,
    TokenClass.CACHE_READ: TokenClass.INPUT,
    TokenClass.CACHE_WRITE: TokenClass.INPUT,
    TokenClass.INPUT_AUDIO: TokenClass.INPUT,
    TokenClass.REASONING: TokenClass.OUTPUT,
    TokenClass.OUTPUT_AUDIO: TokenClass.OUTPUT,
}
"""Which price counts for a class that has none of its own."""

_SMALLEST = Decimal("1E-10")
_ONE_REQUEST = (TokenClass.REQUEST, 1)


def exact(amount: Decimal) -> Decimal:
    """An amount of dollars as the database keeps it. Whatever is added up is made so first, so that sums stay exact."""
    return amount.quantize(_SMALLEST)


class Line(NamedTuple):
    """One line of a bill: `tokens` of a class, at dollars `per_million`, is `amount` dollars.

    A tuple, since some are made for every call that arrives.
    """

    token_class: TokenClass
    tokens: int
    per_million: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Dollars per million by class, and which price book says so."""

    per_million: Mapping[TokenClass, Decimal]
    version: str

    @classmethod
    def of(cls, prices: Mapping[TokenClass, Decimal | None], version: str) -> Rates:
        """Rates in which a class without a price has that of the class it is part of, where there is one."""
        known = {token_class: price for token_class, price in prices.items() if price is not None}
        for token_class, stands_for in STANDS_FOR.items():
            if token_class not in known and stands_for in known:
                known[token_class] = known[stands_for]
        return cls(per_million=known, version=version)

    def bill(self, counts: Counts) -> tuple[Line, ...] | None:
        """What one call costs; None when a class that it used has no price."""
        prices, lines = self.per_million, []
        for name, tokens in (*counts, _ONE_REQUEST) if TokenClass.REQUEST in prices else counts:
            price = prices.get(name)
            if price is None:
                return None
            lines.append(Line(name, tokens, price, (price * tokens).scaleb(-6).quantize(_SMALLEST)))
        return tuple(lines)

    def missing(self, counts: Counts) -> tuple[TokenClass, ...]:
        """The classes that were used and have no price."""
        return tuple([token_class for token_class, _ in counts if token_class not in self.per_million])


def counts_of(usage: TokenUsage, *, embeds: bool = False) -> Counts:
    """The tokens of a call by class; no class is larger than what it is part of.

    Args:
        usage: of one call.
        embeds: whether the call makes embeddings.
    """
    read, written, heard = usage.cached_tokens, usage.cache_write_tokens, usage.input_audio_tokens
    thought, spoken = usage.reasoning_tokens, usage.output_audio_tokens
    went_in = TokenClass.EMBEDDING if embeds else TokenClass.INPUT
    if not (read or written or heard or thought or spoken):
        found = [(went_in, usage.input_tokens), (TokenClass.OUTPUT, usage.output_tokens)]
        return tuple([(name, count) for name, count in found if count])
    of_input = ((TokenClass.CACHE_READ, read), (TokenClass.CACHE_WRITE, written), (TokenClass.INPUT_AUDIO, heard))
    of_output = ((TokenClass.REASONING, thought), (TokenClass.OUTPUT_AUDIO, spoken))
    return (
        *_parted(went_in, usage.input_tokens or 0, of_input),
        *_parted(TokenClass.OUTPUT, usage.output_tokens or 0, of_output),
    )


def _parted(rest_is: TokenClass, whole: int, parts: Sequence[tuple[TokenClass, int | None]]) -> Counts:
    rest, found = whole, []
    for name, given in parts:
        count = min(given or 0, rest)
        rest -= count
        if count:
            found.append((name, count))
    return ((rest_is, rest), *found) if rest else tuple(found)
