"""Rows as PostgreSQL's COPY text: the quickest way in."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracing_core.jsontext import dump_for_postgres, storable
from tracing_core.projection import Row

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(cursor: Any, table: Table, into: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY `rows` into the table called `into`, which has the columns of `table`."""
    encoders = [(name, _encoder(table.c[name].type)) for name in columns]
    lines = ("\t".join(encode(row[name]) for name, encode in encoders) for row in rows)
    text = "\n".join(lines)
    if text:
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"COPY {into} ({names}) FROM STDIN", io.StringIO(text + "\n"))


def _encoder(column_type: Any) -> Any:
    if isinstance(column_type, JSONB):
        return _json
    if isinstance(column_type, LargeBinary):
        return _bytes
    return _array if isinstance(column_type, ARRAY) else _plain


def _plain(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return storable(text).translate(_ESCAPES)


def _json(value: Any) -> str:
    """JSON has a null of its own, and no column of ours is NULL instead."""
    return dump_for_postgres(value).translate(_ESCAPES)


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _array(values: Iterable[Any] | None) -> str:
    if values is None:
        return _NULL
    items = ",".join('"' + storable(str(item)).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in values)
    return ("{" + items + "}").translate(_ESCAPES)
