"""A language model behind an OpenAI-compatible HTTP server; the embedded model is reached the same way."""

from __future__ import annotations

import copy
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from assistant.errors import ModelUnavailable
from assistant.language.model import Piece, Usage
from assistant.prompts import Budget, Prompt
from assistant.stop import StopSignal

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write a line for every answer

_CONNECT_SECONDS = 10.0
_EXCERPT = 200


class ChatClient:
    """Streams answers from `{base_url}/chat/completions`.

    Args:
        base_url: with the version, such as `http://localhost:11434/v1`.
        name: what people see as the model; `model` is what the server is asked for.
        timeout: longest silence, in seconds.
        options: further fields of the request.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        provider: str,
        budget: Budget,
        timeout: float,
        api_key: str | None = None,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name or model
        self.provider = provider
        self.budget = budget
        self._url = base_url.rstrip("/") + "/chat/completions"
        self.model = model
        self._options = dict(options or {})
        self._timeout = timeout
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            # A connection a request: hanging up is how a server learns that nobody wants the rest of the answer.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def asked_for(self, model: str) -> ChatClient:
        """The same server, asked for another of its models."""
        twin = copy.copy(self)
        twin.name = twin.model = model
        return twin

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def stream(self, prompt: Prompt, stop: StopSignal) -> Iterator[Piece | Usage]:
        """See `LanguageModel`."""
        line = _Line(stop)
        try:
            with self._said(self._timeout), line.held():
                request = self._client.build_request(
                    "POST", self._url, json=self._body(prompt), extensions={"trace": line.opened}
                )
                response = self._client.send(request, stream=True)
                try:
                    _check(response)
                    yield from _read(response, prompt.opening)
                finally:
                    response.close()
        except ModelUnavailable:
            if not stop.is_set():
                raise

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        messages = (
            ("system", prompt.system_prompt),
            ("user", prompt.user_message),
            ("assistant", prompt.opening),
        )
        return {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in messages if text],
            "temperature": prompt.temperature,
            "max_tokens": prompt.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        } | self._options

    @staticmethod
    @contextmanager
    def _said(timeout: float) -> Iterator[None]:
        """Turn what the network says into what a person can read."""
        try:
            yield
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ModelUnavailable(f"The language model cannot be reached: {error}.") from error
        except httpx.TimeoutException as error:
            raise ModelUnavailable(f"The language model was silent for more than {timeout:g} s.") from error
        except httpx.HTTPError as error:
            raise ModelUnavailable("The language model broke off in the middle of its answer.") from error


class _Line:
    """The connection of one request, so that another thread can hang up, also while this one waits for bytes."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop

    @contextmanager
    def held(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._stop.call_on_stop(None)

    def opened(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpx what happens; the socket of the encrypted connection takes the place of the plain one."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            connection = info["return_value"].get_extra_info("socket")
            self._stop.call_on_stop(lambda: _hang_up(connection))


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)


def _check(response: httpx.Response) -> None:
    if response.status_code >= 400:
        text = response.read().decode(errors="replace")
        raise ModelUnavailable(f"The language model answered HTTP {response.status_code}: {_message(text)}")


def _message(body: str) -> str:
    """The words of an error, out of the JSON in which OpenAI-compatible servers wrap them."""
    try:
        error = json.loads(body)["error"]
        body = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(str(body).split())[:_EXCERPT] or "no reason given"


def _read(response: httpx.Response, opening: str) -> Iterator[Piece | Usage]:
    """The events of a stream, with usage and reason for the end put together; `opening` comes with the first piece."""
    usage: dict[str, Any] = {}
    reason: str | None = None
    for event in _events(response):
        if event.get("error"):
            raise ModelUnavailable(f"The language model failed: {_message(json.dumps(event))}")
        usage = event.get("usage") or usage
        for choice in event.get("choices") or ():
            reason = choice.get("finish_reason") or reason
            if text := (choice.get("delta") or {}).get("content"):
                yield Piece(text=opening + text, so_far=_so_far(event.get("timings")))
                opening = ""
    if reason is None:
        raise ModelUnavailable("The language model broke off in the middle of its answer.")
    yield Usage(
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        total_tokens=usage.get("total_tokens"),
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
        finish_reason=reason,
    )


def _so_far(timings: Mapping[str, Any] | None) -> Usage | None:
    """What llama.cpp counts while it answers, for the case that the end of the answer is never read."""
    if not timings:
        return None
    cached = int(timings.get("cache_n", 0))
    prompt, completion = int(timings.get("prompt_n", 0)) + cached, int(timings.get("predicted_n", 0))
    return Usage(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion, cached_tokens=cached
    )


def _events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            return
        try:
            event = json.loads(data)
        except ValueError as error:
            raise ModelUnavailable("The language model sent something that is not JSON.") from error
        if isinstance(event, dict):
            yield event
