"""OpenTelemetry's protocol over HTTP: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`.

Plain ASGI, ahead of the other endpoints: a request costs a look at its headers, its body, and the wait for the commit.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.bodies import ClientGone, ReadingRoom
from service.intake import PROJECT_HEADER, Intake, Parcel
from service.rpc_status import NOT_FOUND, UNIMPLEMENTED, Problem, problem_of
from service.signals import SIGNALS, TRACES, Signal
from tracing_core.errors import InvalidInput, Overloaded
from tracing_core.otlp.decode import JSON, PROTOBUF, media_type

_RIGHT_PATHS = "send OTLP to /v1/traces, /v1/logs or /v1/metrics"
_SHOWN = 200
"""Characters of a path that an answer repeats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    status: int
    body: bytes
    media_type: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class OtlpEndpoint:
    """The receiver of one signal.

    Args:
        signal: which.
        intake: has it stored.
        room: where bodies are read.
    """

    def __init__(self, signal: Signal, intake: Intake, room: ReadingRoom) -> None:
        self._signal = signal
        self._intake = intake
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except ClientGone:
            return
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        headers = Headers(scope=scope)
        if scope["method"] != "POST":
            problem = Problem(http=405, code=UNIMPLEMENTED, message=f"{scope['method']} is not understood; send POST")
            return _refusal(problem, JSON, (b"allow", b"POST"))
        kind, body = JSON, b""
        try:
            kind = media_type(headers.get("content-type"))
            body = await self._room.read(scope, receive)
            parcel = Parcel(
                signal=self._signal,
                body=body,
                media_type=kind,
                encoding=headers.get("content-encoding"),
                project=headers.get(PROJECT_HEADER),
            )
            outcome = await self._intake.take(parcel)
        except (InvalidInput, Overloaded, TimeoutError) as error:
            outcome = error
        if isinstance(outcome, BaseException):
            problem = problem_of(outcome)
            self._intake.refused(self._signal, problem, headers.get("user-agent"), len(body))
            return _refusal(problem, kind)
        self._intake.served(self._signal)
        return _Answer(status=200, body=self._signal.receipt(outcome, kind), media_type=kind)


class NoReceiver:
    """Answers what is OTLP and was sent to a path of no receiver, and keeps it among the refusals.

    Args:
        intake: remembers it.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        problem = Problem(
            http=404, code=NOT_FOUND, message=f"path: there is nothing at {path[:_SHOWN]}; {_RIGHT_PATHS}"
        )
        meant = next((signal for signal in SIGNALS if signal.name in path), TRACES)
        self._intake.refused(meant, problem, Headers(scope=scope).get("user-agent"))
        await _send(_refusal(problem, PROTOBUF), send)


class Doors:
    """Leads requests for some paths straight to an endpoint, past everything that the others go through.

    Args:
        app: takes the rest.
        doors: the endpoints by path.
        lost: takes protobuf for other paths, which can only be OTLP.
    """

    def __init__(self, app: ASGIApp, doors: dict[str, ASGIApp], lost: ASGIApp) -> None:
        self._app = app
        self._doors = doors
        self._lost = lost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._app
        if scope["type"] == "http":
            door = self._doors.get(scope["path"]) or (self._lost if _is_protobuf(scope) else self._app)
        await door(scope, receive, send)


def _is_protobuf(scope: Scope) -> bool:
    return Headers(scope=scope).get("content-type", "").startswith(PROTOBUF)


async def _send(answer: _Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _refusal(problem: Problem, kind: str, *headers: tuple[bytes, bytes]) -> _Answer:
    return _Answer(
        status=problem.http,
        body=problem.body(kind),
        media_type=kind,
        headers=(*headers, *problem.headers),
    )
