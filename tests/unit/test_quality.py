"""The quality flag: the first rule that applies (A5)."""

from __future__ import annotations

import pytest

from tracing_core.model import QualityFlag
from tracing_core.quality import QualityRules
from tracing_core.settings import read_settings


@pytest.mark.parametrize(
    ("chars", "confidence", "rating", "flag"),
    [
        (100, 0.9, None, QualityFlag.NORMAL),
        (100, 0.9, 3, QualityFlag.NORMAL),
        (100, 0.9, 2, QualityFlag.USER_NEGATIVE),
        (10, 0.1, 1, QualityFlag.USER_NEGATIVE),
        (49, 0.1, 3, QualityFlag.EMPTY),
        (49, 0.9, None, QualityFlag.EMPTY),
        (50, 0.9, None, QualityFlag.NORMAL),
        (0, None, None, QualityFlag.EMPTY),
        (50, 0.49, None, QualityFlag.LOW_CONFIDENCE),
        (50, 0.5, None, QualityFlag.NORMAL),
        (None, None, None, QualityFlag.NORMAL),
        (None, 0.1, None, QualityFlag.LOW_CONFIDENCE),
        (None, 0.0, 5, QualityFlag.LOW_CONFIDENCE),
    ],
)
def test_the_first_rule_that_applies_counts(
    chars: int | None, confidence: float | None, rating: int | None, flag: QualityFlag
) -> None:
    """A bad rating before an empty answer before a low confidence; what is not known applies to nothing."""
    assert QualityRules().flag(answer_chars=chars, confidence=confidence, rating=rating) is flag


def test_the_thresholds_are_settings() -> None:
    """Each of the three."""
    rules = QualityRules.of(
        read_settings(TRACEWHY_NEGATIVE_RATING=3, TRACEWHY_EMPTY_ANSWER_CHARS=5, TRACEWHY_LOW_CONFIDENCE=0.8)
    )
    assert rules.flag(answer_chars=100, confidence=0.9, rating=3) is QualityFlag.USER_NEGATIVE
    assert rules.flag(answer_chars=5, confidence=0.9) is QualityFlag.NORMAL
    assert rules.flag(answer_chars=4, confidence=0.9) is QualityFlag.EMPTY
    assert rules.flag(answer_chars=5, confidence=0.79) is QualityFlag.LOW_CONFIDENCE
    assert QualityRules.of(read_settings()) == QualityRules()
