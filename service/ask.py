"""`POST /ask` and `POST /ask/stream` (seed C)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.parts import TheDesk
from service.schemas import AskRequest, AskResponse
from service.streaming import EventStream

router = APIRouter()


@router.post("/ask")
async def ask(asked: AskRequest, desk: TheDesk, request: Request) -> AskResponse:
    """Answer a question, with its trace."""
    question = asked.for_assistant(desk.store.settings.max_question_bytes)
    return (await desk.answer(question, request)).as_ask()


@router.post("/ask/stream", response_class=EventStream)
async def ask_stream(asked: AskRequest, desk: TheDesk) -> Response:
    """Answer a question word by word, as server-sent events: sources, token..., done; or error."""
    question = asked.for_assistant(desk.store.settings.max_question_bytes)
    return EventStream(desk, question, steps=asked.steps)
