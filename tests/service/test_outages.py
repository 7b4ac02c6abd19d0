"""The database goes away while the service runs, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from sqlalchemy import make_url, text

import tracing_core as tracing
from tests.service.serving import ask_stream, eventually
from tracing_core.query.trace import get_trace
from tracing_core.storage.database import Database

QUESTION = "How do I create a POST endpoint?"


@contextmanager
def away(server_url: str, database_url: str) -> Iterator[None]:
    """PostgreSQL takes no connections to this database, and drops those that are open."""
    name, server = make_url(database_url).database, Database(server_url, pool_size=1)
    with server.autocommit() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
        )
    try:
        yield
    finally:
        with server.autocommit() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        server.close()


def test_answers_go_on_without_the_database(
    client: httpx.Client, store: tracing.Store, server_url: str, database_url: str
) -> None:
    """Questions are answered and their files written; what needs the database says 503; the rows come later."""
    assert client.get("/healthz").json()["status"] == "ok"
    with away(server_url, database_url):
        done = ask_stream(client, QUESTION)[-1]
        assert (done["type"], done["data"]["stored"]) == ("done", False)
        trace_id = done["data"]["trace_id"]
        assert list(store.settings.projects_dir.rglob(f"{trace_id}.json"))
        health = client.get("/healthz")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert health.json()["database"]["ok"] is False
        rated = client.post("/api/v1/chat/feedback", json={"interaction_id": trace_id, "rating": 4})
        assert rated.status_code == 503
        assert int(rated.headers["retry-after"]) > 0
        assert "database" in rated.json()["error"]["message"]
        assert client.get("/stats").status_code == 503
    eventually(lambda: store.writer.flush() and get_trace(store.database, trace_id), 60)
    assert client.post("/api/v1/chat/feedback", json={"interaction_id": trace_id, "rating": 4}).status_code == 201
    assert client.get("/healthz").json()["status"] == "ok"
