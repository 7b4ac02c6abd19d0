"""What a decision was made over: `reddit (0.40)` as a name and how sure the system was of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracing_core.jsontext import dump

LONGEST_NAME = 200
_WITH_CONFIDENCE = re.compile(r"(?P<name>.*\S)\s*\(\s*(?P<number>\d*\.?\d+)\s*(?P<percent>%?)\s*\)", re.DOTALL)
_NAMES = ("name", "what", "option", "value")
_CONFIDENCES = ("confidence", "score", "probability")


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """Something that was on the table and not chosen; `confidence` is from 0 to 1, None when nobody said."""

    name: str
    confidence: float | None = None


def read_alternative(value: Any) -> Alternative:
    """An alternative as it was recorded: `name (0.40)`, `name (40 %)`, `{"name": ..., "confidence": ...}` or any value."""
    if isinstance(value, Mapping):
        name = next((value[key] for key in _NAMES if key in value), value)
        said = next((value[key] for key in _CONFIDENCES if key in value), None)
        return Alternative(name=plain_name(name), confidence=_confidence(said))
    if isinstance(value, str) and (found := _WITH_CONFIDENCE.fullmatch(value)) is not None:
        number = float(found["number"]) / (100 if found["percent"] else 1)
        if (confidence := _confidence(number)) is not None:
            return Alternative(name=plain_name(found["name"]), confidence=confidence)
    return Alternative(name=plain_name(value))


def margin(confidence: float | None, alternatives: Sequence[Alternative]) -> float | None:
    """How much surer the choice was than the best alternative; below 0 where that was the surer one; None where unsaid."""
    said = [each.confidence for each in alternatives if each.confidence is not None]
    return None if confidence is None or not said else confidence - max(said)


def plain_name(value: Any) -> str:
    """Anything chosen or not chosen as a short text: text as it is, other values as JSON."""
    text = value if isinstance(value, str) else dump(value).decode()
    return text.strip()[:LONGEST_NAME]


def _confidence(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 else None
