"""What Langfuse's SDK asks of its server, so that it delivers here when only its host is set.

Its spans come by OpenTelemetry's protocol with Basic authentication, its scores as JSON. As long as no authentication is
configured any pair of keys is good, and the service listens on this machine alone; a header that is no pair is refused.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from service.parts import TheDesk, TheRatingLimit
from service.rpc_status import UNAUTHENTICATED, Problem
from service.scores import read_score
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.feedback import FeedbackService
from tracing_core.jsontext import dump
from tracing_core.media import LARGEST_BYTES
from tracing_core.otlp.decode import JSON

TRACES_PATH = "/api/public/otel/v1/traces"
BODY_BYTES: Mapping[str, int] = {
    "/api/public/scores": 2_000_000,
    "/api/public/ingestion": 8_000_000,
    "/api/public/media/upload": LARGEST_BYTES,
}
"""The longest bodies by path; the SDK sends at most 1 MB of scores, older ones 2.5 MB of events."""
_CHALLENGE = {"www-authenticate": 'Basic realm="Tracewhy"'}
_REFUSED = "send Basic authentication with a public and a secret key; while no sign-in is configured any pair is good"
_VERSION = "5.0.0"
"""Of the Langfuse server whose answers these are like."""


class BasicAuth:
    """Lets requests through that bring a pair of keys, and answers 401 to others.

    Args:
        app: what they get to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if has_keys(Headers(scope=scope).get("authorization")):
            await self._app(scope, receive, send)
            return
        problem = Problem(http=401, code=UNAUTHENTICATED, message=_REFUSED)
        await Response(problem.body(JSON), 401, _CHALLENGE, media_type=JSON)(scope, receive, send)


def has_keys(authorization: str | None) -> bool:
    """Whether a header is Basic authentication with a public and a secret key, neither of them empty."""
    scheme, _, pair = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        public, colon, secret = b64decode(pair.strip(), validate=True).decode().partition(":")
    except ValueError:
        return False
    return bool(public and colon and secret)


async def _with_keys(request: Request) -> None:
    if not has_keys(request.headers.get("authorization")):
        raise HTTPException(401, _REFUSED, _CHALLENGE)


router = APIRouter()
KEYS = [Depends(_with_keys)]


@router.get("/api/public/health")
async def healthy() -> dict[str, str]:
    """That there is a server."""
    return {"status": "OK", "version": _VERSION}


@router.get("/api/public/projects", dependencies=KEYS)
async def projects(desk: TheDesk) -> dict[str, Any]:
    """The project of spans that name none; the SDK asks for it to check its keys."""
    name = desk.store.settings.project
    organization = {"id": "tracewhy", "name": "Tracewhy"}
    return {"data": [{"id": name, "name": name, "organization": organization, "metadata": {}}]}


@router.post("/api/public/scores", dependencies=KEYS)
async def scores(desk: TheDesk, limit: TheRatingLimit, request: Request, given: Annotated[Any, Body()]) -> Response:
    """Scores; those that are ratings become feedback. 202 when all of them are kept, 207 with the reasons otherwise."""
    each = given if isinstance(given, list) else [given]
    limit.admit(request, ratings=len(each))
    problems = [problem for problem in await _keep(desk.store.feedback, each) if problem is not None]
    if not problems:
        return _json(202, {"message": "Accepted"})
    errors = [{"message": problem} for problem in problems]
    return _json(207, {"accepted": len(each) - len(errors), "rejected": len(errors), "errors": errors})


@router.post("/api/public/ingestion", dependencies=KEYS)
async def ingestion(
    desk: TheDesk, limit: TheRatingLimit, request: Request, batch: Annotated[list[dict[str, Any]], Body(embed=True)]
) -> Response:
    """Events as older SDKs send them: scores are kept as above, each event is answered for itself."""
    scored = [event for event in batch if event.get("type") == "score-create"]
    limit.admit(request, ratings=len(scored))
    reasons = await _keep(desk.store.feedback, [event.get("body") for event in scored])
    kept = [{"id": _id(event), "status": 201} for event, reason in zip(scored, reasons, strict=True) if reason is None]
    errors = [_event_error(event, reason) for event, reason in zip(scored, reasons, strict=True) if reason is not None]
    errors += [_event_error(event, _not_by_events(event)) for event in batch if event.get("type") != "score-create"]
    return _json(207, {"successes": kept, "errors": errors})


async def _keep(feedback: FeedbackService, given: Sequence[Any]) -> list[str | None]:
    """Why each score was not kept, None for one that was; it may be quicker than its trace, and wait for it.

    Raises:
        Overloaded: too many wait; all may be sent again, as a score with the same id is kept once.
        StorageError: the database did not take one.
    """
    return [await asyncio.to_thread(_keep_one, feedback, score) for score in given]


def _keep_one(feedback: FeedbackService, given: Any) -> str | None:
    try:
        read_score(given).keep(feedback)
    except (InvalidInput, TraceNotFound) as error:
        return str(error)
    return None


def _not_by_events(event: Mapping[str, Any]) -> str:
    kind = str(event.get("type"))[:50]
    return f"{kind} events are not taken; Langfuse's SDK sends spans by OpenTelemetry's protocol from version 3 on"


def _event_error(event: Mapping[str, Any], message: str) -> dict[str, Any]:
    return {"id": _id(event), "status": 400, "message": message, "error": message}


def _id(event: Mapping[str, Any]) -> str:
    return str(event.get("id", ""))[:200]


def _json(status: int, value: Any) -> Response:
    return Response(dump(value), status, media_type=JSON)
