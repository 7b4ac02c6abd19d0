"""What a model without a price needs, in words, and as an entry for the settings. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tracing_core.cost import FIELDS
from tracing_core.model_use import NOT_NAMED
from tracing_core.query.models import UnknownModel
from tracing_core.rates import STANDS_FOR


def to_do(model: UnknownModel) -> str:
    """What somebody has to do, so that the cost of the model is known."""
    if model.model == NOT_NAMED:
        return "let the sender name it"
    return "has a price now: run reprice" if model.tokens and not model.missing else "set a price"


def setting(models: Iterable[UnknownModel]) -> str | None:
    """The setting that gives these models prices, with dots for the numbers (dollars per million tokens); None for nothing."""
    entries = {each.model: _entry(each) for each in models if each.missing and each.model != NOT_NAMED}
    said = ", ".join(f"{json.dumps(model)}: {{{entry}}}" for model, entry in entries.items())
    return f"TRACEWHY_PRICES='{{{said}}}'" if entries else None


def finer(models: Iterable[UnknownModel]) -> tuple[str, ...]:
    """Which fields such an entry can have besides, for tokens that these models use and that may cost something else."""
    return tuple(sorted(FIELDS[name] for name in {name for each in models for name in each.tokens} & STANDS_FOR.keys()))


def _entry(model: UnknownModel) -> str:
    """The prices that an entry for this model needs; other classes have these where they have none of their own."""
    return ", ".join(
        f'"{name}": …' for name in dict.fromkeys(FIELDS[STANDS_FOR.get(each, each)] for each in model.tokens)
    )
