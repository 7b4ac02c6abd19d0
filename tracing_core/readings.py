"""Single values as they come in the field: numbers as texts, texts in quotes, times in every unit. None is what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any

import orjson

from tracing_core.conventions import Reading
from tracing_core.jsontext import storable, text_of

LARGEST_COUNT = 2**31 - 1
"""What a column of counts can hold. A call that claims more tokens than this says nothing that could be true."""

_LARGEST_NUMBER = 1e15
_LARGEST_COST = 1e9
_LONGEST_NUMBER = 40
_EARLIEST, _LATEST = 1e8, 1e11
"""Seconds since 1970 between which a number counts as a moment."""


_SCRUBBED = "[Scrubbed due to "
"""What logfire puts in the place of a value whose name sounds like a secret, `session.id` among them: it says nothing."""


def clean(text: str) -> str:
    """`text` without what cannot be stored; quick for texts that are plain."""
    return text if text.isascii() and "\0" not in text else storable(text)


def parsed(value: Any) -> Any:
    """What a JSON text says; anything else, broken JSON too, as it is."""
    if not isinstance(value, str | bytes | bytearray):
        return value
    try:
        return orjson.loads(value)
    except (ValueError, RecursionError):
        return value


def text(value: Any) -> str | None:
    """A name or an id. Numbers become text; texts in JSON's quotes lose them; lists and mappings are neither."""
    if isinstance(value, str):
        if value and value[0] > '"' and value.isascii() and "\0" not in value:
            return None if value[0] == "[" and value.startswith(_SCRUBBED) else value  # most are like this
        if value[:1] == '"':
            unquoted = parsed(value)
            value = unquoted if isinstance(unquoted, str) else value
        return clean(value) if value and not value.isspace() else None
    if value is None or isinstance(value, bool | Mapping | list | tuple | set | frozenset | bytes | bytearray):
        return None
    return text_of(value) or None


def model(value: Any) -> str | None:
    """The name of a model. Servers that load one from their disk say its path: what tells is the name of the file."""
    found = text(value)
    if found is None or not (found[0] in "/~" or (found[1:2] == ":" and found[2:3] in ("/", "\\"))):
        return found
    return found.replace("\\", "/").rstrip("/").rpartition("/")[2] or found


def word(value: Any) -> str | None:
    """The same in lower case."""
    found = text(value)
    return None if found is None else found.strip().lower()


def number(value: Any) -> float | int | None:
    """A number of at least zero."""
    if type(value) is int or type(value) is float:
        found: Any = value
    elif isinstance(value, str):
        found = _number_in(value)
    elif isinstance(value, bool) or not isinstance(value, Real):
        return None
    else:
        found = _plain(value)
    return found if found is not None and 0 <= found < _LARGEST_NUMBER else None


def _number_in(value: str) -> float | int | None:
    digits = value.strip().strip('"')
    if not digits or len(digits) > _LONGEST_NUMBER or "_" in digits:
        return None
    try:
        return int(digits) if digits.isdecimal() else float(digits)
    except ValueError:
        return None


def _plain(value: Real) -> float | int | None:
    """A number of another library as one of Python's."""
    try:
        plain = float(value)
        return int(plain) if plain.is_integer() else plain
    except (ValueError, OverflowError, TypeError):
        return None


def count(value: Any) -> int | None:
    """A number of tokens."""
    if type(value) is int:
        return value if 0 <= value <= LARGEST_COUNT else None
    found = number(value)
    return None if found is None or found > LARGEST_COUNT else int(found)


def usd(value: Any) -> Decimal | None:
    """An amount of money, exact."""
    found = number(value)
    return None if found is None or found > _LARGEST_COST else Decimal(str(found))


def share(value: Any) -> float | None:
    """A number from 0 to 1."""
    found = number(value)
    return None if found is None or found > 1 else float(found)


def moment(value: Any) -> datetime | None:
    """A time: ISO 8601, or seconds, milliseconds, microseconds or nanoseconds since 1970."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    since = number(value)
    if since is not None:
        while since >= _LATEST:
            since /= 1000
        return datetime.fromtimestamp(since, UTC) if since >= _EARLIEST else None
    try:
        found = datetime.fromisoformat(text(value) or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def texts(value: Any) -> tuple[str, ...] | None:
    """Words: a list, a list as JSON, or one alone."""
    value = parsed(value)
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple([found for item in items if (found := text(item)) is not None]) or None


def _scaled(factor: float) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        found = number(value)
        return None if found is None else found * factor

    return read


def _rate(value: Any) -> float | None:
    found = number(value)
    return float(found) if found else None


def _inverted(value: Any) -> float | None:
    found = number(value)
    rate = 1 / found if found else None
    return rate if rate is not None and isfinite(rate) else None


def _there(value: Any) -> Any:
    return None if isinstance(value, str | bytes | list | tuple | dict) and not value else value


def mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping that is not empty, or one as JSON."""
    found = parsed(value)
    if not isinstance(found, Mapping) or not found:
        return None
    return found if all(type(key) is str for key in found) else {text_of(key): item for key, item in found.items()}


READERS: Mapping[Reading, Callable[[Any], Any]] = {
    Reading.TEXT: text,
    Reading.MODEL: model,
    Reading.WORD: word,
    Reading.COUNT: count,
    Reading.USD: usd,
    Reading.SHARE: share,
    Reading.RATE: _rate,
    Reading.SECONDS_EACH: _inverted,
    Reading.SECONDS: _scaled(1e3),
    Reading.MILLISECONDS: _scaled(1.0),
    Reading.NANOSECONDS: _scaled(1e-6),
    Reading.MOMENT: moment,
    Reading.LIST: texts,
    Reading.USAGE: mapping,
    Reading.USAGE_EXCLUSIVE: mapping,
    Reading.COSTS: mapping,
    Reading.MESSAGES: _there,
    Reading.DOCUMENTS: _there,
    Reading.AS_IT_IS: _there,
}
"""How each reading is done. Durations become milliseconds."""
