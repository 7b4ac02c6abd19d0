"""What a cohort is picked by: no finding about it can be one of these. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from tracing_core.explain.facts import ABSENT, Candidate, Key, Numbers
from tracing_core.explain.ranks import Difference, Groups, rank_correlation
from tracing_core.explain.result import Cohort
from tracing_core.query.filters import TraceFilter

DURATION: Key = ("time", "duration")
COST: Key = ("cost", "cost")
COST_OF_SYNTHESIS: Key = ("cost", "cost of the synthesis")
RATING: Key = ("rating", "rating")
FLAG: Key = ("quality", "quality flag")
SURE: Key = ("quality", "confidence of the answer")
STATUS: Key = ("status", "status")

_OF_KIND: Mapping[str, tuple[Key, ...]] = {
    "slow": (DURATION,),
    "failed": (STATUS,),
    "flagged": (FLAG, RATING, SURE),
    "low_rated": (RATING, FLAG),
    "expensive": (COST, COST_OF_SYNTHESIS),
}
_OF_FIELD: Mapping[str, tuple[Key, ...]] = {
    "project": (("project", "project"),),
    "name": (("other", "name"),),
    "library": (("library", "library"),),
    "quality_flag": (FLAG, RATING, SURE),
    "flagged": (FLAG, RATING, SURE),
    "status": (STATUS,),
    "model": (("model", "model"), ("model", "provider")),
    "user_id": (("user", "user"), ("user", "session")),
    "session_id": (("user", "session"), ("user", "user")),
    "intent": (("intent", "intent"),),
    "domain": (("domain", "domain"),),
    "report_type": (("other", "report type"),),
    "min_duration_ms": (DURATION,),
    "max_duration_ms": (DURATION,),
    "min_cost_usd": (COST, COST_OF_SYNTHESIS),
    "max_rating": (RATING, FLAG),
    "quality_gate_passed": (("quality", "quality gate passed"), ("quality", "quality score")),
    "flagged_for_review": (("quality", "flagged for review"),),
    "gap_principle": (("principle", "gap"),),
    "low_principle": (("principle", "gap"),),
    "evidence_source": (("source", "source"),),
}
_SETTINGS = frozenset(
    {"project", "name", "library", "model", "user_id", "session_id", "intent", "domain", "report_type", "evidence_source",
     "decision"}
)  # fmt: skip
"""Fields that say what a trace is, not how it went. What is so of just these traces is one of them under another name, and so
is what has the very value that is asked for."""
_TIMES = frozenset({"stage", "self_time", "time"})
_BY_DURATION = frozenset({"min_duration_ms", "max_duration_ms"})
_SAME = 0.97
"""Of the rank correlation: from here on a number is the very one that the cohort is picked by, under another name."""


class Definition:
    """What `cohort` is picked by.

    Args:
        cohort: the question.
        measured: the number that it is picked by, for each trace looked at; None where it is none.
    """

    def __init__(self, cohort: Cohort, measured: Numbers | None = None) -> None:
        fields = _fields(cohort)
        self._keys = {*_OF_KIND.get(cohort.kind, ())}.union(*(_OF_FIELD.get(name, ()) for name in fields))
        self._decision = cohort.picks.decision.decision if cohort.picks and cohort.picks.decision else None
        self._by_time = cohort.kind in ("slow", "trace") or bool(fields & _BY_DURATION)
        self._by_cost = cohort.kind == "expensive" or "min_cost_usd" in fields
        self._failed = cohort.kind == "failed" or (cohort.picks is not None and cohort.picks.status == "failed")
        self._measured = measured
        asked = fields - {"start", "end"}
        self._values = _values(cohort.picks, asked) if asked and asked <= _SETTINGS else None

    @property
    def by_time(self) -> bool:
        """Whether the cohort is picked by how long it took."""
        return self._by_time

    def leaves(self, candidates: Sequence[Candidate], groups: Groups) -> list[Candidate]:
        """The candidates that are no part of it."""
        wholly: set[Key] = set()
        partly: set[Key] = set()
        for each in candidates if self._values is not None else ():
            ours, theirs = _shares(each, groups)
            if each.flag and ours == 1 and theirs == 0:
                wholly.update(_told_with(each))
            elif each.flag and ours > theirs and each.parts[0].value in (self._values or ()):
                (wholly if each.parts[0].kind == "decision" else partly).update(_told_with(each))
        return [
            each
            for each in candidates
            if not self._is(each)
            and _key(each) not in wholly
            and not (_key(each) in partly and self._repeats(each, groups))
        ]

    def _is(self, candidate: Candidate) -> bool:
        part = candidate.parts[0]
        if (part.kind, part.subject) in self._keys or part.subject == self._decision:
            return True
        if self._measured is None or candidate.flag:
            return False
        return abs(rank_correlation(candidate.values, self._measured)) > _SAME

    def _repeats(self, candidate: Candidate, groups: Groups) -> bool:
        """Whether a value of a subject that may have the one asked for is that one, or seldom because of it."""
        ours, theirs = _shares(candidate, groups)
        return candidate.flag and (ours < theirs or candidate.parts[0].value in (self._values or ()))

    def says_where(self, candidate: Candidate) -> bool:
        """Whether it is a part of what the cohort is picked by: it says where, not why."""
        kind = candidate.parts[0].kind
        by_time, by_cost = self._by_time and kind in _TIMES, self._by_cost and kind == "tokens"
        return by_time or by_cost or (self._failed and kind == "error")

    def brings(self, candidate: Candidate, difference: Difference) -> bool:
        """Whether a failure alone explains it: what would have come after it did not."""
        if not self._failed or candidate.parts[0].kind == "error":
            return False
        absent = any(part.value == ABSENT and part.kind != "attribute" for part in candidate.parts)
        return absent or candidate.tier == "outcome" or (candidate.tier != "setting" and difference.effect < 0)


def _key(candidate: Candidate) -> Key:
    return candidate.parts[0].kind, candidate.parts[0].subject


def _shares(candidate: Candidate, groups: Groups) -> tuple[float, float]:
    """The mean of both groups, 0 to 1 of a flag; 0 where it is not known."""
    known = ~np.isnan(candidate.values)
    sides = candidate.values[known & groups.these], candidate.values[known & ~groups.these]
    ours, theirs = (float(side.mean()) if len(side) else 0.0 for side in sides)
    return ours, theirs


def _told_with(candidate: Candidate) -> Iterator[Key]:
    """Its subject, whose other values say the same the other way round; of a decision, what it decided against, too."""
    kind, subject = _key(candidate)
    yield kind, subject
    if kind == "decision":
        yield "alternative", subject


def _values(picks: TraceFilter | None, names: Iterable[str]) -> frozenset[str]:
    """The texts that a filter asks for."""
    return frozenset(str(getattr(picks, name)) for name in names if name != "decision")


def _fields(cohort: Cohort) -> frozenset[str]:
    picks = cohort.picks or TraceFilter()
    return picks.set_fields() if cohort.kind in ("box", "filter") else frozenset()
