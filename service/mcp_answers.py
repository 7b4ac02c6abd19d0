"""What the tools give (B14): their shapes, which clients read as output schemas. Times of stages and spans are milliseconds."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from service.mcp_text import Answer, LongText, LongValues, Name, Text, Value, Values


class Run(Answer):
    """A run in one line."""

    trace_id: str
    url: str = Field(description="Its page in the dashboard; show it to the person who asked.")
    project: Name
    status: str = Field(description="complete, failed, incomplete or in_progress")
    started_at: datetime
    duration_seconds: float | None
    query: Text | None
    intent: Name | None
    domain: Name | None
    report_type: Name | None
    error: Text | None
    quality_gate_passed: bool | None
    overall_quality_score: float | None = Field(description="0 to 3")
    gap_principles: list[Name] | None = Field(description="Principles that scored too low")
    evidence_sources: list[Name] | None
    iteration_count: int
    quality_gate_failures: int
    quality_flag: str
    rating: int | None = Field(description="1 to 5, the lowest that a person gave")
    cost_usd: float | None
    decision_count: int
    flagged_for_review: bool


class Runs(Answer):
    """Some runs."""

    runs: list[Run]
    next_cursor: str | None = Field(description="Give it as `cursor` for the runs after these; null: there are none.")


class Decision(Answer):
    """A choice that the program made."""

    stage: Name
    decision: Name = Field(description="Its type")
    what: Value
    why: Text
    confidence: float | None = Field(description="0 to 1, as the program said it")
    alternatives_considered: list[Value]
    inputs: Values
    model: Name | None
    span_id: str


class Stage(Answer):
    """A step directly below the run."""

    span_id: str
    name: Name
    kind: str
    offset_ms: float
    duration_ms: float | None
    status: str
    error: Text | None
    decision_count: int
    total_tokens: int | None
    cost_usd: float | None
    model: Name | None


class Dropped(Answer):
    """A piece of evidence that was found and not kept."""

    item: Value = Field(description="Its title, address or id")
    source: Name | None
    reason: Text | None
    scores: Value | None


class Evidence(Answer):
    """What was found, and what became of it; null where the run does not say."""

    collected: int | None
    passed: int | None
    filtered: int | None
    used: int | None
    by_source: dict[str, int]
    dropped_count: int
    dropped_by_reason: dict[str, int]
    dropped: list[Dropped] = Field(description="The first of them")


class Principle(Answer):
    """What the quality gate said of one principle."""

    id: Name
    name: Name | None
    score: float | None = Field(description="0 to 3")
    gap: bool
    feedback: Text | None


class Gate(Answer):
    """The quality gate, as it was the last time."""

    passed: bool | None
    score: float | None
    threshold: float | None
    principles: list[Principle] = Field(description="The lowest scores first")


class Rating(Answer):
    """What a person thought."""

    rating: int
    comment: Text | None


class Alert(Answer):
    """A pattern over runs that calibration noticed."""

    created_at: datetime
    project: Name
    kind: str
    subject: Name
    message: Text
    trace_id: str
    url: str = Field(description="The run that showed it; it may be gone")


class WholeRun(Answer):
    """A run, read from end to end."""

    run: Run
    answer: LongText | None
    answer_confidence: float | None
    alerts: list[Alert] = Field(description="What calibration noticed about it")
    stages: list[Stage]
    span_count: int
    decisions: list[Decision] = Field(
        description="In order, the first of them; run.decision_count is how many there are"
    )
    evidence: Evidence
    gate: Gate | None
    iterations: list[Values]
    ratings: list[Rating]
    tokens: dict[str, int | None] = Field(description="Of the run: input, output, cached, reasoning")
    parent_trace_id: str | None
    child_trace_ids: list[str]
    contents_kept: bool = Field(description="Whether prompts, evidence and outputs are still stored")


class SpanError(Answer):
    """A span that failed."""

    span_id: str
    url: str
    name: Name
    kind: str
    error: Text | None
    offset_ms: float
    duration_ms: float | None
    within: list[Name] = Field(description="The spans around it, the outermost first")
    is_origin: bool = Field(description="No span below it failed, so the error began here")


class Slowest(Answer):
    """The stage that took longest, against how long such stages usually take in the project."""

    span_id: str
    name: Name
    duration_ms: float
    share_of_run: float | None = Field(description="0 to 1")
    usual_p50_ms: float | None
    usual_p95_ms: float | None
    compared_with: int = Field(description="Such stages in the week up to the run, this one among them")


class Explanation(Answer):
    """Why a run went wrong."""

    run: Run
    went_wrong: bool
    reasons: list[str] = Field(
        description="What there is to say, the most telling first; the fields below have the proof"
    )
    errors: list[SpanError]
    stages_not_ended: list[Name] = Field(description="Where the run was when it ended")
    gate: Gate | None
    unsure_decisions: list[Decision] = Field(description="The least confident ones, the least first")
    evidence: Evidence
    slowest_stage: Slowest | None
    ratings: list[Rating]
    alerts: list[Alert] = Field(description="What calibration noticed about it")


class SpanContent(Answer):
    """What one span holds."""

    span_id: str
    url: str
    parent_id: str | None
    name: Name
    kind: str
    status: str
    error: Text | None
    offset_ms: float
    duration_ms: float | None
    model: Name | None
    total_tokens: int | None
    cost_usd: float | None
    attributes: LongValues
    prompts: LongValues
    evidence: LongValues
    outputs: LongValues
    events: list[Value]
    decisions: list[Decision]
    child_span_ids: list[str]
