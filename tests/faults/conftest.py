"""What the tests of faults share: services that start quickly, and a database that can be turned off."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 2_000_000_000


@pytest.fixture
def quick_dir(data_dir: Path) -> Iterator[Path]:
    """A data directory in memory where there is some: PostgreSQL syncs every file of its own when it recovers."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ENOUGH_BYTES:
        yield data_dir
        return
    directory = Path(tempfile.mkdtemp(prefix="tracewhy-test-", dir=_MEMORY))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
