"""The fields of a calibration record that a person may change, and what each can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable

_LONGEST = 200
_MOST = 1000
_COUNTS = ("collected", "passed", "filtered", "retrieved", "used")
_OF_DECISION = ("stage", "decision", "what", "confidence")

Check = Callable[[str, Any], Any]


def checked(field: str, value: Any) -> Any:
    """`value` as it is kept in `field`, one of `EDITABLE`.

    Raises:
        InvalidInput: it cannot be; names the field, or the part of it, and says what can.
    """
    return _CHECKS[field](field, value)


def _label(field: str, value: Any) -> str | None:
    return None if value is None or value == "" else _word(field, value)


def _word(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(field, f"is {value!r}; give a text")
    if len(value) > _LONGEST:
        raise InvalidInput(field, f"has {len(value)} characters; at most {_LONGEST} are kept")
    return storable(value).strip()


def _score(field: str, value: Any) -> float | None:
    return None if value is None else _number(field, value)


def _number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise InvalidInput(field, f"is {value!r}; give a number from 0 on")
    return value


def _gate(field: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(field, f"is {value!r}; give true, false, or null when there was no gate")
    return value


def _words(field: str, value: Any) -> list[str]:
    names = [_word(f"{field}[{place}]", each) for place, each in enumerate(_listed(field, value))]
    if len(set(names)) < len(names):
        raise InvalidInput(field, "has a name twice; give each once")
    return names


def _scores(field: str, value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or len(value) > _MOST:
        raise InvalidInput(field, f'is no mapping of at most {_MOST} principles; give {{"META-12": 2}}')
    return {_word(field, name): _number(f"{field}.{name}", score) for name, score in value.items()}


def _evidence(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(field, f"is a {type(value).__name__}; give a mapping with {', '.join(_COUNTS)} and sources")
    for name in value:
        if name not in (*_COUNTS, "sources"):
            raise InvalidInput(f"{field}.{name}", f"is unknown; there can be {', '.join(_COUNTS)} and sources")
    counts = {name: _count(f"{field}.{name}", value.get(name)) for name in _COUNTS}
    sources = value.get("sources")
    return counts | {"sources": None if sources is None else _words(f"{field}.sources", sources)}


def _count(field: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InvalidInput(field, f"is {value!r}; give a whole number from 0 on, or null when it is not known")
    return value


def _decisions(field: str, value: Any) -> list[dict[str, Any]]:
    found = []
    for place, each in enumerate(_listed(field, value)):
        where = f"{field}[{place}]"
        if not isinstance(each, Mapping) or set(each) != set(_OF_DECISION):
            raise InvalidInput(where, f"is no decision; give a mapping with {', '.join(_OF_DECISION)}")
        confidence = each["confidence"]
        if confidence is not None and _number(f"{where}.confidence", confidence) > 1:
            raise InvalidInput(f"{where}.confidence", f"is {confidence!r}; give a number from 0 to 1, or null")
        if not isinstance(each["stage"], str):
            raise InvalidInput(f"{where}.stage", f"is {each['stage']!r}; give a text, empty for the run itself")
        found.append(
            {name: each[name] for name in _OF_DECISION} | {"decision": _word(f"{where}.decision", each["decision"])}
        )
    return found


def _listed(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(field, f"is a {type(value).__name__}; give a list")
    return list(value)


_CHECKS: dict[str, Check] = {
    "intent": _label,
    "domain": _label,
    "report_type": _label,
    "principle_scores": _scores,
    "gap_principles": _words,
    "strength_principles": _words,
    "overall_quality_score": _score,
    "quality_gate_passed": _gate,
    "evidence": _evidence,
    "decisions": _decisions,
}
EDITABLE = tuple(_CHECKS)
TEXTS = ("intent", "domain", "report_type")
"""Those that hold a text, or nothing."""
