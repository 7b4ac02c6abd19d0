"""What goes into the assistant and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_LIMIT = 5
MOST_SOURCES = 10
DEFAULT_TEMPERATURE = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What somebody asks.

    Args:
        question: the words.
        library_filter: search in this library only.
        limit: sources to answer from, 1 to 10.
        temperature: 0 (the same answer each time) to 2.
        model: which model shall answer; the one that is configured otherwise.
    """

    question: str
    library_filter: str | None = None
    limit: int = DEFAULT_LIMIT
    temperature: float = DEFAULT_TEMPERATURE
    session_id: str | None = None
    user_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A document that an answer rests on. `index` counts from 1 and is what `[1]` in the answer means."""

    index: int
    id: str
    title: str
    library: str
    text: str
    score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A sentence of the answer and the source that it rests on.

    Args:
        index: of the source.
        score: 0 to 1, how close sentence and source are in meaning.
        explicit: whether the answer itself names the source as `[1]`; otherwise it was found by comparing meanings.
    """

    index: int
    sentence: str
    score: float
    explicit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Event: the documents were chosen; words follow."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Event: a step of the pipeline ended after `duration_ms` milliseconds."""

    name: str
    duration_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Event: the next piece of the answer."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """Event: the answer is finished.

    Args:
        confidence: 0 to 1.
        steps: milliseconds by name of the step, in order.
        prompt_tokens, completion_tokens, total_tokens: as counted by the model; None when it did not say.
        trace_id: of the recorded run; None when it is not recorded.
    """

    answer: str
    confidence: float
    citations: tuple[Citation, ...]
    sources: tuple[Source, ...]
    steps: Mapping[str, float]
    model: str
    provider: str
    total_ms: float
    intent: str
    library: str | None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    time_to_first_token_ms: float | None = None
    tokens_per_second: float | None = None
    trace_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """Event: the answer was stopped before its end, because `stop` was set; `answer` is what there was."""

    answer: str
    trace_id: str | None = None


Event = Sources | Step | Token | Done | Stopped
Answer = Done
"""What `ask` returns: the last event of a stream says all of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the assistant is with getting ready.

    Args:
        stage: what it does, for people.
        done: how much of that is done.
        total: how much there is to do; 0 when that is not known.
        ready: whether questions are answered without waiting.
        error: why there will be no answers.
    """

    stage: str = "Starting"
    done: int = 0
    total: int = 0
    ready: bool = False
    error: str | None = field(default=None)
