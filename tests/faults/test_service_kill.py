"""The service is killed while it answers: what was finished is there, and it starts clean."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.model_server import MODEL, ModelServer, model_serving
from tests.service.process import service_process
from tests.service.serving import ask_stream, events, eventually

pytestmark = pytest.mark.faults
QUESTION = "How do I create a POST endpoint?"


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that the user of the embedded PostgreSQL may pass through."""
    with tempfile.TemporaryDirectory(prefix="tracewhy-kill-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """The language model's server."""
    with model_serving() as server:
        yield server


def test_a_killed_service_loses_no_finished_trace(open_dir: Path, model: ModelServer) -> None:
    """Killed in the middle of an answer, with its embedded database; whatever `done` was sent for is found again, and the
    answer that was cut off as far as it went.
    """
    data, log = open_dir / "data", open_dir / "log"
    settings = {
        "TRACEWHY_DATA_DIR": str(data), "LLM_BASE_URL": model.url, "LLM_MODEL": MODEL,
        "TRACEWHY_EMBEDDED_MODEL": "false",
    }  # fmt: skip
    with service_process(settings, log) as service:
        eventually(service.ready, 180)
        finished = [ask_stream(service.client, QUESTION)[-1]["data"]["trace_id"] for _ in range(3)]
        model.waits = True
        with service.client.stream("POST", "/ask/stream", json={"question": QUESTION}) as response:
            assert any(event["type"] == "token" for event in events(response))
            service.popen.kill()
            service.popen.wait(20)
    model.well()
    with service_process(settings, log) as service:
        eventually(service.ready, 180)
        assert service.client.get("/healthz").json()["status"] == "ok"
        eventually(lambda: service.client.get("/stats").json()["total_queries"] == 4)
        cut_off, *others = (trace["trace_id"] for trace in service.client.get("/traces").json())
        assert others == finished[::-1]
        rated = service.client.post("/api/v1/chat/feedback", json={"interaction_id": finished[0], "rating": 1})
        assert rated.status_code == 201
        assert ask_stream(service.client, QUESTION)[-1]["type"] == "done"
        service.popen.terminate()
        assert service.popen.wait(30) == 0
    files = list(data.rglob("_traces/*"))
    assert len(files) == 5
    status = {path.stem: json.loads(path.read_bytes())["run"]["status"] for path in files}
    assert status.pop(cut_off) == "incomplete"
    assert set(status.values()) == {"complete"}
    assert not list((data / "journal").iterdir())
    assert not (data / "postgres" / "postmaster.pid").exists()
