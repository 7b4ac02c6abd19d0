"""The language model fails: the trace is failed with the error, and the person who asked gets a sentence."""

from __future__ import annotations

import httpx
import pytest

import tracing_core as tracing
from tests.service.model_server import WORDS, ModelServer
from tests.service.serving import ask_stream
from tracing_core.model import TraceStatus
from tracing_core.query.trace import get_trace

QUESTION = "How do I create a POST endpoint?"


@pytest.mark.parametrize("how", ["refuses", "breaks off"])
def test_the_stream_ends_with_a_sentence(
    client: httpx.Client, store: tracing.Store, model: ModelServer, how: str
) -> None:
    """The last event is an error in words with the trace's id; the trace is failed, and keeps what was said."""
    model.status, model.breaks, model.words = (500 if how == "refuses" else 200), how == "breaks off", WORDS[:2]
    seen = ask_stream(client, QUESTION)
    assert [event["type"] for event in seen][-1] == "error"
    assert seen[-1]["data"]["message"].startswith("The language model")
    row = get_trace(store.database, seen[-1]["data"]["trace_id"])
    assert row is not None
    assert row.status is TraceStatus.FAILED
    assert "The language model" in (row.error or "")
    assert row.answer == (None if how == "refuses" else "".join(WORDS[:2]))


def test_ask_says_503_with_a_sentence(client: httpx.Client, model: ModelServer) -> None:
    """Without a stream the status says it, with a time to try again."""
    model.status = 500
    response = client.post("/ask", json={"question": QUESTION})
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "no memory left" in response.json()["error"]["message"]
