"""What requests and responses hold. Unknown keys of a request are passed over."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from assistant.model import DEFAULT_LIMIT, DEFAULT_TEMPERATURE, MOST_SOURCES, Question
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable

Name = Annotated[str, Field(max_length=200)]


class AskRequest(BaseModel):
    """A question (seed C).

    `limit` is how many documents to answer from, `temperature` 0 (always the same answer) to 2 (the most varied).
    `steps` asks the stream for an event at the end of each step.
    """

    question: str = Field(validation_alias=AliasChoices("question", "message"))
    library_filter: Name | None = None
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MOST_SOURCES)
    temperature: float = Field(DEFAULT_TEMPERATURE, ge=0, le=2, allow_inf_nan=False)
    session_id: Name | None = None
    user_id: Name | None = None
    model: Name | None = None
    steps: bool = False

    def for_assistant(self, most_bytes: int) -> Question:
        """The question as the assistant takes it.

        Args:
            most_bytes: the longest question accepted, as UTF-8.

        Raises:
            InvalidInput: it is empty or too long.
        """
        return Question(
            question=checked_question(self.question, most_bytes),
            library_filter=_text(self.library_filter),
            limit=self.limit,
            temperature=self.temperature,
            session_id=_text(self.session_id),
            user_id=_text(self.user_id),
            model=_text(self.model),
        )


class QueryRequest(AskRequest):
    """The same by the names of seed A; every question is classified and searched by meaning and by words."""

    strategy: Literal["auto"] = "auto"
    language: str = Field("auto", max_length=35)


class FeedbackRequest(BaseModel):
    """A rating, 1 (bad) to 5 (good), of the answer `interaction_id` (seed D)."""

    model_config = ConfigDict(strict=True)

    interaction_id: str
    rating: int
    comment: str | None = None
    user_id: str | None = None


class FeedbackResponse(BaseModel):
    """What became of a rating; it is `waiting` until its trace is stored."""

    success: bool
    message: str
    feedback_id: str | None = None
    status: Literal["stored", "waiting"] = "stored"


class Tokens(BaseModel):
    """Tokens of the model; None where it did not say."""

    prompt: int | None
    completion: int | None
    total: int | None


class Latency(BaseModel):
    """Milliseconds."""

    total: float | None
    retrieval: float | None
    generation: float | None


class AskResponse(BaseModel):
    """An answer with its trace, in seed C's shape. `cost_usd` is None when the price of the model is not known."""

    answer: str
    sources: list[dict[str, Any]]
    citations: list[dict[str, Any]]
    confidence: float | None
    model: str | None
    tokens: Tokens
    cost_usd: float | None
    trace: dict[str, Any] | None
    trace_id: str | None
    interaction_id: str | None


class QueryResponse(BaseModel):
    """An answer (seed A)."""

    answer: str
    sources: list[dict[str, Any]]
    confidence: float | None
    trace_id: str | None


class ChatResponse(BaseModel):
    """An answer (seed D). `interaction_id` is what feedback refers to; it is the id of the trace, too."""

    model_config = ConfigDict(protected_namespaces=())

    interaction_id: str | None
    answer: str
    citations: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    confidence: float | None
    latency_ms: Latency
    tokens: Tokens
    model_name: str | None
    cost_estimate: float | None


def checked_question(question: str, most_bytes: int) -> str:
    """`question` without blanks around it, and without what cannot be stored.

    Raises:
        InvalidInput: it is empty or longer than `most_bytes`.
    """
    question = storable(question).strip()
    if not question:
        raise InvalidInput("question", "is empty; ask something")
    length = len(question.encode())
    if length > most_bytes:
        raise InvalidInput("question", f"has {length:,} bytes; at most {most_bytes:,} are read")
    return question


def _text(value: str | None) -> str | None:
    """Blank is the same as not given."""
    return storable(value).strip() or None if value is not None else None
