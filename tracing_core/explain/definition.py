"""What a cohort is picked by: no finding about it can be one of these. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracing_core.explain.facts import ABSENT, Candidate, Key, Numbers
from tracing_core.explain.ranks import Difference, rank_correlation
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
    "library": (("library", "library"),),
    "quality_flag": (FLAG, RATING, SURE),
    "flagged": (FLAG, RATING, SURE),
    "status": (STATUS,),
    "model": (("model", "model"), ("model", "provider")),
    "user_id": (("user", "user"),),
    "session_id": (("user", "session"),),
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

    @property
    def by_time(self) -> bool:
        """Whether the cohort is picked by how long it took."""
        return self._by_time

    def leaves(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates that are no part of it."""
        return [each for each in candidates if not self._is(each)]

    def _is(self, candidate: Candidate) -> bool:
        part = candidate.parts[0]
        if (part.kind, part.subject) in self._keys or part.subject == self._decision:
            return True
        if self._measured is None or candidate.flag:
            return False
        return abs(rank_correlation(candidate.values, self._measured)) > _SAME

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


def _fields(cohort: Cohort) -> frozenset[str]:
    picks = cohort.picks or TraceFilter()
    return picks.set_fields() if cohort.kind in ("box", "filter") else frozenset()
