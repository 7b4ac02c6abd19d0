"""What the tests of the service share: a store, the real assistant, and the service over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import tracing_core as tracing
from assistant import Assistant
from tests.service.model_server import MODEL, ModelServer, model_serving
from tests.service.serving import serving
from tracing_core.settings import read_settings


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[tracing.Store]:
    """A store on a database of its own; this process records into it."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    yield store
    store.close()


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which the documentation is indexed, which takes seconds and is done once."""
    return tmp_path_factory.mktemp("assistant")


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """The language model's server."""
    with model_serving() as server:
        yield server


@pytest.fixture
def model(model_server: ModelServer) -> ModelServer:
    """The same, answering as it should until a test says otherwise."""
    model_server.well()
    return model_server


@pytest.fixture(scope="session")
def assistant(indexed: Path, model_server: ModelServer) -> Iterator[Assistant]:
    """The real assistant, which asks the model's server."""
    settings = read_settings(
        TRACEWHY_DATA_DIR=indexed, LLM_BASE_URL=model_server.url, LLM_MODEL=MODEL, TRACEWHY_EMBEDDED_MODEL=False
    )
    made = Assistant(settings)
    made.ready.wait(120)
    yield made
    made.close()


class _Shared:
    """The session's assistant, which outlives the service of one test."""

    def __init__(self, assistant: Assistant) -> None:
        self.stream, self.progress = assistant.stream, assistant.progress

    def close(self) -> None:
        """Left to the session."""


@pytest.fixture
def client(store: tracing.Store, assistant: Assistant, model: ModelServer) -> Iterator[httpx.Client]:
    """A client of the whole service."""
    with serving(store, _Shared(assistant)) as client:
        yield client
