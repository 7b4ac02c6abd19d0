"""Rows as PostgreSQL's COPY text: the quickest way in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean, DateTime, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracing_core.jsontext import dump_for_postgres, storable
from tracing_core.projection import Row

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

_Encoder = Callable[[Any], str]


def copy_rows(cursor: Any, table: Table, into: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY `rows` into the table called `into`, which has the columns of `table`."""
    encoders = _encoders(table, tuple(columns))
    lines = [
        "\t".join(
            [_NULL if (v := row[name]) is None and encode is not _json else encode(v) for name, encode in encoders]
        )
        for row in rows
    ]
    if lines:
        lines.append("")
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"COPY {into} ({names}) FROM STDIN", io.BytesIO(_utf8("\n".join(lines))))


def _utf8(text: str) -> bytes:
    """The bytes of all rows. What UTF-8 or PostgreSQL cannot hold is so rare that it is looked for once, not per value."""
    if "\x00" in text:
        text = storable(text)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return storable(text).encode()


@cache
def _encoders(table: Table, columns: tuple[str, ...]) -> tuple[tuple[str, _Encoder], ...]:
    return tuple((name, _encoder(table.c[name].type)) for name in columns)


def _encoder(column_type: Any) -> _Encoder:
    kinds: tuple[tuple[type, _Encoder], ...] = (
        (Text, _text), (JSONB, _json), (LargeBinary, _bytes), (ARRAY, _array), (DateTime, _moment), (Boolean, _truth),
    )  # fmt: skip
    return next((encode for kind, encode in kinds if isinstance(column_type, kind)), str)


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else str(value)).translate(_ESCAPES)


def _moment(value: Any) -> str:
    text: str = value.isoformat()
    return text


def _truth(value: Any) -> str:
    return "t" if value else "f"


def _json(value: Any) -> str:
    """JSON has a null of its own, and no column of ours is NULL instead."""
    return "{}" if value == {} else dump_for_postgres(value).translate(_ESCAPES)


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _array(values: Iterable[Any]) -> str:
    items = ",".join(['"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in values])
    return ("{" + items + "}").translate(_ESCAPES)
