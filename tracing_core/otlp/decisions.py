"""Decisions as OpenTelemetry carries them: an event named `decision`, or attributes of a span.

`decision.type`, `.what`, `.why`, `.confidence` (0 to 1), `.alternatives`, `.inputs` and `.timestamp` (ISO 8601); structured values
may be JSON texts, since many SDKs take no others. One of `decision.type` and `decision.what` is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import dump, mapping_of, text_of
from tracing_core.making import maker
from tracing_core.model import Decision

EVENT = "decision"
PREFIX = "decision."
_FIELDS = {PREFIX + name: name for name in ("type", "what", "why", "confidence", "alternatives", "inputs", "timestamp")}
_make_decision = maker(Decision)


def is_decision(attributes: Mapping[str, Any]) -> bool:
    """Whether these say enough to be a decision."""
    return "decision.type" in attributes or "decision.what" in attributes


def read_decision(attributes: Mapping[str, Any], timestamp: datetime | None = None) -> Decision:
    """The decision that an event's attributes say. Nothing of them is lost: what has no field of its own is in `inputs`.

    Args:
        attributes: for which `is_decision` holds.
        timestamp: the event's, when the attributes say none.
    """
    said: dict[str, Any] = {}
    others: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    for key, value in attributes.items():
        if (field := _FIELDS.get(key)) is not None:
            said[field] = value
        elif key.startswith(PREFIX):
            others[key.removeprefix(PREFIX)] = value
        else:
            beside[key] = value
    others |= beside
    inputs = dict(mapping_of(_structured(said.get("inputs"))))
    confidence = _confidence(said.get("confidence"))
    if confidence is None and said.get("confidence") is not None:
        others["confidence_given"] = said["confidence"]
    if "timestamp" in said:
        timestamp = _moment(said["timestamp"])
        if timestamp is None and said["timestamp"] is not None:
            others["timestamp_given"] = said["timestamp"]
    for key, value in others.items():
        inputs[key if key not in inputs else PREFIX + key] = value
    return _make_decision(
        decision=_text(said.get("type"), EVENT),
        what=_structured(said.get("what")),
        why=_text(said.get("why"), ""),
        confidence=confidence,
        alternatives_considered=_alternatives(said.get("alternatives")),
        inputs=inputs,
        timestamp=timestamp,
    )


def take_decision(attributes: dict[str, Any]) -> Decision:
    """Move a span's own `decision.*` attributes, for which `is_decision` holds, into the decision that they say."""
    return read_decision({key: attributes.pop(key) for key in list(attributes) if key.startswith(PREFIX)})


def write_decision(decision: Decision) -> dict[str, Any]:
    """The attributes of the event that says `decision`; `read_decision` makes an equal one of them.

    Lists and dictionaries become JSON texts, which every backend keeps. A decision without a time says so, because its
    event has one in any case.
    """
    attributes: dict[str, Any] = {"decision.type": decision.decision, "decision.what": _as_value(decision.what)}
    if decision.why:
        attributes["decision.why"] = decision.why
    if decision.confidence is not None:
        attributes["decision.confidence"] = float(decision.confidence)
    if decision.alternatives_considered:
        attributes["decision.alternatives"] = dump(list(decision.alternatives_considered)).decode()
    if decision.inputs:
        attributes["decision.inputs"] = dump(decision.inputs).decode()
    attributes["decision.timestamp"] = decision.timestamp.isoformat() if decision.timestamp else None
    return attributes


def _text(value: Any, unsaid: str) -> str:
    if isinstance(value, str):
        return value
    return unsaid if value is None else text_of(value)


def _structured(value: Any) -> Any:
    """What a JSON text says; anything else as it is. A number written as text stays one."""
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _as_value(value: Any) -> Any:
    """The inverse of `_structured`: text that would be taken for JSON is quoted."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and _structured(value) is value:
        return value
    return dump(value).decode()


def _confidence(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def _alternatives(value: Any) -> tuple[Any, ...]:
    read = _structured(value)
    if isinstance(read, list):
        return tuple(read)
    return () if read is None else (read,)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return require_utc("timestamp", datetime.fromisoformat(value))
    except (ValueError, OverflowError, InvalidInput):
        return None
