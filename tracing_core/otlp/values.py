"""What attributes hold, as plain values that JSON can hold, too.

Bytes become a data URL, numbers that JSON does not know (NaN, the infinities) their names, and what cannot be read
stays as the bytes that came. `encode.py` is the inverse.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from itertools import count
from struct import Struct
from typing import Any

from google.protobuf.message import DecodeError

from tracing_core.errors import InvalidInput
from tracing_core.otlp.wire import Pair, Value

BYTES_PREFIX = "data:application/octet-stream;base64,"
_DEEPEST = 64
_MOST_NAMES = 10_000
_LONGEST_TEXT = 8192
_LONGEST_KNOWN = 64
_LEARNED_FROM = 61
"""One span in so many; a prime, so that each kind of span has its turn."""
_PLAIN = frozenset({str, int, float, bool})
"""Types whose values can be shared between spans."""
_STRING, _BOOL, _INT, _DOUBLE = 0x0A, 0x10, 0x18, 0x21
"""The first byte of a value of that type: field number and wire type."""
_KEY, _VALUE = 0x0A, 0x12
"""The same before the two fields of a KeyValue."""
_LIST, _ITEM = 0x2A, 0x0A
"""And before a list of values, and each of them."""
_unpack_double = Struct("<d").unpack_from


class _Names(dict[bytes, str]):
    """The texts of keys seen before: applications repeat a few keys for ever."""

    def __missing__(self, key: bytes) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        name = self[key] = text(key)
        return name


class _Heads(dict[bytes, str]):
    """The names that attributes begin with, each with what stands before it; a KeyError for what is no short name."""

    def __missing__(self, head: bytes) -> str:
        if len(head) < 3 or head[0] != _KEY or head[1] != len(head) - 2 or head[1] > 127:
            raise KeyError(head)
        if len(self) >= _MOST_NAMES:
            self.clear()
        name = self[head] = text(head[2:])
        return name


_names, _heads = _Names(), _Heads()
_known: dict[bytes, tuple[str, Any]] = {}
"""Short attributes as they are sent: much of what spans say, they say every time. Now and then those of a span are added."""
_turns = count()


def text(raw: bytes) -> str:
    """UTF-8 as text; bytes that are none become U+FFFD."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def attributes_of(pairs: Sequence[bytes]) -> dict[str, Any]:
    """The dictionary of a list of serialized KeyValue messages; of a key that comes twice the last.

    Raises:
        InvalidInput: one of them is no such message.
    """
    # Every attribute that arrives passes here, so it is short, and all in one place. How many bytes follow the name says
    # what stands before a text of that length; when that is there, the rest is the text. `_attribute` reads the others.
    found: dict[str, Any] = {}
    known, heads, before_text = _known.get, _heads, _BEFORE_TEXT
    for raw in pairs:
        size = len(raw)
        if size <= _LONGEST_KNOWN and (pair := known(raw)) is not None:
            found[pair[0]] = pair[1]
            continue
        try:
            end = raw[1] + 2
            head = raw[:end]
            before = before_text[size - end]
            if raw[end : (start := end + len(before))] == before:
                found[heads[head]] = raw[start:].decode()
                continue
            if size - end == _DOUBLE_SIZE and raw.startswith(_BEFORE_DOUBLE, end):
                found[heads[head]] = _double(_unpack_double(raw, end + 3)[0])
                continue
        except (IndexError, KeyError, UnicodeDecodeError):
            pass
        name, value = _attribute(raw)
        found[name] = value
    if next(_turns) % _LEARNED_FROM == 0:
        _learn(pairs)
    return found


def _learn(pairs: Sequence[bytes]) -> None:
    if len(_known) >= _MOST_NAMES:
        _known.clear()
    for raw in pairs:
        if len(raw) <= _LONGEST_KNOWN and type((pair := _attribute(raw))[1]) in _PLAIN:
            _known[raw] = pair


def _attribute(raw: bytes) -> tuple[str, Any]:
    """The name and the value of a serialized KeyValue."""
    try:
        head = raw[: raw[1] + 2]
        end = len(head)
        size = len(raw) - end
        if 3 < size < 128 and raw[end] == _VALUE and raw[end + 1] == size - 2:
            return _heads[head], value_of(raw[end + 2 :])
    except (IndexError, KeyError):
        pass
    return _parsed_pair(raw)


def _parsed_pair(raw: bytes, depth: int = _DEEPEST) -> tuple[str, Any]:
    try:
        pair = Pair.FromString(raw)
    except DecodeError as error:
        raise InvalidInput("body", f"is not a protobuf request: an attribute cannot be read ({error})") from error
    return _names[pair.key], value_of(pair.value, depth)


def _before_text(size: int) -> bytes:
    """What stands between the name and the text of an attribute, when these bytes and the text are `size` together."""
    for sizes in ((1, 1), (2, 1), (2, 2)):  # bytes that say how long the value is, and the text in it
        value = size - 1 - sizes[0]
        length = value - 1 - sizes[1]
        if length >= 0 and (len(_varint(value)), len(_varint(length))) == sizes:
            return bytes((_VALUE, *_varint(value), _STRING, *_varint(length)))
    return bytes(size + 1)  # longer than what is there, so that it is never found


def _varint(number: int) -> tuple[int, ...]:
    return (number,) if number < 128 else (number & 127 | 128, number >> 7)


_BEFORE_TEXT = [_before_text(size) for size in range(_LONGEST_TEXT)]
_BEFORE_DOUBLE = bytes((_VALUE, 9, _DOUBLE))
_DOUBLE_SIZE = 11


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
        short_list = raw[0] == _LIST and raw[1] == size - 2 < 128 and depth > 0
        return _listed(raw, size, depth) if short_list else _number_of(raw, size, depth)
    length = raw[1]
    try:
        if length == size - 2 < 128:
            return raw[2:].decode()
        if length > 127 and raw[2] < 128 and (length & 127) | (raw[2] << 7) == size - 3:
            return raw[3:].decode()
    except UnicodeDecodeError:
        pass
    return _parsed(raw, depth)


def _listed(raw: bytes, size: int, depth: int) -> Any:
    items: list[Any] = []
    at = 2
    while at < size - 1 and raw[at] == _ITEM and (end := at + 2 + raw[at + 1]) <= size and raw[at + 1] < 128:
        items.append(value_of(raw[at + 2 : end], depth - 1))
        at = end
    return items if at == size else _parsed(raw, depth)


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
        return dict([_parsed_pair(pair, depth - 1) for pair in value.values]) if depth else marked(raw)
    return value


def marked(raw: bytes) -> str:
    """Bytes as text that says so."""
    return BYTES_PREFIX + b64encode(raw).decode()


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
