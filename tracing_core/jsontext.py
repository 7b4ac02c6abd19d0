"""JSON that always comes out: what JSON cannot hold becomes text, rather than costing the trace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_ESCAPED_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89abAB])")


def dump(value: Any, *, indent: bool = False) -> bytes:
    """`value` as UTF-8 JSON. Sets become lists, other objects their `str`, NaN becomes null, lone surrogates U+FFFD."""
    options = _OPTIONS | orjson.OPT_INDENT_2 if indent else _OPTIONS
    try:
        return orjson.dumps(value, default=_as_text, option=options)
    except (TypeError, RecursionError, ValueError):
        return orjson.dumps(_plain(value, depth=40), option=options)


def _as_text(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        return {str(key): value[key] for key in value.keys()}  # noqa: SIM118 - any mapping, by its two methods
    return text_of(value)


def text_of(value: Any) -> str:
    """`str(value)`, storable; the name of its type when it cannot say."""
    try:
        return storable(str(value))
    except Exception:  # noqa: BLE001 - a host's own __str__ may raise anything, and recording must not
        return f"<{type(value).__name__}>"


def mapping_of(value: Any) -> dict[str, Any]:
    """A dictionary, whatever somebody handed over in the place of one."""
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is None else {"value": value}


def _plain(value: Any, depth: int) -> Any:
    """A copy that JSON can hold whatever `value` is: depth bounded, keys and odd values as text."""
    if isinstance(value, dict) and depth > 0:
        return {text_of(key): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth > 0:
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value
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
    return _UNSTORABLE.sub("\ufffd", text)
