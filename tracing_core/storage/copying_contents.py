"""Contents of spans in PostgreSQL's binary COPY format: as text their bytes would be written, sent and read in hexadecimal."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any

from tracing_core.projection import Row

_COPY = "COPY span_payloads (trace_id, part, started_at, content, rest) FROM STDIN (FORMAT binary)"
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
"""What PostgreSQL counts the time from, and by."""
_before_id = Struct("!hi").pack
_before_content = Struct("!iiiqi").pack
_before_rest = Struct("!i").pack
_BYTES_AT_A_TIME = 65_536
_FIELDS, _INTEGER, _MOMENT = 5, 4, 8
"""How many a row has, and the bytes of those that have a size of their own."""


def copy_contents(cursor: Any, rows: Iterable[Row]) -> None:
    """COPY rows of `payloads.payload_row` into their table."""
    pieces = [_HEADER]
    for row in rows:
        trace_id, content, rest = row["trace_id"].encode(), row["content"], row["rest"]
        moment = (row["started_at"] - _EPOCH) // _MICROSECOND
        pieces += (
            _before_id(_FIELDS, len(trace_id)),
            trace_id,
            _before_content(_INTEGER, row["part"], _MOMENT, moment, len(content)),
            content,
            _before_rest(len(rest)),
            rest,
        )
    if len(pieces) > 1:
        pieces.append(_END)
        cursor.copy_expert(_COPY, io.BytesIO(b"".join(pieces)), _BYTES_AT_A_TIME)
