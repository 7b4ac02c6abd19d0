"""Where a page of a list ended, as text that the next request brings back. Opaque to whoever holds it."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tracing_core.errors import InvalidInput

Sort = Literal["newest", "slowest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """The last row of a page: what the list is sorted by (a moment, or milliseconds), and the id that breaks ties."""

    sort: Sort
    key: datetime | float
    trace_id: str

    def encode(self) -> str:
        """The cursor as URL-safe text."""
        key = self.key.isoformat() if isinstance(self.key, datetime) else self.key
        content = json.dumps([self.sort, key, self.trace_id], separators=(",", ":"))
        return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode(text: str, sort: Sort) -> Cursor:
    """The cursor in `text`, for a list in this order.

    Raises:
        InvalidInput: it is not one that `encode` made for this order.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        made_for, key, trace_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if made_for != sort or not isinstance(trace_id, str) or "\x00" in trace_id or not trace_id.isascii():
            raise _refused()
        return Cursor(sort=sort, key=_moment(key) if sort == "newest" else _number(key), trace_id=trace_id)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise _refused() from error


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise _refused()
    return moment.astimezone(UTC)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refused()
    return float(value)


def _refused() -> InvalidInput:
    return InvalidInput("cursor", "does not belong to this list; start again from its first page")
