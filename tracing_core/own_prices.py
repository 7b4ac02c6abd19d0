"""The prices that the operator sets: of one model perhaps several, each for the time in which it is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Dollars = Annotated[Decimal, Field(ge=0, le=100_000, max_digits=15, decimal_places=10, allow_inf_nan=False)]


class Price(BaseModel):
    """Dollars per million tokens of one model, from `since` up to but without `until` (days in UTC; None for ever).

    What has a price of its own is not part of `input` or `output` any more: `cached` (read from a cache), `cache_write` and
    `input_audio` else cost as `input` does, `reasoning` and `output_audio` as `output`, and the input of a call that embeds
    (`embedding`) as `input`. Where neither is given the price is not known, never zero.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars | None = None
    output: Dollars | None = None
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None
    input_audio: Dollars | None = None
    output_audio: Dollars | None = None
    embedding: Dollars | None = None
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Price:
        if self.input is None and self.output is None and self.embedding is None:
            raise ValueError("needs at least one of input, output and embedding")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until must be after since")
        return self

    def is_valid(self, at: datetime) -> bool:
        """Whether it is the price at that time."""
        day = at.astimezone(UTC).date()
        return (self.since is None or day >= self.since) and (self.until is None or day < self.until)


def _several(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


def _apart(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    """The same in their order; two that are valid on one day contradict each other."""
    ordered = sorted(prices, key=lambda price: price.since or date.min)
    for earlier, later in pairwise(ordered):
        if earlier.until is None or later.since is None or earlier.until > later.since:
            raise ValueError(
                f"two prices are valid on the same day: {_time(earlier)} and {_time(later)}; give one an until"
            )
    return tuple(ordered)


def _time(price: Price) -> str:
    return f"{price.since or 'ever'} to {price.until or 'ever'}"


Prices = Annotated[
    tuple[Price, ...], BeforeValidator(_several), Field(min_length=1), AfterValidator(_apart)
]  # one price, or a list of them
"""The prices of one model over time; a single one need not be in a list."""


def fingerprint(prices: Mapping[str, Sequence[Price]]) -> str:
    """Eight digits that are others when a price is."""
    hashed = blake2b(digest_size=4)
    for model in sorted(prices):
        for price in prices[model]:
            said = [f"{name}={_plain(value)}" for name, value in price if value is not None]
            hashed.update("\x1f".join([model, *said, "\n"]).encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


def _plain(value: Any) -> str:
    """1, 1.0 and 1E0 are one price."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
