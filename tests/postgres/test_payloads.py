"""Contents of any length come back whole, wherever PostgreSQL keeps their end."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import text

from tests.factories import make_trace
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tracing_core.query.trace import payloads, span_payload
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import payload_row
from tracing_core.storage.tables import span_payloads


@pytest.mark.parametrize("length", [10, 1500, 3000, 40_000])
def test_contents_of_any_length_come_back(database: Database, length: int) -> None:
    """One span's and all spans', and also after the version before had them."""
    noise = random.Random(length).randbytes(length).hex()
    trace = make_trace(query=noise)
    span = trace.spans[-1]
    span.prompts["user"] = noise
    store(database, trace)
    before = span_payload(database, trace.trace_id, span.span_id)
    assert before is not None
    assert before.prompts["user"] == noise
    migrate.downgrade(database, "0008")
    migrate.upgrade(database)
    assert payloads(database, trace.trace_id)[span.span_id] == before


def test_what_leaves_the_row_fills_pieces(database: Database) -> None:
    """So that no page is left empty in part; and nothing is compressed a second time."""
    row = payload_row("t", 0, make_trace().started_at, bytes(5000))
    assert (len(row["content"]), len(row["rest"])) == (2 * 1996, 5000 - 2 * 1996)
    store(database, make_trace())
    (stored,) = rows(database, span_payloads)
    assert (len(stored["content"]), len(stored["rest"]) > 0) == (0, True)
    storage = text(
        "SELECT attstorage FROM pg_attribute WHERE attrelid = 'span_payloads_20261121'::regclass AND attnum > 3"
    )
    with database.read() as connection:
        assert set(connection.execute(storage).scalars()) == {"e"}
