"""JSON that always comes out: what JSON cannot hold becomes text, rather than costing the trace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY
_DEEPEST = 200
_MOST_VALUES = 2_000_000
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_ESCAPED_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89abAB])")


def dump(value: Any, *, indent: bool = False) -> bytes:
    """`value` as UTF-8 JSON. Sets become lists, other objects their `str`, NaN becomes null, lone surrogates U+FFFD."""
    options = _OPTIONS | orjson.OPT_INDENT_2 if indent else _OPTIONS
    try:  # to be ready for keys that are no texts takes a third longer
        return orjson.dumps(value, default=_as_text, option=options & ~orjson.OPT_NON_STR_KEYS)
    except (TypeError, RecursionError, ValueError):
        return _dump_anything(value, options)


def _dump_anything(value: Any, options: int) -> bytes:
    try:
        return orjson.dumps(value, default=_as_text, option=options)
    except (TypeError, RecursionError, ValueError):
        return orjson.dumps(_PlainCopy().of(value), option=options)


def _as_text(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return _as_dict(value) if _is_mapping(value) else text_of(value)


def text_of(value: Any) -> str:
    """`str(value)`, storable; the name of its type when it cannot say."""
    return storable(value) if type(value) is str else storable(_guarded(str, value))


def _guarded(read: Callable[[Any], Any], value: Any) -> Any:
    """What `read` makes of `value`; the name of its type when that raises."""
    try:
        return read(value)
    except Exception:  # noqa: BLE001 - a host's own methods may raise anything, and recording must not
        return f"<{type(value).__name__}>"


def mapping_of(value: Any) -> dict[str, Any]:
    """A dictionary, whatever somebody handed over in the place of one."""
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is None else {"value": value}


class _PlainCopy:
    """Copies any value into one that JSON can hold; rings are cut, and depth and size have bounds."""

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._left = _MOST_VALUES

    def of(self, value: Any, depth: int = _DEEPEST) -> Any:
        """The copy of `value`, which may go down `depth` levels."""
        self._left -= 1
        parts = _parts(value)
        if not isinstance(parts, dict | list):
            return _leaf(parts)
        if depth == 0 or self._left < 0 or id(value) in self._inside:
            return f"<{type(value).__name__}>"
        self._inside.add(id(value))
        if isinstance(parts, list):
            copy: Any = [self.of(item, depth - 1) for item in parts]
        else:
            copy = {_key(key): self.of(item, depth - 1) for key, item in parts.items()}
        self._inside.discard(id(value))
        return copy


def _parts(value: Any) -> Any:
    """The list or dictionary that a container amounts to; anything else as it is."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=text_of)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _guarded(_as_dict, value) if _is_mapping(value) else value


def _as_dict(mapping: Any) -> dict[Any, Any]:
    return {key: mapping[key] for key in mapping.keys()}  # noqa: SIM118 - any mapping, by its two methods


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict) or (hasattr(value, "keys") and hasattr(value, "__getitem__"))


def _key(key: Any) -> str:
    """The text that orjson makes of a key, for the kinds that are in use."""
    return "null" if key is None else str(key).lower() if isinstance(key, bool) else text_of(key)


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text_of(value)
    try:
        return orjson.loads(orjson.dumps(value, default=text_of, option=_OPTIONS))
    except (TypeError, ValueError, RecursionError):
        return text_of(value)


def dump_for_postgres(value: Any) -> str:
    """The same for a jsonb column, which holds no NUL character."""
    encoded = dump(value)
    if _ESCAPED_UNSTORABLE.search(encoded):
        encoded = orjson.dumps(_without_nul(json.loads(encoded)))
    return encoded.decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return storable(value) if isinstance(value, str) else value


def storable(text: str) -> str:
    """`text` without what UTF-8 or PostgreSQL cannot hold: NUL and lone surrogates become U+FFFD."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


_LONGEST_LABEL = 300


def label(text: str | None) -> str | None:
    """A text to count and search by: without what PostgreSQL refuses, and no longer than an index can hold."""
    if type(text) is str and text.isascii() and "\0" not in text:
        return text[:_LONGEST_LABEL]  # most are like this
    return None if text is None else text_of(text)[:_LONGEST_LABEL]
