"""What attributes hold, as plain values that JSON can hold, too.

Bytes become a data URL, numbers that JSON does not know (NaN, the infinities) their names, and what cannot be read
stays as the bytes that came. `encode.py` is the inverse.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable
from struct import Struct
from typing import Any

from google.protobuf.message import DecodeError

from tracing_core.otlp.wire import Value

BYTES_PREFIX = "data:application/octet-stream;base64,"
_DEEPEST = 64
_MOST_NAMES = 10_000
_STRING, _BOOL, _INT, _DOUBLE = 0x0A, 0x10, 0x18, 0x21
"""The first byte of a value of that type: field number and wire type."""
_unpack_double = Struct("<d").unpack_from


class _Names(dict[bytes, str]):
    """The texts of keys seen before: applications repeat a few keys for ever."""

    def __missing__(self, key: bytes) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        name = self[key] = text(key)
        return name


_names = _Names()


def text(raw: bytes) -> str:
    """UTF-8 as text; bytes that are none become U+FFFD."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """The dictionary of a list of KeyValue messages; of a key that comes twice the last."""
    names, of = _names, value_of
    return {names[pair.key]: of(pair.value) for pair in pairs}


def value_of(raw: bytes, depth: int = _DEEPEST) -> Any:
    """The value that a serialized AnyValue holds, None when it holds nothing.

    Args:
        raw: the message.
        depth: levels of lists and dictionaries that may follow; what lies deeper stays bytes.
    """
    # The usual values are read off the bytes; a parsed message says the rest, and what is wrong with it.
    size = len(raw)
    if size < 2:
        return _parsed(raw, depth)
    if raw[0] != _STRING:
        return _number_of(raw, size, depth)
    length = raw[1]
    try:
        if length == size - 2 < 128:
            return raw[2:].decode()
        if length > 127 and raw[2] < 128 and (length & 127) | (raw[2] << 7) == size - 3:
            return raw[3:].decode()
    except UnicodeDecodeError:
        pass
    return _parsed(raw, depth)


def _number_of(raw: bytes, size: int, depth: int) -> Any:
    kind, first = raw[0], raw[1]
    if kind == _INT:
        if size == 2 and first < 128:
            return first
        if size == 3 and raw[2] < 128 <= first:
            return (first & 127) | (raw[2] << 7)
    elif kind == _BOOL and size == 2:
        return first != 0
    elif kind == _DOUBLE and size == 9:
        return _double(_unpack_double(raw, 1)[0])
    return _parsed(raw, depth)


def _parsed(raw: bytes, depth: int) -> Any:
    try:
        message = Value.FromString(raw)
    except DecodeError:
        return marked(raw)
    which = message.WhichOneof("value")
    value: Any = getattr(message, which) if which else None
    if which == "string_value":
        return text(value)
    if which == "double_value":
        return _double(value)
    if which == "bytes_value":
        return marked(value)
    if which == "array_value":
        return [value_of(item, depth - 1) for item in value.values] if depth else marked(raw)
    if which == "kvlist_value":
        return {_names[pair.key]: value_of(pair.value, depth - 1) for pair in value.values} if depth else marked(raw)
    return value


def marked(raw: bytes) -> str:
    """Bytes as text that says so."""
    return BYTES_PREFIX + b64encode(raw).decode()


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
