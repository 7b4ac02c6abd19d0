"""One interaction in numbers: latency, tokens, quality and cost. What is not known is None, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencyMetrics:
    """Milliseconds of the whole, of retrieval and of generation."""

    total_ms: float | None
    retrieval_ms: float | None
    generation_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenMetrics:
    """Tokens; cached ones are part of the prompt's."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None

    @property
    def total_tokens(self) -> int | None:
        """Of prompt and completion; None when neither was counted."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityMetrics:
    """How sure the answer was (0 to 1), how many sources it cites, its flag, and what it was rated (1 to 5, the lowest)."""

    confidence_score: float | None
    citations_count: int | None
    quality_flag: str
    rating: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionMetrics:
    """Everything that is counted of one question and its answer; `cost_estimate` is in dollars."""

    interaction_id: str
    user_id: str | None
    query: str | None
    answer: str | None
    model_name: str | None
    cost_estimate: Decimal | None
    created_at: datetime
    latency: LatencyMetrics
    tokens: TokenMetrics
    quality: QualityMetrics
