"""What goes wrong, as answers: one shape, `{"error": {"field", "message"}}`, in words for the person who asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assistant.errors import AssistantError
from tracing_core.context import TraceContext
from tracing_core.errors import DataRejected, InvalidInput, Overloaded, StorageError, TraceNotFound, TracewhyError
from tracing_core.model import TraceStatus

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
_NO_ROUTE = (404, "Not Found")
"""What the router raises."""
_SHOWN = 200
"""Characters of a path that an answer repeats."""
INTERNAL = "Something went wrong inside the service. Its log says what."


class ServiceBusy(TracewhyError):
    """Too many questions are being answered; ask again in a moment."""


class TooManyRatings(TracewhyError):
    """Too many ratings came from one sender.

    Args:
        retry_after: seconds until the next one is taken.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many ratings from here; send it again in {retry_after} s")
        self.retry_after = retry_after


Handler = Callable[[Request, Any], Awaitable[JSONResponse]]


def install(app: FastAPI) -> None:
    """Give `app` an answer for each kind of error."""
    handlers: dict[type[Exception], Handler] = {
        InvalidInput: _invalid,
        RequestValidationError: _not_as_described,
        HTTPException: _http,
        TraceNotFound: _answer(404),
        DataRejected: _answer(400),
        StorageError: _answer(503),
        AssistantError: _answer(503),
        ServiceBusy: _answer(503),
        Overloaded: _answer(503),
        TooManyRatings: _too_many,
        Exception: _internal,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def sentence(error: BaseException) -> str:
    """What the person who asked is told; what we do not know the words for stays in the log."""
    return str(error) if isinstance(error, TracewhyError) else INTERNAL


def _answer(status: int) -> Handler:
    async def handler(_request: Request, error: Exception) -> JSONResponse:
        return refusal(status, sentence(error))

    return handler


async def _too_many(_request: Request, error: TooManyRatings) -> JSONResponse:
    return refusal(429, str(error), headers={"retry-after": str(error.retry_after)})


async def _invalid(_request: Request, error: InvalidInput) -> JSONResponse:
    return refusal(400, error.problem, error.field)


async def _not_as_described(_request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    names = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    if first["type"] == "json_invalid":
        return refusal(400, f"is not JSON: {first['ctx']['error']}", "body")
    if not names:
        return refusal(400, "must be a JSON object, with content-type: application/json", "body")
    return refusal(400, "is missing" if first["type"] == "missing" else first["msg"], ".".join(names))


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    if (error.status_code, error.detail) == _NO_ROUTE:
        return refusal(
            404,
            f"there is nothing at {request.url.path[:_SHOWN]}; OTLP goes to /v1/traces, /v1/logs and /v1/metrics, the README lists the rest",
            "path",
        )
    if error.status_code == 405:
        headers = dict(error.headers or {})
        return refusal(405, f"{request.method} is not understood here; send {headers.get('Allow')}", "method", headers)
    if isinstance(error.__cause__, UnicodeDecodeError):
        return refusal(400, "is not UTF-8", "body")
    if isinstance(error.__cause__, ValueError | RecursionError):
        return refusal(400, "is not JSON that can be read", "body")
    return refusal(error.status_code, str(error.detail), None, dict(error.headers or {}))


async def _internal(_request: Request, error: Exception) -> JSONResponse:
    return refusal(500, sentence(error))


def refusal(status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer to a request that gets none. Its trace, if it has one, says what it was refused for.

    Args:
        status: of HTTP.
        message: what is wrong and how to mend it.
        field: the part of the request that is wrong.
        headers: further ones of the response.
    """
    headers = headers or {}
    if status == 503:
        headers["retry-after"] = str(RETRY_SECONDS)
    body: dict[str, Any] = {"error": {"field": field, "message": message}}
    trace = TraceContext.current()
    if trace is not None:
        body["trace_id"] = trace.trace_id
        if trace.status is TraceStatus.IN_PROGRESS:
            said = f"{field}: {message}" if field else message
            if status < 500:
                trace.outputs["refused"] = said
                trace.mark_incomplete()
            else:
                trace.mark_failed(said)
    logger.info("refused with %d: %s %s", status, field or "", message)
    return JSONResponse(body, status, headers)
