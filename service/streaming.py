"""An answer as server-sent events, as seed C has them: sources, then tokens, then done; or error as the last."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from assistant.model import Question, Sources, Step, Token
from service.answering import Ended, Item
from service.desk import Desk
from service.outcome import Outcome
from tracing_core.jsontext import dump

HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class EventStream(Response):
    """The response that answers `question` while it is sent.

    Args:
        desk: has it answered.
        question: a checked one.
        steps: whether the end of each step is an event, too.
    """

    media_type = "text/event-stream"

    def __init__(self, desk: Desk, question: Question, *, steps: bool) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._desk = desk
        self._question = question
        self._steps = steps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._desk.answering(self._question, receive) as answering:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for items in answering.items():
                body = b"".join(self._frame(item) for item in items)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    def _frame(self, item: Item) -> bytes:
        match item:
            case Sources(sources=sources):
                return frame("sources", [asdict(source) for source in sources])
            case Token(text=text):
                return frame("token", text)
            case Step(name=name, duration_ms=duration_ms):
                return frame("step", {"name": name, "duration_ms": duration_ms}) if self._steps else b""
            case Ended(outcome=Outcome() as outcome):
                return frame("done", outcome.as_event())
            case Ended():
                return frame("error", {"message": item.message, "trace_id": item.trace_id})
        return b""


def frame(kind: str, data: Any) -> bytes:
    """One event."""
    return b"data: " + dump({"type": kind, "data": data}) + b"\n\n"
