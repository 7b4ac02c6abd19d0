"""What tests share: a real PostgreSQL, and in it a fresh database for each test that asks for one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tracing_core import interface
from tracing_core.recording import current
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import SETTINGS, embedded_url, release_embedded

_numbers = count()
_FORGETFUL = {**SETTINGS, "fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "200"}


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """A test finds neither the trace nor the components of another: both are kept for the whole process."""
    yield
    current.set(None)
    for schema in interface.registered():
        interface.unregister(schema.component)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of a PostgreSQL server on which databases may be made: TEST_DATABASE_URL, else an embedded one."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with _directory() as directory:
        yield embedded_url(directory, settings=_FORGETFUL)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database with the schema and no rows, which the others are copies of."""
    name = f"tracewhy_template_{os.getpid()}"
    _statement(server_url, f"CREATE DATABASE {name}")
    database = Database(_sibling(server_url, name))
    migrate.upgrade(database)
    database.close()
    yield name
    _statement(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """The URL of a database without any tables, gone after the test."""
    yield from _temporary(server_url, "template0")


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated database without rows, gone after the test."""
    yield from _temporary(server_url, template)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database without rows, gone after the test."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="module")
def shared_database(server_url: str, template: str) -> Iterator[Database]:
    """A migrated database that the tests of one module fill once and only read, gone after them."""
    for url in _temporary(server_url, template):
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data directory, in which an embedded server can run."""
    with _directory() as directory:
        yield directory


@contextmanager
def _directory() -> Iterator[Path]:
    """A directory that is not below pytest's own, which each run of pytest closes to PostgreSQL's user again."""
    directory = Path(tempfile.mkdtemp(prefix="tracewhy-test-"))
    try:
        yield directory
    finally:
        release_embedded(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _temporary(server_url: str, template: str) -> Iterator[str]:
    name = f"tracewhy_test_{os.getpid()}_{next(_numbers)}"
    _statement(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _sibling(server_url, name)
    _statement(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _statement(server_url: str, statement: str) -> None:
    database = Database(server_url, pool_size=1)
    with database.autocommit() as connection:
        connection.execute(text(statement))
    database.close()


def _sibling(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


_CHEAPEST_FIRST = ("unit", "postgres", "pages", "service", "faults", "browser")
_WITH_PROCESSES = frozenset({"service", "faults", "browser"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is cheap first, and of several workers let one alone run what starts processes and waits for them."""
    items.sort(key=_cost)
    for item in items:
        if _CHEAPEST_FIRST[_cost(item)] in _WITH_PROCESSES:
            item.add_marker(pytest.mark.xdist_group("processes"))


def _cost(item: pytest.Item) -> int:
    return max(map(_CHEAPEST_FIRST.index, {*item.path.parts, "unit"} & {*_CHEAPEST_FIRST}))
