"""The client of the service: asks questions over its event stream, and rates answers."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
import sseclient
from urllib3.exceptions import HTTPError

from tracing_core.errors import InvalidInput, TraceNotFound, TracewhyError
from tracing_core.settings import Settings

CONNECT_SECONDS = 3.0
_TICK_SECONDS = 0.2
_HEALTH_SECONDS = 1.0
_PIECE_BYTES = 65_536
_KNOWN = frozenset({"step", "sources", "token", "done", "error"})


class ServiceUnavailable(TracewhyError):
    """The service that answers questions does not answer. It may still be starting; try again in a moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event of an answer: `kind` is step, sources, token, done or error; tick when nothing happened for a moment."""

    kind: str
    data: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What to ask.

    Args:
        library: look only into this library's documents; None looks into all.
        sources: how many documents to answer from.
        temperature: 0 always answers the same, higher varies.
        session_id: the conversation it belongs to.
    """

    text: str
    library: str | None = None
    sources: int = 5
    temperature: float | None = None
    session_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The request's body."""
        named = {
            "question": self.text,
            "library_filter": self.library,
            "limit": self.sources,
            "temperature": self.temperature,
            "session_id": self.session_id,
            "steps": True,
        }
        return {name: value for name, value in {**named, **self.extra}.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How a service is.

    Args:
        ready: whether its assistant answers without getting ready first.
        progress: how far it is with that, in words.
        problem: why it will not answer.
    """

    ready: bool
    progress: str | None = None
    problem: str | None = None


def service_url(settings: Settings) -> str:
    """Where the service is: `API_URL`, or the one that the dashboard starts."""
    if settings.api_url:
        return settings.api_url.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.service_port}"


def health(url: str) -> Health | None:
    """How the service at `url` is; None when no Tracewhy service answers there."""
    try:
        answer = requests.get(f"{url}/healthz", timeout=_HEALTH_SECONDS)
        said = answer.json() if answer.ok else None
    except requests.RequestException:
        return None
    if not isinstance(said, dict) or said.get("service") != "tracewhy":
        return None
    assistant = said.get("assistant") or {}
    return Health(
        ready=bool(assistant.get("ready", True)), progress=assistant.get("progress"), problem=assistant.get("problem")
    )


def healthy(url: str) -> bool:
    """Whether a Tracewhy service answers at `url`."""
    return health(url) is not None


class Answer:
    """An answer while it comes in. Iterate over it for its events; leaving the `with` closes the connection.

    The stream is read in a thread of its own, so that whoever iterates gets a tick now and then and can stop at any time.

    `trace_id` is that of the run, where the service names one.

    Raises:
        ServiceUnavailable: on entering, when the service cannot be reached or refuses.
        InvalidInput: on entering, when the service finds fault with the question.
    """

    def __init__(self, url: str, question: Question) -> None:
        self._url, self._question = url, question
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def __enter__(self) -> Answer:
        try:
            self._response = requests.post(
                f"{self._url}/ask/stream", json=self._question.body(), stream=True, timeout=(CONNECT_SECONDS, None)
            )
        except requests.RequestException as error:
            raise ServiceUnavailable from error
        self.trace_id = self._response.headers.get("x-trace-id")
        if not self._response.ok:
            with self._response:
                raise _refusal(self._response)
        self._reader = threading.Thread(target=self._read, name="answer", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Shutting down wakes the reader, which may be waiting for bytes; closing from here would wait for it instead.
        shutdown = getattr(self._response.raw, "shutdown", None)
        if self._reader.is_alive() and shutdown:
            with suppress(OSError, ValueError, RuntimeError):  # the other side may be quicker
                shutdown()
        self._reader.join(CONNECT_SECONDS)

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                event = self._events.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                yield Event(kind="tick")
                continue
            if event is None:
                return
            yield event

    def _read(self) -> None:
        try:
            with self._response:
                for message in sseclient.SSEClient(_pieces(self._response)).events():
                    event = _event(message.data)
                    if event:
                        self._events.put(event)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self._events.put(
                Event(kind="error", data={"message": f"The connection broke off ({type(error).__name__})."})
            )
        finally:
            self._events.put(None)


def rate(url: str, trace_id: str, rating: int, comment: str | None, user_id: str) -> None:
    """Rate an answer.

    Args:
        rating: 1 to 5.
        comment: at most 2,000 characters.

    Raises:
        ServiceUnavailable, InvalidInput, TraceNotFound: as the service says.
    """
    body: dict[str, Any] = {"interaction_id": trace_id, "rating": rating, "comment": comment, "user_id": user_id}
    try:
        answer = requests.post(f"{url}/api/v1/chat/feedback", json=body, timeout=(CONNECT_SECONDS, 10))
    except requests.RequestException as error:
        raise ServiceUnavailable from error
    if not answer.ok:
        raise _refusal(answer)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """What arrives, as it arrives; `iter_content` would wait for more where the answer is not sent in chunks."""
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        yield piece


def _event(data: str) -> Event | None:
    message = json.loads(data)
    if not isinstance(message, dict) or message.get("type") not in _KNOWN:
        return None
    return Event(kind=message["type"], data=message.get("data"))


def _refusal(answer: requests.Response) -> TracewhyError:
    """What the service has against it: its own words where it gave some."""
    try:
        said = answer.json()
    except ValueError:
        said = {}
    detail = said.get("detail") or said.get("message") or said.get("error") if isinstance(said, dict) else None
    field = "question"
    if isinstance(detail, dict):
        field, detail = str(detail.get("field") or field), detail.get("message")
    if answer.status_code == 404:
        return TraceNotFound()
    if 400 <= answer.status_code < 500 and answer.status_code != 429:
        return InvalidInput(field, str(detail or f"the service refused it ({answer.status_code})"))
    return ServiceUnavailable(str(detail) if detail else f"The service answers with an error ({answer.status_code}).")
