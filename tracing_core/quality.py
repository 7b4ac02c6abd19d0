"""The quality flag of an answer: the first rule that applies (seed A, phase 4)."""

from __future__ import annotations

from dataclasses import dataclass

from tracing_core.model import QualityFlag
from tracing_core.settings import Settings


def length(answer: str | None) -> int | None:
    """The characters of an answer, white space around it left out; None without an answer."""
    return None if answer is None else len(answer.strip())


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityRules:
    """The thresholds: a rating up to `negative_rating`, an answer under `empty_answer_chars`, a confidence under `low_confidence`."""

    negative_rating: int = 2
    empty_answer_chars: int = 50
    low_confidence: float = 0.5

    @classmethod
    def of(cls, settings: Settings) -> QualityRules:
        """The thresholds that the settings name."""
        return cls(
            negative_rating=settings.negative_rating,
            empty_answer_chars=settings.empty_answer_chars,
            low_confidence=settings.low_confidence,
        )

    def flag(self, *, answer_chars: int | None, confidence: float | None, rating: int | None = None) -> QualityFlag:
        """Judge one answer.

        Args:
            answer_chars: the length of the answer; None when the run gives none (a batch job) or did not record it.
            confidence: how sure the system was, 0 to 1, None when it did not say.
            rating: the lowest rating that a person gave, 1 to 5, None without one.
        """
        if rating is not None and rating <= self.negative_rating:
            return QualityFlag.USER_NEGATIVE
        if answer_chars is not None and answer_chars < self.empty_answer_chars:
            return QualityFlag.EMPTY
        if confidence is not None and confidence < self.low_confidence:
            return QualityFlag.LOW_CONFIDENCE
        return QualityFlag.NORMAL
