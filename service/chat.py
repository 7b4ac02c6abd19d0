"""`POST /api/v1/query` (seed A), `POST /api/v1/chat` and `POST /api/v1/chat/feedback` (seed D)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.parts import TheDesk, TheRatingLimit
from service.schemas import AskRequest, ChatResponse, FeedbackRequest, FeedbackResponse, QueryRequest, QueryResponse
from tracing_core.model import WaitingFeedback

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
def rate(
    given: FeedbackRequest, desk: TheDesk, limit: TheRatingLimit, request: Request, response: Response
) -> FeedbackResponse:
    """Rate an answer; the same user rating it again changes the rating. 202 when its trace has not come yet, but may."""
    limit.admit(request, given.user_id)
    stored = desk.store.feedback.submit_feedback(
        given.interaction_id, given.rating, given.comment, given.user_id
    ).result()
    if isinstance(stored, WaitingFeedback):
        response.status_code = 202
        message = "The rating waits for its trace, and counts as soon as that is stored."
        return FeedbackResponse(success=True, message=message, feedback_id=stored.feedback_id, status="waiting")
    again = stored.updated_at > stored.created_at
    return FeedbackResponse(
        success=True,
        message="The rating was changed." if again else "The rating was stored.",
        feedback_id=stored.feedback_id,
    )
