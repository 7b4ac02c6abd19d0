"""Rows as PostgreSQL's COPY text: the quickest way in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Boolean, Column, DateTime, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracing_core.jsontext import dump_for_postgres, storable
from tracing_core.projection import Row

_FIELD, _NULL, _LINE = "\x01", "\x02", "\x03"
"""What stands between values, for NULL, and after rows until these are escaped: characters that hardly any text has."""
_OPTIONS = "DELIMITER E'\\x01', NULL E'\\x02'"
_BYTES_AT_A_TIME = 65_536
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ALL_ESCAPES = str.maketrans(_ESCAPES | {_FIELD: "\\x01", _NULL: "\\x02"})

_Encoder = Callable[[Any], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """How the columns of a table are written.

    Args:
        values: takes them out of a row.
        encoders: make text of them; None for those that hold text.
        json: the places of those of JSON that cannot be NULL, and have JSON's own null instead.
    """

    values: Callable[[Row], tuple[Any, ...]]
    encoders: tuple[_Encoder | None, ...]
    json: tuple[int, ...]


def copy_rows(cursor: Any, table: Table, into: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY `rows` into the table called `into`, which has the columns of `table`."""
    of = _columns(table, tuple(columns))
    values = list(map(of.values, rows))
    if values:
        names = ", ".join(f'"{name}"' for name in columns)
        content = io.BytesIO(_utf8(_lines(values, of)))
        cursor.copy_expert(f"COPY {into} ({names}) FROM STDIN ({_OPTIONS})", content, _BYTES_AT_A_TIME)


def _lines(rows: list[tuple[Any, ...]], of: _Columns) -> str:
    """All rows. They are escaped together, which takes a fraction of the time that it takes value by value."""
    try:
        lines = [_FIELD.join(_texts(row, of.encoders)) for row in rows]
    except TypeError:  # something else than text in a column of text
        return _escaped_one_by_one(rows, of)
    whole = _LINE.join([*lines, ""])
    nulls = sum([row.count(None) for row in rows]) - sum([row[at] is None for at in of.json for row in rows])
    expected = {_FIELD: len(rows) * (len(of.encoders) - 1), _LINE: len(rows), _NULL: nulls}
    if any(whole.count(mark) != count for mark, count in expected.items()):  # a value has such a character in it
        return _escaped_one_by_one(rows, of)
    for character, escaped in _ESCAPES.items():
        whole = whole.replace(character, escaped)
    return whole.replace(_LINE, "\n")


def _texts(row: Iterable[Any], encoders: Iterable[_Encoder | None]) -> list[str]:
    return [
        (_NULL if encode is not _json else "null") if value is None else value if encode is None else encode(value)
        for value, encode in zip(row, encoders, strict=True)
    ]


def _escaped_one_by_one(rows: Iterable[Iterable[Any]], of: _Columns) -> str:
    lines = [_FIELD.join(map(_escaped, row, of.encoders)) for row in rows]
    return "\n".join([*lines, ""])


def _escaped(value: Any, encode: _Encoder | None) -> str:
    if value is None and encode is not _json:
        return _NULL
    return (encode or str)(value).translate(_ALL_ESCAPES)


def _utf8(text: str) -> bytes:
    """The bytes of all rows. What UTF-8 or PostgreSQL cannot hold is so rare that it is looked for once, not per value."""
    if "\x00" in text:
        text = storable(text)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return storable(text).encode()


@cache
def _columns(table: Table, columns: tuple[str, ...]) -> _Columns:
    encoders = tuple(_encoder(table.c[name]) for name in columns)
    json = tuple(at for at, encode in enumerate(encoders) if encode is _json)
    return _Columns(values=itemgetter(*columns), encoders=encoders, json=json)


def _encoder(column: Column[Any]) -> _Encoder | None:
    kinds: tuple[tuple[type, _Encoder | None], ...] = (
        (Text, None), (JSONB, _json_or_null if column.nullable else _json), (ARRAY, _array),
        (DateTime, _moment), (Boolean, _truth),
    )  # fmt: skip
    return next((encode for kind, encode in kinds if isinstance(column.type, kind)), str)


def _moment(value: datetime) -> str:
    """The same as `isoformat`, which takes four times as long for a time in UTC."""
    return orjson.dumps(value).decode()[1:-1] if value.tzinfo is UTC else value.isoformat()


def _truth(value: Any) -> str:
    return "t" if value else "f"


def _json(value: Any) -> str:
    return "{}" if value == {} else dump_for_postgres(value)


def _json_or_null(value: Any) -> str:
    """For a column that can be NULL, as what is not known has to be."""
    return _json(value)


def _array(values: Iterable[Any]) -> str:
    items = ",".join(['"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in values])
    return "{" + items + "}"
