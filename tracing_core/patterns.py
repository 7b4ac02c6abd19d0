"""Kinds of questions: how many of each were asked, how well they were answered, and what that cost. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tracing_core.differences import corrected, shares
from tracing_core.evidence_gaps import Gap
from tracing_core.histogram import bin_of, quantile
from tracing_core.question_clusters import NOT_GROUPED, Encoder, grouped
from tracing_core.rates import exact
from tracing_core.telling_words import telling_words

MOST_EXAMPLES = 3
_SIGNIFICANT = 0.05
_UNNAMED = "other questions"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question, and how it went. None is not known.

    Args:
        weight: for how many it stands.
        gap: why its evidence was not good; None when it was, or `says_of_evidence` is False.
    """

    trace_id: str
    text: str
    started_at: datetime
    weight: float
    flagged: bool
    confidence: float | None
    rating: float | None
    duration_ms: float | None
    cost_usd: float | None
    library: str | None
    says_of_evidence: bool
    gap: Gap | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """Questions of one kind.

    Args:
        words: that tell them from the others, the most telling first; empty for what is in no group.
        count: how many were asked, those included that the seen ones stand for; `seen` is how many were looked at.
        before: how many were asked in the period before; None where there is none.
        flagged: the share with a flag, 0 to 1; `stands_out` says whether it is above that of the others by more than
            chance explains (Holm over the clusters).
        confidence, rating: means; `rated` is how many were rated.
        cost_usd: of those whose cost is known.
        without_evidence: the share of those that say something of evidence and had no good one.
        examples: traces and their questions.
        trace_ids: all that were looked at, the newest first.
    """

    words: tuple[str, ...]
    count: float
    seen: int
    before: float | None
    flagged: float
    stands_out: bool
    confidence: float | None
    rating: float | None
    rated: int
    p95_ms: float | None
    cost_usd: Decimal | None
    without_evidence: float | None
    examples: tuple[tuple[str, str], ...]
    trace_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its words in one line."""
        return " · ".join(self.words) or _UNNAMED


@dataclass(frozen=True, kw_only=True, slots=True)
class GapQuestion:
    """A question that got no good evidence, word for word.

    Args:
        times: how often it was asked so, those included that it stands for.
        gaps: why, the most frequent first.
        topic: the name of its cluster.
        trace_id, last_at: of the newest.
        rating: the lowest.
    """

    text: str
    times: float
    gaps: tuple[Gap, ...]
    topic: str
    library: str | None
    rating: float | None
    trace_id: str
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Patterns:
    """What was asked.

    Args:
        clusters: the largest first; empty where there were too few different questions.
        silhouette: how well they are apart, 1 being perfectly.
        gaps: the most frequent first.
        says_of_evidence: how many questions say something of evidence.
    """

    clusters: tuple[Cluster, ...]
    silhouette: float | None
    gaps: tuple[GapQuestion, ...]
    says_of_evidence: int


def patterns(
    asked: Sequence[Question], before: Sequence[Question] | None = None, *, by: Encoder | None = None
) -> Patterns:
    """Put questions together by what they mean, and say how each kind went.

    Args:
        asked: a sample of questions.
        before: one of the period before; None where there is none.
        by: the encoder; the process's own unless given.
    """
    groups, earlier = grouped([each.text for each in asked], [each.text for each in before or ()], by=by)
    of_group: dict[int, list[Question]] = defaultdict(list)
    for each, number in zip(asked, groups.labels, strict=True):
        of_group[number].append(each)
    counted: Counter[int] = Counter()
    for each, number in zip(before or (), earlier, strict=True):
        counted[number] += each.weight  # type: ignore[assignment]  # weights need not be whole
    words = telling_words({n: [each.text for each in some] for n, some in of_group.items() if n != NOT_GROUPED})
    marked = _standing_out(of_group, asked)
    clusters = {
        number: _cluster(
            words.get(number, ()), some, None if before is None else float(counted[number]), number in marked
        )
        for number, some in of_group.items()
    }
    named = {each.trace_id: clusters[n].name for n, some in of_group.items() for each in some}
    return Patterns(
        clusters=tuple(sorted(clusters.values(), key=lambda each: (-each.count, each.name))) if groups.count else (),
        silhouette=groups.silhouette,
        gaps=_gaps(asked, named if groups.count else {}),
        says_of_evidence=sum(each.says_of_evidence for each in asked),
    )


def _standing_out(of_group: dict[int, list[Question]], asked: Sequence[Question]) -> set[int]:
    """The groups of which more are flagged than of the others, corrected for how many groups there are."""
    found: dict[int, float] = {}
    everything = _sums(asked)
    for number, some in of_group.items():
        (hits, total, squares), (all_hits, whole, all_squares) = _sums(some), everything
        rest, rest_squares = max(whole - total, 0.0), max(all_squares - squares, 0.0)
        if rest <= 1e-9 or rest_squares <= 1e-9:
            continue
        other_hits = min(max(all_hits - hits, 0.0), rest)
        difference = shares(
            hits, total, other_hits, rest, effective=total**2 / squares, other_effective=rest**2 / rest_squares
        )
        if difference is not None:
            found[number] = difference.p if difference.difference.value > 0 else 1.0
    p_values = corrected([found[number] for number in found])
    return {number for number, p in zip(found, p_values, strict=True) if p < _SIGNIFICANT}


def _sums(some: Iterable[Question]) -> tuple[float, float, float]:
    pairs = [(each.weight, each.flagged) for each in some]
    return sum(w for w, flagged in pairs if flagged), sum(w for w, _ in pairs), sum(w * w for w, _ in pairs)


def _cluster(words: tuple[str, ...], some: Sequence[Question], before: float | None, stands_out: bool) -> Cluster:
    hits, total, _ = _sums(some)
    durations: Counter[int] = Counter()
    for each in some:
        if each.duration_ms is not None:
            durations[bin_of(each.duration_ms)] += each.weight  # type: ignore[assignment]
    costs = [each.cost_usd * each.weight for each in some if each.cost_usd is not None]
    says = [each for each in some if each.says_of_evidence]
    newest = sorted(some, key=lambda each: (each.started_at, each.trace_id), reverse=True)
    return Cluster(
        words=words,
        count=total,
        seen=len(some),
        before=before,
        flagged=hits / total,
        stands_out=stands_out,
        confidence=_mean((each.confidence, each.weight) for each in some),
        rating=_mean((each.rating, each.weight) for each in some),
        rated=sum(each.rating is not None for each in some),
        p95_ms=quantile(durations, 0.95),
        cost_usd=exact(Decimal(repr(sum(costs)))) if costs else None,
        without_evidence=_mean((float(each.gap is not None), each.weight) for each in says),
        examples=_examples(words, newest),
        trace_ids=tuple(each.trace_id for each in newest),
    )


def _examples(words: Sequence[str], newest: Sequence[Question]) -> tuple[tuple[str, str], ...]:
    """Those that have most of the telling words, different ones, the newest of each."""
    told = {part for word in words for part in word.split()}
    first: dict[str, Question] = {}
    for each in newest:
        first.setdefault(each.text.lower(), each)
    ranked = sorted(first.values(), key=lambda each: -sum(word in each.text.lower() for word in told))
    return tuple((each.trace_id, each.text) for each in ranked[:MOST_EXAMPLES])


def _gaps(asked: Sequence[Question], named: dict[str, str]) -> tuple[GapQuestion, ...]:
    same: dict[str, list[Question]] = defaultdict(list)
    for each in asked:
        if each.gap is not None:
            same[" ".join(each.text.lower().split())].append(each)
    found = [_gap(some, named) for some in same.values()]
    return tuple(sorted(found, key=lambda gap: (-gap.times, -gap.last_at.timestamp(), gap.trace_id)))


def _gap(some: Sequence[Question], named: dict[str, str]) -> GapQuestion:
    newest = max(some, key=lambda each: (each.started_at, each.trace_id))
    reasons = Counter(each.gap for each in some if each.gap is not None)
    return GapQuestion(
        text=newest.text,
        times=sum(each.weight for each in some),
        gaps=tuple(gap for gap, _ in reasons.most_common()),
        topic=named.get(newest.trace_id, ""),
        library=newest.library,
        rating=min((each.rating for each in some if each.rating is not None), default=None),
        trace_id=newest.trace_id,
        last_at=newest.started_at,
    )


def _mean(pairs: Iterable[tuple[float | None, float]]) -> float | None:
    known = [(value, weight) for value, weight in pairs if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
