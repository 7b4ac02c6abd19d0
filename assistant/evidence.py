"""What reranking kept and what it left out, as it is recorded (seed B: record_evidence)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from assistant.search.index import SearchIndex
from assistant.search.rerank import Candidate, Ranked
from assistant.words import shorten

_TEXT_CHARS = 300
"""The prompt has the whole text of what was sent; here a glance is enough."""


def evidence(ranked: Sequence[Ranked], unseen: Sequence[Candidate], index: SearchIndex) -> dict[str, Any]:
    """Everything that the searches found.

    Args:
        ranked: the reranked candidates.
        unseen: those that fusion ranked too low to be reranked.
    """
    libraries = Counter(one.document.library for one in ranked)
    libraries.update(index.documents[candidate.position].library for candidate in unseen)
    after = len(ranked)
    return {
        "collected_count": len(ranked) + len(unseen),
        "by_source": dict(libraries),
        "kept": [_kept(one) for one in ranked if one.reason is None],
        "filtered_out": [
            *(_facts(one) | {"reason": one.reason} for one in ranked if one.reason is not None),
            *_too_low(unseen, after, index),
        ],
    }


def mark_use(kept: Iterable[dict[str, Any]], sent: int, cited: set[int]) -> None:
    """Note which of the kept documents were sent to the model, and which of those the answer rests on."""
    for number, item in enumerate(kept, start=1):
        item["sent"] = number <= sent
        item["cited"] = number in cited


def _kept(one: Ranked) -> dict[str, Any]:
    return _facts(one) | {"text": shorten(one.document.text, _TEXT_CHARS)}


def _facts(one: Ranked) -> dict[str, Any]:
    scores = {
        **one.candidate.scores,
        "fused": round(one.candidate.fused, 5),
        "reranked": round(one.score, 3),
        "rank_before": one.rank_before,
        "rank": one.rank,
        "rank_change": one.rank_change,
        **{name: round(value, 3) for name, value in one.parts.items() if name != "fusion"},
    }
    return {"id": one.document.id, "title": one.document.title, "source": one.document.library, "scores": scores}


def _too_low(unseen: Sequence[Candidate], after: int, index: SearchIndex) -> Iterable[dict[str, Any]]:
    for rank, candidate in enumerate(unseen, start=after + 1):
        document = index.documents[candidate.position]
        yield {
            "id": document.id,
            "title": document.title,
            "source": document.library,
            "scores": {**candidate.scores, "fused": round(candidate.fused, 5), "rank_before": rank},
            "reason": f"not among the first {after} after fusion",
        }
