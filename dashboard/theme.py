"""Every colour that means something. An operation has the same one on every page; red is only for what is wrong.

Operations are drawn in cool tones, flags and states in warm ones and grey, so that neither can be taken for the other.
All of them are mid-tones that can be read on the light and on the dark background of `.streamlit/config.toml`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType

from tracing_core.model import QualityFlag, SpanKind, TraceStatus

WRONG = "#d64a4a"
QUIET = "#8a95a3"
ACCENT = "#3d7cc9"

_OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "request": "#7d8896",
        "classification": "#b0629a",
        "embedding": "#4fa3c7",
        "retrieval": "#159a8c",
        "retrieval_semantic": "#159a8c",
        "retrieval_bm25": "#6f9a3e",
        "fusion_rrf": "#5f8fa8",
        "reranking": "#8268c4",
        "llm_generation": "#3d7cc9",
    }
)
_KINDS: Mapping[SpanKind, str] = MappingProxyType(
    {
        SpanKind.ROOT: "#7d8896",
        SpanKind.CLASSIFICATION: "#b0629a",
        SpanKind.EMBEDDING: "#4fa3c7",
        SpanKind.RETRIEVAL: "#159a8c",
        SpanKind.FUSION: "#5f8fa8",
        SpanKind.RERANK: "#8268c4",
        SpanKind.GENERATION: "#3d7cc9",
        SpanKind.LLM: "#3d7cc9",
        SpanKind.TOOL: "#8c6d52",
        SpanKind.AGENT: "#5a69b8",
        SpanKind.GUARDRAIL: "#9a7bb0",
        SpanKind.EVALUATOR: "#7b9fb0",
    }
)
_OTHERS: tuple[str, ...] = ("#5a69b8", "#4fa3c7", "#8c6d52", "#9a7bb0", "#7b9fb0", "#4d9a78", "#7a86c9", "#a0766a")

SERIES: tuple[str, ...] = ("#3d7cc9", "#159a8c", "#8268c4", "#6f9a3e", "#b0629a", "#4fa3c7", "#8c6d52")
"""Of things that have no colour of their own, such as projects: the first has the first."""

FLAG_COLOURS: Mapping[QualityFlag, str] = MappingProxyType(
    {
        QualityFlag.USER_NEGATIVE: WRONG,
        QualityFlag.EMPTY: "#e08a2e",
        QualityFlag.LOW_CONFIDENCE: "#d9b23c",
        QualityFlag.NORMAL: "#a9b4c0",
    }
)
FLAG_BADGES: Mapping[QualityFlag, str] = MappingProxyType(
    {
        QualityFlag.USER_NEGATIVE: "red",
        QualityFlag.EMPTY: "orange",
        QualityFlag.LOW_CONFIDENCE: "yellow",
        QualityFlag.NORMAL: "gray",
    }
)
STATUS_COLOURS: Mapping[TraceStatus, str] = MappingProxyType(
    {
        TraceStatus.COMPLETE: "#57a37c",
        TraceStatus.IN_PROGRESS: "#8a95a3",
        TraceStatus.INCOMPLETE: "#e08a2e",
        TraceStatus.FAILED: WRONG,
    }
)
STATUS_BADGES: Mapping[TraceStatus, str] = MappingProxyType(
    {
        TraceStatus.COMPLETE: "green",
        TraceStatus.IN_PROGRESS: "gray",
        TraceStatus.INCOMPLETE: "orange",
        TraceStatus.FAILED: "red",
    }
)
PERCENTILES: Mapping[str, str] = MappingProxyType({"P50": "#159a8c", "P95": "#3d7cc9", "P99": "#8268c4"})


def operation_rank(name: str) -> tuple[int, str]:
    """Where an operation comes in a pipeline: those that everybody knows in their order, then the others by name."""
    known = list(_OPERATIONS)
    return (known.index(name) if name in known else len(known)), name


def operation_colour(name: str, kind: SpanKind | str | None = None) -> str:
    """The colour of an operation, wherever it is drawn.

    Args:
        name: the span's name; the names that everybody uses have a colour of their own.
        kind: what it does, for other names; without one the name itself picks a colour, always the same.
    """
    if name in _OPERATIONS:
        return _OPERATIONS[name]
    by_kind = _KINDS.get(SpanKind(kind)) if kind else None
    return by_kind or _OTHERS[zlib.crc32(name.encode()) % len(_OTHERS)]
