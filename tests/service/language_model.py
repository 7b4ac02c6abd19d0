"""The embedded language model as programs meet one: an OpenAI-compatible server that can be asked to call tools."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from assistant.language.embedded import EmbeddedModel

_TO_CALL = "Say in JSON what is asked about."


class LanguageModelServer(ThreadingHTTPServer):
    """Hands requests on to the model as they are.

    The model's server does not know tools. A request that offers one is therefore answered as servers do that know
    them: the model is held to the JSON that the tool's parameters allow, and what it says is given back as the call.
    """

    daemon_threads = True

    def __init__(self, model: EmbeddedModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        headers = {"authorization": model.client._client.headers["authorization"]}
        self.upstream = httpx.Client(base_url=model.base_url, headers=headers, timeout=60)

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LanguageModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        tools = body.pop("tools", None)
        body.pop("tool_choice", None)
        call = tools is not None and body["messages"][-1]["role"] != "tool"
        if call:
            body |= _held_to(tools[0])
            body["messages"] = [{"role": "system", "content": _TO_CALL}, body["messages"][-1]]
        path = self.path.removeprefix("/v1")
        with self.server.upstream.stream("POST", path, json=body) as answer:
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.end_headers()
            if call:
                self.wfile.write(_as_call(json.loads(answer.read()), tools[0]))
            else:
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def _held_to(tool: dict[str, Any]) -> dict[str, Any]:
    schema = {"name": "arguments", "schema": tool["function"]["parameters"]}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _as_call(said: dict[str, Any], tool: dict[str, Any]) -> bytes:
    choice = said["choices"][0]
    function = {"name": tool["function"]["name"], "arguments": choice["message"]["content"]}
    call = {"id": "call_1", "type": "function", "function": function}
    choice |= {"finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [call]}}
    return json.dumps(said).encode()


@contextmanager
def language_model_serving() -> Iterator[LanguageModelServer]:
    """The model's server, until the end of the block."""
    model = EmbeddedModel(60)
    server = LanguageModelServer(model)
    thread = threading.Thread(target=server.serve_forever, name="language-model-server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.upstream.close()
        model.close()
