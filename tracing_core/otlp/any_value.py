"""Plain values as OTLP's AnyValue: the inverse of `values.py`."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from tracing_core.jsontext import dump, storable, text_of
from tracing_core.otlp.values import BYTES_PREFIX

_DEEPEST = 24
"""Lists and dictionaries within each other; each takes up to three messages, and readers refuse a request with a hundred."""


def add_attributes(pairs: Any, attributes: Mapping[str, Any]) -> None:
    """Append `attributes` to a list of KeyValue messages."""
    _add_pairs(pairs, attributes, _DEEPEST)


def _add_pairs(pairs: Any, attributes: Mapping[Any, Any], depth: int) -> None:
    for key, value in attributes.items():
        pair = pairs.add()
        pair.key = wire_text(key) if isinstance(key, str) else text_of(key)
        fill_value(pair.value, value, depth)


def fill_value(target: Any, value: Any, depth: int = _DEEPEST) -> None:
    """Make the AnyValue `target` hold `value`. None is an AnyValue that holds nothing, what OTLP has no type for JSON text.

    Args:
        target: an empty AnyValue.
        value: anything.
        depth: levels of lists and dictionaries that may follow; what lies deeper becomes JSON text.
    """
    if value is None:
        target.SetInParent()
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        _fill_int(target, value)
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        _fill_text(target, value)
    elif depth and isinstance(value, list | tuple | Mapping):
        _fill_container(target, value, depth - 1)
    else:
        _fill_other(target, value, depth)


def _fill_int(target: Any, value: int) -> None:
    if -(2**63) <= value < 2**63:
        target.int_value = value
    else:
        target.string_value = str(value)


def _fill_text(target: Any, value: str) -> None:
    raw = _marked_bytes(value) if value.startswith(BYTES_PREFIX) else None
    if raw is None:
        target.string_value = wire_text(value)
    else:
        target.bytes_value = raw


def wire_text(value: str) -> str:
    """`value` as protobuf takes it: lone surrogates become U+FFFD."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return storable(value)
    return value


def _fill_container(target: Any, value: Any, depth: int) -> None:
    if isinstance(value, Mapping):
        target.kvlist_value.SetInParent()
        _add_pairs(target.kvlist_value.values, value, depth)
    else:
        target.array_value.SetInParent()
        _add_items(target.array_value.values, value, depth)


def _add_items(items: Any, values: Iterable[Any], depth: int) -> None:
    for value in values:
        fill_value(items.add(), value, depth)


def _fill_other(target: Any, value: Any, depth: int) -> None:
    """Times, decimals and other objects are what JSON makes of them."""
    encoded = dump(value)
    plain = orjson.loads(encoded)
    if depth and not isinstance(plain, str | float | int | None):
        fill_value(target, plain, depth)
    else:
        target.string_value = plain if isinstance(plain, str) else encoded.decode()


def _marked_bytes(value: str) -> bytes | None:
    """The bytes that a text from `values.marked` stands for; None when it is only similar to one."""
    encoded = value.removeprefix(BYTES_PREFIX)
    try:
        raw = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if b64encode(raw).decode() == encoded else None
