"""Rows as PostgreSQL's COPY text: the quickest way in."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tracing_core.jsontext import dump_for_postgres, storable
from tracing_core.projection import Row

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(cursor: Any, table: Table, into: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY `rows` into the table called `into`, which has the columns of `table`."""
    encoders = [_encoder(table.c[name].type) for name in columns]
    lines = (
        "\t".join(
            "\\N" if row[name] is None else encode(row[name]) for name, encode in zip(columns, encoders, strict=True)
        )
        for row in rows
    )
    text = "\n".join(lines)
    if text:
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"COPY {into} ({names}) FROM STDIN", io.StringIO(text + "\n"))


def _encoder(column_type: Any) -> Any:
    if isinstance(column_type, JSONB):
        return _json
    return _array if isinstance(column_type, ARRAY) else _plain


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return storable(text).translate(_ESCAPES)


def _json(value: Any) -> str:
    return dump_for_postgres(value).translate(_ESCAPES)


def _array(values: Iterable[Any]) -> str:
    items = ",".join('"' + storable(str(item)).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in values)
    return ("{" + items + "}").translate(_ESCAPES)
