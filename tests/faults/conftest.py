"""What the tests of faults share: services that start quickly, and a database that can be turned off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.nursery import Nursery, nursery
from tests.faults.switch import Switch


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Starts services, as many as a test wants."""
    with nursery(tmp_path_factory.mktemp("services") / "log") as made:
        yield made


@pytest.fixture
def switch(server_url: str, database_url: str) -> Iterator[Switch]:
    """Turns the database of the test off and on."""
    made = Switch(server_url, database_url)
    yield made
    made.on()
    made.close()
