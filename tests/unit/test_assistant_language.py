"""The language model over HTTP: what it says, and every way in which it can let one down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assistant.embedding import Embedder
from assistant.errors import ModelUnavailable
from assistant.language import embedded
from assistant.language.choice import LanguageModels
from assistant.language.client import ChatClient
from assistant.language.embedded import EmbeddedModel
from assistant.language.model import Piece, Usage
from assistant.prompts import Budget, Prompt
from assistant.stop import StopSignal
from tracing_core.errors import InvalidInput
from tracing_core.settings import Settings, read_settings

PROMPT = Prompt(
    question="Why?",
    sources=(),
    system_prompt="Be short.",
    user_message="Why?",
    temperature=0,
    max_tokens=20,
)
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says."""

    answer: Answer
    requests: list[dict[str, Any]]
    released: threading.Event
    noticed: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.requests.append({"path": self.path, "auth": self.headers["authorization"], **json.loads(body)})
        self.answer()

    def do_GET(self) -> None:
        self.reply(200, b'{"data": [{"id": "first-listed"}, {"id": "second"}]}')

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self, *events: object) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in events:
            self.wfile.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())
            self.wfile.flush()

    def wait_until_gone(self) -> None:
        """Read until the other side hangs up."""
        if self.connection.recv(1) == b"":
            self.noticed.set()

    def log_message(self, *args: Any) -> None:
        pass


def words(*texts: str) -> list[dict[str, Any]]:
    return [{"choices": [{"delta": {"content": text}, "finish_reason": None}]} for text in texts]


END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
COUNTED = {
    "choices": [],
    "usage": {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 3},
    },
}


@contextmanager
def serving(answer: Answer) -> Iterator[type[Handler]]:
    handler = type(
        "Answering",
        (Handler,),
        {"answer": answer, "requests": [], "released": threading.Event(), "noticed": threading.Event()},
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.address = f"http://127.0.0.1:{server.server_address[1]}/v1"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield handler
        finally:
            handler.released.set()
            server.shutdown()
            thread.join()


@contextmanager
def client_of(handler: type[Handler], timeout: float = 10, **more: Any) -> Iterator[ChatClient]:
    client = ChatClient(
        base_url=handler.address,  # type: ignore[attr-defined]
        model="small",
        provider="test",
        budget=Budget(),
        timeout=timeout,
        **more,
    )
    try:
        yield client
    finally:
        client.close()


def test_words_and_counts_come_as_the_server_sends_them() -> None:
    """Pieces in order, then tokens as counted by the server, cached ones included; the request asks for both."""
    with (
        serving(lambda self: self.events(*words("Be", "cause"), END, COUNTED, "[DONE]")) as server,
        client_of(server, api_key="k", options={"seed": 1}) as client,
    ):
        got = list(client.stream(PROMPT, StopSignal()))
    assert got == [
        Piece(text="Be"),
        Piece(text="cause"),
        Usage(prompt_tokens=7, completion_tokens=2, total_tokens=9, cached_tokens=3, finish_reason="stop"),
    ]
    asked = server.requests[0]
    assert (asked["path"], asked["auth"], asked["seed"]) == ("/v1/chat/completions", "Bearer k", 1)
    assert asked["stream_options"] == {"include_usage": True}
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]


def test_a_server_that_counts_nothing_leaves_the_counts_open() -> None:
    """Without a usage event tokens are unknown, which is not zero."""
    with serving(lambda self: self.events(*words("Yes"), END, "[DONE]")) as server, client_of(server) as client:
        assert list(client.stream(PROMPT, StopSignal()))[-1] == Usage(finish_reason="stop")


def fails(answer: Answer, timeout: float = 10) -> tuple[str, str]:
    """What was said before the failure, and what the person who asked is told."""
    said: list[str] = []
    with serving(answer) as server, client_of(server, timeout) as client:
        stream = client.stream(PROMPT, StopSignal())
        with pytest.raises(ModelUnavailable) as failure:
            said.extend(piece.text for piece in stream if isinstance(piece, Piece))
    return "".join(said), str(failure.value)


def test_an_error_of_the_server_is_told_in_its_words() -> None:
    """HTTP 500 becomes a sentence with the server's own message."""
    said, told = fails(lambda self: self.reply(500, b'{"error": {"message": "out of memory"}}'))
    assert (said, told) == ("", "The language model answered HTTP 500: out of memory")


def test_an_error_within_the_stream_is_told_too() -> None:
    """A server that fails after its first words says so in an event."""
    said, told = fails(lambda self: self.events(*words("We"), {"error": {"message": "slot lost"}}))
    assert (said, told) == ("We", "The language model failed: slot lost")


