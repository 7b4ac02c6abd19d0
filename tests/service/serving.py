"""Runs the service for tests: real HTTP on a free port, in a thread of the test's process or in one of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sseclient

import tracing_core as tracing
from assistant.model import Done, Event, Progress, Question, Source, Sources, Step, Stopped, Token
from assistant.stop import StopSignal
from service.answering import Answers
from service.app import create_app
from service.server import Server, bind

ROOT = Path(__file__).resolve().parents[2]
WAIT = 20.0


@contextmanager
def serving(store: tracing.Store, assistant: Answers) -> Iterator[httpx.Client]:
    """A client of the service with `assistant`."""
    with bind("127.0.0.1", 0) as listening:
        server = Server(create_app(store, lambda: assistant))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="service")
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=WAIT) as client:
                yield client
        finally:
            server.stop()
            thread.join(WAIT)
            assert not thread.is_alive()


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream, read as the dashboard reads them."""
    for event in sseclient.SSEClient(response.iter_bytes()).events():
        yield json.loads(event.data)


def ask_stream(client: httpx.Client, question: str, **more: Any) -> list[dict[str, Any]]:
    """All events of an answer."""
    with client.stream("POST", "/ask/stream", json={"question": question, **more}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


@dataclass
class Scripted:
    """An assistant that says what a test tells it to, through the real recording.

    Args:
        words: of the answer.
        pause: called with the number of each word before it is said.
    """

    words: Iterable[str] = ("Use ", "app.post ", "[1], and declare the body as a pydantic model of your own.")
    pause: Callable[[int, StopSignal], None] = lambda number, stop: None
    closed: threading.Event = field(default_factory=threading.Event)
    model_name: str = "extractive"

    def progress(self) -> Progress:
        return Progress(stage="Ready", ready=True)

    def close(self) -> None:
        pass

    def stream(self, question: Question, stop: StopSignal) -> Iterator[Event]:
        sources = (Source(index=1, id="fastapi.FastAPI.post", title="post", library="fastapi", text="...", score=0.9),)
        said: list[str] = []
        try:
            with tracing.span("retrieval_semantic", "RETRIEVAL", n_results=20):
                pass
            yield Step(name="retrieval_semantic", duration_ms=1.0)
            yield Sources(sources=sources)
            with tracing.span("llm_generation", "GENERATION", model="extractive", prompt_tokens=9, completion_tokens=3):
                for number, word in enumerate(self.words):
                    self.pause(number, stop)
                    if stop.is_set():
                        yield Stopped(answer="".join(said))
                        return
                    said.append(word)
                    yield Token(text=word)
            trace = tracing.TraceContext.current()
            if trace is not None:
                trace.answer, trace.confidence = "".join(said), 0.9
            yield Done(
                answer="".join(said), confidence=0.9, citations=(), sources=sources, steps={}, model="extractive",
                provider="test", total_ms=2.0, intent="how_to", library="fastapi", prompt_tokens=9, completion_tokens=3,
                total_tokens=12,
            )  # fmt: skip
        finally:
            self.closed.set()


def eventually(condition: Callable[[], object], seconds: float = WAIT) -> None:
    """Wait until `condition` holds, and fail when it does not within `seconds`."""
    looks = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        looks.wait(0.05)
    assert condition()
