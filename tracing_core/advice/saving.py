"""What a piece of advice is: a sentence, the money that it would have saved, and the traces that show it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import numpy as np

from tracing_core.rates import exact

LEVEL = 0.95
MOST_EVIDENCE = 5
_RESAMPLES, _SEED = 400, 5


class AdviceKind(StrEnum):
    """What to do differently."""

    CHEAPER_MODEL = "cheaper_model"
    REPEATED_QUESTIONS = "repeated_questions"
    CACHED_PREFIX = "cached_prefix"
    TOKEN_BUDGET = "token_budget"  # noqa: S105  # of a prompt
    USELESS_ROUNDS = "useless_rounds"
    BATCHING = "batching"


@dataclass(frozen=True, kw_only=True, slots=True)
class Saving:
    """Dollars that would not have been spent over the range; `low` and `high` bound 95 % of what chance allows."""

    usd: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A trace that shows what is advised: what was asked in it, and the dollars that it alone would have saved."""

    trace_id: str
    question: str
    usd: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Something to do differently.

    Args:
        title: what to do, in words.
        why: what was seen, with its numbers.
        caveat: what was not seen, or what could be otherwise.
        saved: over the range; None where it saves time and no money.
        saved_ms: milliseconds in the middle of the traces that it is about; None where it saves none.
        traces: how many it is about, those included that they stand for.
        evidence: the traces that show it best.
        params: the filters that lead to the traces that it is about, as the URL of the list of traces has them.
    """

    kind: AdviceKind
    title: str
    why: str
    caveat: str
    saved: Saving | None
    traces: int
    evidence: tuple[Shown, ...]
    saved_ms: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoAdvice:
    """Why there is no advice of a kind: what was seen, or what it would need."""

    kind: AdviceKind
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one trace would have saved: dollars, for as many traces as it stands for."""

    trace_id: str
    question: str
    usd: float
    weight: float


def saving(parts: Sequence[Part], *, also: float = 0.0) -> Saving:
    """What these parts add up to, with an interval by drawing traces again and again (a bootstrap with a seed).

    Args:
        parts: one for each trace that was looked at, those that would have saved nothing included.
        also: the relative standard error of what each part was estimated by.
    """
    amounts = np.array([part.usd * part.weight for part in parts], dtype=float)
    total = float(amounts.sum())
    random = np.random.default_rng(_SEED)
    drawn = np.array([float(amounts[random.integers(0, len(amounts), len(amounts))].sum()) for _ in range(_RESAMPLES)])
    drawn *= 1 + also * random.standard_normal(_RESAMPLES)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Saving(usd=_dollars(total), low=_dollars(min(float(low), total)), high=_dollars(max(float(high), total)))


def shown(parts: Sequence[Part]) -> tuple[Shown, ...]:
    """The traces that would have saved most, each question once."""
    best: dict[str, Part] = {}
    for part in sorted(parts, key=lambda each: (-each.usd, each.trace_id)):
        best.setdefault(part.question, part)
        if len(best) == MOST_EVIDENCE:
            break
    return tuple(
        Shown(trace_id=part.trace_id, question=part.question, usd=_dollars(part.usd))
        for part in best.values()
        if part.usd
    )


def stands_for(parts: Sequence[Part]) -> int:
    """How many traces would have saved something, those included that they stand for."""
    return round(sum(part.weight for part in parts if part.usd))


def percent(share: float) -> str:
    """A share from 0 to 1 in words."""
    return f"{share * 100:.1f} %"


def _dollars(amount: float) -> Decimal:
    return exact(Decimal(repr(amount)))