def test_silence_ends_after_the_timeout() -> None:
    """A server that accepts and never answers is given up."""
    _, told = fails(lambda self: bool(self.released.wait(30)) and None, timeout=0.2)
    assert told == "The language model was silent for more than 0.2 s."


def test_silence_in_the_middle_ends_after_the_timeout() -> None:
    """A server that falls silent after its first words is given up, and the words are not lost."""

    def answer(self: Handler) -> None:
        self.events(*words("Once", " upon"))
        self.released.wait(30)

    said, told = fails(answer, timeout=0.3)
    assert said == "Once upon"
    assert "silent" in told


def test_a_model_that_dies_in_the_middle_is_noticed() -> None:
    """A stream that ends without saying why is no complete answer."""
    said, told = fails(lambda self: self.events(*words("Half an")))
    assert said == "Half an"
    assert told == "The language model broke off in the middle of its answer."


def test_nonsense_is_not_passed_on() -> None:
    """What is not JSON ends the answer with a sentence."""
    assert fails(lambda self: self.events("{oops"))[1] == "The language model sent something that is not JSON."


def test_nobody_there_is_said_at_once() -> None:
    """A refused connection is a sentence, not a traceback."""
    with serving(lambda self: None) as server:
        pass
    with client_of(server) as client, pytest.raises(ModelUnavailable, match="cannot be reached"):
        list(client.stream(PROMPT, StopSignal()))


def test_closing_hangs_up() -> None:
    """When the stream is closed after its first word, the server sees the connection end."""

    def answer(self: Handler) -> None:
        self.events(*words("One"))
        self.wait_until_gone()

    with serving(answer) as server, client_of(server) as client:
        stream = client.stream(PROMPT, StopSignal())
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert server.noticed.wait(5)


def test_stopping_hangs_up_while_waiting() -> None:
    """Another thread can stop a stream that waits for its first byte; it ends at once, without an error."""
    stop, asked = StopSignal(), threading.Event()

    def answer(self: Handler) -> None:
        asked.set()
        self.wait_until_gone()

    def stop_when_asked() -> None:
        asked.wait(5)
        stop.set()

    with serving(answer) as server, client_of(server, timeout=30) as client:
        stopper = threading.Thread(target=stop_when_asked)
        stopper.start()
        assert list(client.stream(PROMPT, stop)) == []
        stopper.join()
        assert server.noticed.wait(5)


@contextmanager
def models_with(**overrides: Any) -> Iterator[LanguageModels]:
    settings: Settings = read_settings(**overrides)
    models = LanguageModels(settings, Embedder())
    models.load()
    try:
        yield models
    finally:
        models.close()


def test_without_a_model_the_choice_says_why() -> None:
    """Switched off and no server: quotes, with the reasons against the others; an unknown name is refused."""
    with models_with(TRACEWHY_EMBEDDED_MODEL=False, LLM_BASE_URL=None) as models:
        choice = models.choose(None)
        assert choice.model.name == "extractive"
        assert "switched off" in choice.why
        assert set(choice.others) == {"the server at LLM_BASE_URL", embedded.NAME}
        with pytest.raises(InvalidInput, match="model"):
            models.choose("gpt-9")


def test_a_configured_server_is_asked_for_its_first_model() -> None:
    """Without LLM_MODEL the first listed model answers; a question may ask for another, or for quotes."""
    with (
        serving(lambda self: None) as server,
        models_with(LLM_BASE_URL=server.address) as models,  # type: ignore[attr-defined]
    ):
        assert models.choose(None).model.name == "first-listed"
        assert models.choose("second").model.name == "second"
        assert models.choose("extractive").model.name == "extractive"


@pytest.mark.skipif(embedded.missing() is not None, reason=f"no embedded model: {embedded.missing()}")
def test_the_embedded_model_answers_and_counts() -> None:
    """The real model loads, streams words through the same client, counts its tokens, and keeps strangers out."""
    model = EmbeddedModel(timeout=120)
    try:
        got = list(model.client.stream(PROMPT, StopSignal()))
        assert "".join(piece.text for piece in got if isinstance(piece, Piece)).strip()
        usage = got[-1]
        assert isinstance(usage, Usage)
        assert usage.prompt_tokens
        assert usage.completion_tokens
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        stranger = ChatClient(
            base_url=model.base_url, model=embedded.NAME, provider="x", budget=Budget(), timeout=10, api_key="guess"
        )
        with pytest.raises(ModelUnavailable, match="401"):
            list(stranger.stream(PROMPT, StopSignal()))
        stranger.close()
    finally:
        model.close()
