"""`POST /api/v1/query` (seed A), `POST /api/v1/chat` and `POST /api/v1/chat/feedback` (seed D)."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.parts import TheDesk
from service.schemas import AskRequest, ChatResponse, FeedbackRequest, FeedbackResponse, QueryRequest, QueryResponse

router = APIRouter(prefix="/api/v1")


@router.post("/query")
async def query(asked: QueryRequest, desk: TheDesk, request: Request) -> QueryResponse:
    """Answer a question."""
    question = asked.for_assistant(desk.store.settings.max_question_bytes)
    return (await desk.answer(question, request)).as_query()


@router.post("/chat")
async def chat(asked: AskRequest, desk: TheDesk, request: Request) -> ChatResponse:
    """Answer a question; `interaction_id` is what feedback refers to."""
    question = asked.for_assistant(desk.store.settings.max_question_bytes)
    return (await desk.answer(question, request)).as_chat()


@router.post("/chat/feedback", status_code=201)
def rate(given: FeedbackRequest, desk: TheDesk) -> FeedbackResponse:
    """Rate an answer; the same user rating it again changes the rating."""
    stored = desk.store.feedback.submit_feedback(
        given.interaction_id, given.rating, given.comment, given.user_id
    ).result()
    again = stored.updated_at > stored.created_at
    return FeedbackResponse(
        success=True,
        message="The rating was changed." if again else "The rating was stored.",
        feedback_id=stored.feedback_id,
    )
