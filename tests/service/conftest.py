"""What the tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tracing_core as tracing


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[tracing.Store]:
    """A store on a database of its own; this process records into it."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    yield store
    store.close()
