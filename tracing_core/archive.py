"""Where this process looks for stored traces: what `init()` opened, else what the settings name, opened by the first question."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tracing_core.files import TraceFiles, files_of
from tracing_core.settings import Settings, read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url
from tracing_core.storage.migrate import upgrade


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A database of traces, and their files."""

    database: Database
    files: TraceFiles


_lock = threading.Lock()
_in_use: list[Archive] = []
_opened: list[Archive] = []
_migrated: list[Archive] = []


def open_database(settings: Settings) -> Database:
    """The database that the settings name; nothing is connected yet, but an embedded server is started.

    Raises:
        DatabaseUnavailable: the embedded PostgreSQL could not be started.
        SettingsError: DATABASE_URL is not the URL of a PostgreSQL database.
    """
    embedded = partial(embedded_url, settings.data_dir)
    return Database(
        settings.database_url or embedded(),
        statement_timeout_ms=settings.statement_timeout_ms,
        write_timeout_ms=settings.write_timeout_ms,
        revive=None if settings.database_url else embedded,
    )


def use(found: Archive) -> Callable[[], None]:
    """Have this process look there from now on; the function returned ends that."""
    with _lock:
        _in_use.append(found)

    def leave() -> None:
        with _lock:
            for some in (_in_use, _migrated):
                some[:] = [each for each in some if each is not found]

    return leave


def archive() -> Archive:
    """Where to look. What the settings name is opened once, and has its tables made where there are none yet.

    Raises:
        DatabaseUnavailable: the database cannot be reached; the next call tries again.
        SettingsError: a setting has a value that cannot be used.
    """
    with _lock:
        if not _in_use and not _opened:
            settings = read_settings()
            _opened.append(Archive(database=open_database(settings), files=files_of(settings)))
        found = (_in_use or _opened)[-1]
        if not any(each is found for each in _migrated):
            upgrade(found.database)
            _migrated.append(found)
        return found


def close() -> None:
    """Let go of what was opened from the settings; the next question opens it again."""
    with _lock:
        _migrated[:] = [each for each in _migrated if each not in _opened]
        while _opened:
            _opened.pop().database.close()


atexit.register(close)
