"""Turns a database off and on."""

from __future__ import annotations

from sqlalchemy import make_url, text

from tracing_core.storage.database import Database


class Switch:
    """Turns one database of a server off and on, connections that are open included."""

    def __init__(self, server_url: str, database_url: str) -> None:
        self._server = Database(server_url)
        self._name = make_url(database_url).database

    def off(self) -> None:
        self._do(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS false")
        self._do(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def on(self) -> None:
        self._do(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS true")

    def waiting_for_a_lock(self) -> bool:
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self._name}' AND wait_event_type = 'Lock'"
        with self._server.autocommit() as connection:
            return bool(connection.scalar(text(query)))

    def close(self) -> None:
        self._server.close()

    def _do(self, statement: str) -> None:
        with self._server.autocommit() as connection:
            connection.execute(text(statement))
