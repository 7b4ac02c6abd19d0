"""Bring the schema of a database up or down, by the migrations beside this module.

Each call is one transaction: it happens whole or not at all. Two processes that start at once take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from tracing_core.errors import StorageError
from tracing_core.storage.database import Database

MIGRATION_LOCK = 7_201_113_120_001
"""Key of the advisory lock that a migration holds."""


def upgrade(database: Database) -> None:
    """Bring the schema to the newest version; nothing happens when it is there already.

    Raises:
        DatabaseUnavailable: PostgreSQL cannot be reached.
        StorageError: the database was made by a newer version of Tracewhy, or a migration failed.
    """
    if revision(database) != newest_revision():
        _run(database, lambda config: command.upgrade(config, "head"))


def downgrade(database: Database, to: str = "base") -> None:
    """Take the schema back to revision `to`; `base` removes every table and all that is in them.

    Raises:
        DatabaseUnavailable: PostgreSQL cannot be reached.
        StorageError: there is no such revision, or a migration failed.
    """
    _run(database, lambda config: command.downgrade(config, to))


def revision(database: Database) -> str | None:
    """The revision that the database is at; None before the first.

    Raises:
        DatabaseUnavailable: PostgreSQL cannot be reached.
    """
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision that this version of Tracewhy works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _run(database: Database, action: Callable[[Config], None]) -> None:
    with database.write() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        try:
            action(_config(connection))
        except CommandError as error:
            raise StorageError(
                f"the schema cannot be migrated: {error}; if a newer version of Tracewhy made this database, use that one"
            ) from error


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
