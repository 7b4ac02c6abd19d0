"""ASGI middleware: each request is a trace (A2). Plain ASGI, for any framework."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tracing_core.context import TraceContext
from tracing_core.ids import native_trace_id
from tracing_core.model import TraceStatus
from tracing_core.recording import describe
from tracing_core.trace import Trace
from tracing_core.traceparent import make_traceparent, parse_traceparent

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TraceMiddleware:
    """Opens the root span of a request, ends it with the response, and names the trace in the response headers.

    The trace id is on every log record of the request (`logs.py`). A `traceparent` on the way in gives the id of the
    trace and the caller's span. A request that the application marks or finishes itself stays as it left it.

    Args:
        app: the application.
        paths: the paths that are traced, each with what lies below it; everything otherwise.
        exclude: the paths among them that are not, each with what lies below it.
        project: whose traces these are; the settings' project otherwise.
    """

    def __init__(
        self, app: App, paths: Iterable[str] | None = None, project: str | None = None, exclude: Iterable[str] = ()
    ) -> None:
        self._app = app
        self._paths = None if paths is None else tuple(path.rstrip("/") for path in paths)
        self._exclude = tuple(path.rstrip("/") for path in exclude)
        self._project = project

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._traced(scope["path"]):
            await self._app(scope, receive, send)
            return
        trace = self._start(scope)
        if not isinstance(trace, Trace):
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, _naming(trace, send))
        except BaseException as error:
            trace.root.error = describe(error)
            if trace.status is TraceStatus.IN_PROGRESS:
                trace.mark_failed(trace.root.error)
            raise
        finally:
            _end(trace)

    def _traced(self, path: str) -> bool:
        return (self._paths is None or _below(path, self._paths)) and not _below(path, self._exclude)

    def _start(self, scope: Scope) -> Any:
        headers = {name.lower(): value for name, value in scope.get("headers", ())}
        caller = parse_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        trace = TraceContext.start(
            name=f"{scope['method']} {scope['path']}",
            project_name=self._project,
            trace_id=native_trace_id(caller[0]) if caller else None,
            parent_span_id=caller[1] if caller else None,
        )
        trace.root.set(**{"http.request.method": scope["method"], "url.path": scope["path"]})
        return trace


def _below(path: str, known: Iterable[str]) -> bool:
    """Whether `path` is one of the `known` ones or lies below it."""
    return any(path == each or path.startswith(f"{each}/") for each in known)


def _naming(trace: Trace, send: Send) -> Send:
    """`send`, with the trace in the headers of the response and the response's status on the trace."""

    async def send_named(message: Message) -> None:
        if message["type"] == "http.response.start":
            trace.root.details["http.response.status_code"] = message["status"]
            names = (
                (b"x-trace-id", trace.trace_id),
                (b"traceparent", make_traceparent(trace.trace_id, trace.root.span_id)),
            )
            message["headers"] = [*message.get("headers", ()), *((name, value.encode()) for name, value in names)]
        await send(message)

    return send_named


def _end(trace: Trace) -> None:
    """Mark the trace by its response, unless the application did, and hand it over."""
    if trace.status is TraceStatus.IN_PROGRESS:
        status = trace.root.details.get("http.response.status_code")
        if status is None:
            trace.mark_incomplete()
        elif status >= 500:
            trace.mark_failed(f"HTTP {status}")
        else:
            trace.mark_complete()
    logger.info("%s %s in %.0f ms", trace.name, trace.status, (trace.duration_seconds or 0) * 1000)
    TraceContext.finish(trace)
