"""The workload that arrives over OTLP: what a RAG request of six spans is about, made from its number alone.

The same number gives the same request on any machine and in any process, so that processes can share the work without
talking, and a load that was cut short can be taken up again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from bench.words import Texts

SPANS_PER_TRACE = 6
_SECOND = 1_000_000_000
_GOLDEN = 0.6180339887498949
"""Multiples of it fall evenly into the unit interval, however many there are."""

_MODELS = (("openai", "gpt-4o-mini"), ("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("openai", "o4-mini"))
_MODEL_WEIGHTS = (60, 20, 15, 5)
_LIBRARIES = ("fastapi", "pandas", "plotly", "sqlalchemy", "streamlit", "asyncio")
_LIBRARY_WEIGHTS = (30, 25, 15, 15, 10, 5)
_INTENTS = ("how_to", "explain", "troubleshoot", "compare")
_USERS = 5_000
_SHARE_RATED = 0.01
TURNS = 4
"""Requests of one conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """How long the texts are, in characters."""

    question: int = 80
    prompt: int = 500
    answer: int = 1000
    document: int = 400


FULL = Lengths()
SHORT = Lengths(question=80, prompt=100, answer=200, document=60)
"""Saves disk where only the number of traces matters. Bytes a trace say nothing then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """When requests happened: number n falls into slot `n % slots`, evenly over it, and a conversation stays together.

    Args:
        end_ns: the end of the last slot, nanoseconds since 1970.
        slots: how many, such as the days of a history.
        slot_seconds: how long each is.
    """

    end_ns: int
    slots: int = 1
    slot_seconds: float = 86_400.0

    def conversation(self, number: int) -> int:
        """The number of the conversation that a request belongs to."""
        return (number // self.slots // TURNS) * self.slots + number % self.slots

    def start_ns(self, number: int) -> int:
        """When a request began, nanoseconds since 1970."""
        slot, within = number % self.slots, number // self.slots
        turn_seconds = min(60.0, self.slot_seconds / 100)
        length = self.slot_seconds - TURNS * turn_seconds
        seconds = ((within // TURNS + slot * 7919) * _GOLDEN) % 1.0 * length + within % TURNS * turn_seconds
        slot_ns = int(self.slot_seconds * _SECOND)
        return self.end_ns - (self.slots - slot) * slot_ns + int(seconds * 1_000_000) * 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A piece of text that was found, and how well it fits."""

    document_id: str
    text: str
    score: float
    rerank_score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request: what was asked, found and answered. `answer` is empty where the model failed. Times in nanoseconds.

    `rating` is what somebody gives the answer later, 1 to 5; None mostly.
    """

    number: int
    trace_id: str
    span_ids: tuple[str, ...]
    start_ns: int
    durations_ns: tuple[int, ...]
    question: str
    prompt: str
    answer: str
    documents: tuple[Document, ...]
    provider: str
    model: str
    library: str
    intent: str
    confidence: float
    session_id: str
    user_id: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    failed: bool
    rating: int | None


def make_exchange(number: int, spread: Spread, lengths: Lengths = FULL) -> Exchange:
    """The request of this number.

    Args:
        number: which, from 0.
        spread: when it happened, and which conversation it belongs to.
        lengths: of its texts.
    """
    source = random.Random(number)  # noqa: S311 - the same workload every time
    texts = Texts(source)
    conversation = spread.conversation(number)
    failed = source.random() < 0.02
    provider, model = source.choices(_MODELS, _MODEL_WEIGHTS)[0]
    return Exchange(
        number=number,
        trace_id=f"{source.getrandbits(128):032x}",
        span_ids=tuple(f"{source.getrandbits(63) + 1:016x}" for _ in range(SPANS_PER_TRACE)),
        start_ns=spread.start_ns(number),
        durations_ns=_durations(source),
        question=texts.text(lengths.question),
        prompt=texts.text(lengths.prompt),
        answer="" if failed else texts.text(20 if source.random() < 0.02 else lengths.answer),
        documents=_documents(source, texts, lengths.document),
        provider=provider,
        model=model,
        library=source.choices(_LIBRARIES, _LIBRARY_WEIGHTS)[0],
        intent=source.choice(_INTENTS),
        confidence=round(source.betavariate(6, 2), 4),
        session_id=f"conversation-{conversation:08d}",
        user_id=f"user-{int(random.Random(conversation).random() ** 3 * _USERS):04d}",  # noqa: S311 - as above
        prompt_tokens=900 + source.randrange(400),
        completion_tokens=0 if failed else 180 + source.randrange(160),
        cached_tokens=source.choice((0, 0, 0, 512)),
        failed=failed,
        rating=source.choices((1, 2, 3, 4, 5), (10, 10, 10, 30, 40))[0] if source.random() < _SHARE_RATED else None,
    )


def _durations(source: random.Random) -> tuple[int, ...]:
    """Of classification, embedding, retrieval, rerank and generation, after that of the whole; long ones are rare."""
    medians_ms = (12.0, 18.0, 35.0, 60.0, 1400.0)
    parts = [int(median * source.lognormvariate(0, 0.5) * 1e6) for median in medians_ms]
    return (sum(parts) + source.randrange(1_000_000, 5_000_000), *parts)


def _documents(source: random.Random, texts: Texts, characters: int) -> tuple[Document, ...]:
    scores = sorted((round(source.betavariate(5, 2), 6) for _ in range(5)), reverse=True)
    return tuple(
        Document(
            document_id=f"doc-{source.getrandbits(40):010x}",
            text=texts.text(characters),
            score=score,
            rerank_score=round(source.random(), 6),
        )
        for score in scores
    )
