"""Which runs a tool is asked about: arguments as an assistant gives them, made into a filter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.moments import moment
from tracing_core.errors import InvalidInput
from tracing_core.query.decision_filter import DecisionFilter, PrincipleFilter
from tracing_core.query.filters import TraceFilter

Flag = Literal["USER_NEGATIVE", "EMPTY", "LOW_CONFIDENCE", "NORMAL"]
Status = Literal["complete", "failed", "incomplete", "in_progress"]
Confidence = Annotated[float | None, Field(ge=0, le=1)]
_PLAIN = (
    "text", "project", "intent", "domain", "report_type", "status", "quality_flag", "model", "user_id", "session_id",
    "max_rating", "quality_gate_passed", "flagged_for_review", "gap_principle", "evidence_source",
)  # fmt: skip
_OF_DECISION = {
    "decision": "decision",
    "what": "decision_what",
    "alternative": "decision_alternative",
    "stage": "decision_stage",
    "min_confidence": "min_confidence",
    "max_confidence": "max_confidence",
}


_CALLED = {"start": "since", "end": "until"}
"""What the arguments are called here that the filter calls otherwise."""


class RunFilter(BaseModel):
    """Which runs; what is left out asks for nothing, and all that is given has to be so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str | None = Field(
        None, description='Words in question or answer; understands "quoted phrases", or, -without'
    )
    project: str | None = Field(None, description="The exact name; summarize_runs with group_by=project lists them")
    intent: str | None = Field(None, description="Such as validating")
    domain: str | None = Field(None, description="Such as edtech")
    report_type: str | None = None
    status: Status | None = Field(None, description="How the run ended")
    quality_flag: Flag | None = Field(None, description="The first that fits an answer; NORMAL: none of the others")
    quality_gate_passed: bool | None = Field(None, description="false: runs that the quality gate refused")
    flagged_for_review: bool | None = Field(None, description="true: runs that calibration flagged")
    gap_principle: str | None = Field(None, description="Id of a principle that the run fell short of, such as META-12")
    low_principle: str | None = Field(None, description="Id of a principle that scored less than low_principle_below")
    low_principle_below: float = Field(2, description="Score, 0 to 3, for low_principle")
    evidence_source: str | None = Field(None, description="Where some evidence came from, such as reddit")
    decision: str | None = Field(None, description="Type of a decision in the run, such as source_selection")
    decision_what: Any = Field(
        None, description="What it chose, or one of several things that it chose; any JSON value"
    )
    decision_alternative: str | None = Field(None, description="What it had on the table and did not choose")
    decision_stage: str | None = Field(None, description="Stage in which it was made, such as collection")
    min_confidence: Confidence = Field(None, description="Lowest confidence of that decision, 0 to 1")
    max_confidence: Confidence = Field(None, description="Highest confidence of that decision, 0 to 1")
    model: str | None = Field(None, description="Model that answered")
    user_id: str | None = None
    session_id: str | None = None
    max_rating: int | None = Field(None, ge=1, le=5, description="Highest rating; 2 finds what people disliked")
    min_seconds: float | None = Field(None, ge=0, description="Runs that took at least as long")
    max_seconds: float | None = Field(None, ge=0, description="Runs that took at most as long")
    since: str | None = Field(None, description="A day (2026-11-21, UTC) or a moment with a zone (2026-11-21T12:00Z)")
    until: str | None = Field(None, description="The same; a day is the last one that counts")

    def chosen(self) -> TraceFilter:
        """The filter.

        Raises:
            InvalidInput: a value cannot be used; names it.
        """
        try:
            return self._chosen()
        except InvalidInput as error:
            raise InvalidInput(f"where.{_CALLED.get(error.field, error.field)}", error.problem) from error

    def _chosen(self) -> TraceFilter:
        wanted = {name: getattr(self, field) for name, field in _OF_DECISION.items()}
        decision = DecisionFilter(**wanted) if any(value is not None for value in wanted.values()) else None
        low = self.low_principle
        return TraceFilter(
            **{name: getattr(self, name) for name in _PLAIN},
            start=moment("since", self.since),
            end=moment("until", self.until, end_of_day=True),
            min_duration_ms=_milliseconds(self.min_seconds),
            max_duration_ms=_milliseconds(self.max_seconds),
            low_principle=None if low is None else PrincipleFilter(principle_id=low, below=self.low_principle_below),
            decision=decision,
        )


ANY = RunFilter()


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
