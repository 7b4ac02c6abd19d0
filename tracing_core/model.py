"""What a trace is. Everything that crosses a layer is one of these: frozen, keyword-only, made of plain values.

Times are aware and in UTC; durations are nanoseconds of a monotonic clock, or None where nothing was timed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1


class SpanKind(StrEnum):
    """What a span does. A kind that we do not know becomes UNKNOWN; the word that was sent stays in the attributes."""

    ROOT = "ROOT"
    STAGE = "STAGE"
    CLASSIFICATION = "CLASSIFICATION"
    EMBEDDING = "EMBEDDING"
    RETRIEVAL = "RETRIEVAL"
    FUSION = "FUSION"
    RERANK = "RERANK"
    GENERATION = "GENERATION"
    LLM = "LLM"
    TOOL = "TOOL"
    AGENT = "AGENT"
    CHAIN = "CHAIN"
    GUARDRAIL = "GUARDRAIL"
    EVALUATOR = "EVALUATOR"
    PROMPT = "PROMPT"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> SpanKind:
        upper = str(value).upper()
        return cls(upper) if upper in cls.__members__ else cls.UNKNOWN


class TraceStatus(StrEnum):
    """How a run ended. Seed C's words (success, error, pending) are understood; any other word is incomplete."""

    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> TraceStatus:
        words = {"success": cls.COMPLETE, "error": cls.FAILED, "pending": cls.IN_PROGRESS}
        return words.get(str(value), cls.INCOMPLETE)


class SpanStatus(StrEnum):
    """Whether a span's work succeeded."""

    OK = "ok"
    ERROR = "error"
    UNSET = "unset"

    @classmethod
    def _missing_(cls, value: object) -> SpanStatus:
        return cls.UNSET


class QualityFlag(StrEnum):
    """The first of these that applies to an answer (seed A, phase 4)."""

    USER_NEGATIVE = "USER_NEGATIVE"
    EMPTY = "EMPTY"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    NORMAL = "NORMAL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A choice that the system made (seed B, section 5).

    Args:
        decision: the type of the choice, such as `classified_intent`.
        what: what was chosen.
        why: the reason, in words.
        confidence: how sure the system was, 0 to 1; None when it did not say or what it said was no such number.
        alternatives_considered: what else was on the table, as `name (0.40)` or any plain value.
        inputs: what the choice was based on.
        timestamp: when it was made.
    """

    decision: str
    what: Any
    why: str = ""
    confidence: float | None = None
    alternatives_considered: tuple[Any, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanEvent:
    """Something that happened at one moment inside a span, such as the first token."""

    name: str
    timestamp: datetime
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanData:
    """One finished (or interrupted) piece of work. A stage of seed B is a span directly under the root, a step of seed C is a span.

    `evidence` has seed B's keys: collected_count, by_source, kept, filtered_out. `otel` is what OpenTelemetry says of a span
    that came from there and for which no field exists here: start_ns, end_ns (nanoseconds since 1970), kind, links,
    scope, resource, trace_state, flags. `otel["fragment"]` marks what only came as log records so far: the span itself may
    still arrive.
    """

    span_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    started_at: datetime
    duration_ns: int | None
    status: SpanStatus = SpanStatus.UNSET
    error: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    otel: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceData:
    """One run, whole: what the JSON file holds and the database row is projected from.

    The first span is the root. `confidence` is that of the answer, 0 to 1. `sampling_probability` is the chance that a
    trace like this one had of being kept, which statistics divide by; `is_slow` says how its duration was judged among
    those of its time, which cannot be found out again later.
    """

    trace_id: str
    project: str
    status: TraceStatus
    started_at: datetime
    completed_at: datetime | None
    duration_ns: int | None
    spans: tuple[SpanData, ...]
    name: str = "request"
    source: str = "native"
    project_id: str | None = None
    query: str | None = None
    answer: str | None = None
    intent: str | None = None
    domain: str | None = None
    report_type: str | None = None
    research_type: str | None = None
    library: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    environment: str | None = None
    release: str | None = None
    tags: tuple[str, ...] = ()
    confidence: float | None = None
    citations_count: int | None = None
    error: str | None = None
    iterations: tuple[Mapping[str, Any], ...] = ()
    iteration_count: int = 1
    quality_gate_failures: int = 0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    child_traces: tuple[Mapping[str, Any], ...] = ()
    parent_trace_id: str | None = None
    parent_span_id: str | None = None
    sampling_probability: float = 1.0
    is_slow: bool = False
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenUsage:
    """Tokens of one or more model calls. None means that nobody said.

    `cached_tokens` (read from a cache), `cache_write_tokens` (written to it) and `input_audio_tokens` are part of
    `input_tokens`, `reasoning_tokens` and `output_audio_tokens` are part of `output_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together; None when neither is known."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What a person thought of an answer: one per trace and user (seed D).

    Args:
        rating: 1 (bad) to 5 (good).
        comment: at most 2,000 characters.
    """

    feedback_id: str
    trace_id: str
    user_id: str
    rating: int
    comment: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingFeedback(Feedback):
    """A rating that counts when its trace is stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRecord:
    """What a person confirmed of a run (seed B, section 7.2).

    Args:
        document: as it was confirmed.
        prefilled: as the run had filled it in.
        notes: what else the person knew.
    """

    record_id: str
    trace_id: str
    project: str
    document: dict[str, Any]
    prefilled: dict[str, Any]
    notes: str
    confirmed_by: str
    confirmed_at: datetime
