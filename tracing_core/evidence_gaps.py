"""Questions that got no good evidence: gaps in the corpus, or in how it is searched. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from tracing_core.model import SpanData, SpanKind
from tracing_core.retrieved import kept_by

_RANKED = (
    "reranked",
    "relevance_score",
    "relevanceScore",
    "rerank_score",
    "score",
    "similarity",
    "similarity_score",
    "_score",
)
"""Scores by which documents are ranked, the surest first; larger is better in all of them."""
_FEWEST = 40
"""Scores of one kind, below which it cannot be told which are unusual."""
_FENCE = 1.5
_FINDING = frozenset({SpanKind.RETRIEVAL, SpanKind.RERANK, SpanKind.FUSION})
Best = Mapping[tuple[str, str], float]
"""The best score by operation and kind of score."""


class Gap(StrEnum):
    """Why evidence was not good, the surest sign first."""

    NOTHING_FOUND = "nothing was found"
    NOTHING_KEPT = "nothing that was found was kept"
    NOTHING_USED = "nothing that was found was used"
    LOW_SCORE = "the best score was unusually low"
    NO_CITATION = "the answer cites nothing"


def gap_of(row: Mapping[str, Any], low_score: bool = False) -> Gap | None:
    """Why a trace's evidence was not good; None when nothing says so.

    Args:
        row: the columns of a trace about evidence, and its `citations_count`.
        low_score: whether its best score is unusually low.
    """
    if row["evidence_retrieved"] == 0 or row["evidence_collected"] == 0:
        return Gap.NOTHING_FOUND
    if row["evidence_passed"] == 0:
        return Gap.NOTHING_KEPT
    if row["evidence_used"] == 0:
        return Gap.NOTHING_USED
    if low_score:
        return Gap.LOW_SCORE
    return Gap.NO_CITATION if row["citations_count"] == 0 else None


def says_of_evidence(row: Mapping[str, Any]) -> bool:
    """Whether a trace says anything about its evidence."""
    names = ("evidence_retrieved", "evidence_collected", "evidence_passed", "evidence_used", "citations_count")
    return any(row[name] is not None for name in names)


def best_scores(spans: Sequence[SpanData]) -> dict[tuple[str, str], float]:
    """The best score of what each step of a trace kept."""
    found: dict[tuple[str, str], float] = {}
    for span in spans:
        if span.kind not in _FINDING and not span.evidence:
            continue
        for document in kept_by(span):
            named = _score(document)
            if named is not None:
                key = span.name, named[0]
                found[key] = max(found.get(key, named[1]), named[1])
    return found


def _score(document: Any) -> tuple[str, float] | None:
    if not isinstance(document, Mapping):
        return None
    scores = document.get("scores")
    if not isinstance(scores, Mapping):
        return None
    return next(((name, float(scores[name])) for name in _RANKED if isinstance(scores.get(name), int | float)), None)


def low_scores(best: Mapping[str, Best]) -> frozenset[str]:
    """The traces whose best score is unusually low: below the lower quartile by more than 1.5 times the distance of the quartiles.

    Args:
        best: by trace, its best scores.
    """
    by_kind: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for trace_id, scores in best.items():
        for kind, score in scores.items():
            by_kind[kind][trace_id] = score
    found: set[str] = set()
    for of_traces in by_kind.values():
        if len(of_traces) >= _FEWEST:
            low, high = np.quantile(list(of_traces.values()), [0.25, 0.75])
            found |= {trace_id for trace_id, score in of_traces.items() if score < low - _FENCE * (high - low)}
    return frozenset(found)
