"""What our own spans have beyond OpenTelemetry, as the attributes under which they leave and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tracing_core.jsontext import dump
from tracing_core.model import SpanData, SpanKind

OWN_KIND = "tracewhy.span.kind"
"""Stands on every span that has any of these attributes."""
_PARTS = {f"tracewhy.span.{name}": name for name in ("evidence", "prompts", "outputs")}
"""A trace has outputs, too, which its root carries as `tracewhy.outputs`."""
_FRAGMENT = "tracewhy.span.fragment"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnParts:
    """What a span says that OpenTelemetry has no place for.

    Args:
        kind: None where a span did not say it.
        is_fragment: whether it stands for log records, whose span has not arrived.
        evidence, prompts, outputs: the fields of a span.
    """

    kind: SpanKind | None = None
    is_fragment: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)


def take_own_parts(attributes: dict[str, Any]) -> OwnParts:
    """Move our own attributes into the fields that they were. What cannot be read as such stays where it is."""
    parts: dict[str, Any] = {}
    kind = attributes[OWN_KIND]
    if isinstance(kind, str) and kind in SpanKind.__members__:
        parts["kind"] = SpanKind(attributes.pop(OWN_KIND))
    if attributes.get(_FRAGMENT) is True:
        parts["is_fragment"] = attributes.pop(_FRAGMENT)
    for key, name in _PARTS.items():
        if isinstance(read := _read(attributes.get(key)), dict) and read:
            parts[name] = read
            del attributes[key]
    return OwnParts(**parts)


def own_attributes(span: SpanData, *, kind_is_clear: bool) -> dict[str, Any]:
    """The attributes that `take_own_parts` reads.

    Args:
        span: where they come from.
        kind_is_clear: whether its other attributes say its kind, too.
    """
    parts: dict[str, Any] = {
        key: dump(value).decode() for key, name in _PARTS.items() if (value := getattr(span, name))
    }
    if span.otel.get("fragment"):
        parts[_FRAGMENT] = True
    if kind_is_clear and (not parts or OWN_KIND in span.attributes):  # there it is a word of the sender's, and stays
        return parts
    return {OWN_KIND: span.kind.name, **parts}


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
