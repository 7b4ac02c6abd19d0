"""COPY: every value comes back as it went in, whatever characters it has (E15)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from operator import itemgetter
from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import NOON, make_trace
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tracing_core.storage.copying import copy_rows
from tracing_core.storage.copying_contents import copy_contents
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import payload_row
from tracing_core.storage.tables import SPAN_COLUMNS, span_payloads, trace_spans, traces

CET = timezone(timedelta(hours=1))
_ODD = ("", "\\", "\\N", "a\tb", "a\nb\r", "\x01", "\x02", "\x03", "\x01\x02\x03\\t\t", "é\\", "\x7f")


def _row(number: int, **values: Any) -> dict[str, Any]:
    given = dict.fromkeys(SPAN_COLUMNS) | {
        "trace_id": "t", "span_id": str(number), "position": 0, "name": "n", "kind": "LLM", "started_at": NOON,
        "status": "ok", "decision_count": 0, "part": 0,
    }  # fmt: skip
    return given | values


def _copied(database: Database, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with database.raw() as connection, connection.cursor() as cursor:
        copy_rows(cursor, trace_spans, "trace_spans", SPAN_COLUMNS, given)
    return sorted(rows(database, trace_spans), key=lambda row: int(row["span_id"]))


@pytest.mark.parametrize("odd", _ODD)
def test_a_text_comes_back_as_it_was(database: Database, odd: str) -> None:
    """Alone or beside others, next to NULL; characters that stand for something while rows are written, too."""
    given = [_row(0), _row(1, name=odd, error=odd), _row(2, name="n" + odd, model=odd), _row(3, error=odd * 2)]
    kept = ("name", "error", "model", "started_at", "parent_id")
    assert [[row[name] for name in kept] for row in _copied(database, given)] == [
        [row[name] for name in kept] for row in given
    ]


def test_what_is_no_text_in_a_column_of_text_is_written_as_text(database: Database) -> None:
    """A host may have handed over a number."""
    (row,) = _copied(database, [_row(0, name=5, model="a\tb")])
    assert (row["name"], row["model"], row["error"]) == ("5", "a\tb", None)


def test_unknown_json_is_null_where_a_column_can_be(database: Database) -> None:
    """An index over what is known must not hold the runs of which nothing is."""
    store(database, make_trace())
    with database.read() as connection:
        assert connection.scalar(select(traces.c.principle_scores.is_(None))) is True


@pytest.mark.parametrize(
    "started_at", [NOON, datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2262, 1, 1, 3, tzinfo=CET)]
)
def test_contents_come_back_as_they_were(database: Database, started_at: datetime) -> None:
    """Bytes of every kind, none at all, and the moment to the microsecond, before the year that PostgreSQL counts from and after."""
    given = [
        payload_row("tracé", part, started_at, content) for part, content in enumerate((bytes(range(256)) * 20, b""))
    ]
    with database.raw() as connection, connection.cursor() as cursor:
        copy_contents(cursor, given)
    came = [
        {**row, "content": bytes(row["content"]), "rest": bytes(row["rest"])} for row in rows(database, span_payloads)
    ]
    assert sorted(came, key=itemgetter("part")) == given
