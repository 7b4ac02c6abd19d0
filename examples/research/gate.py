"""The quality gate: scores a report by every principle in force, and says whether it passes. It asks no model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from examples.research.checks import CHECKS, Reading
from examples.research.corpus import Corpus
from examples.research.model import Brief, Draft, Principle, Rubric, Score, Verdict
from examples.research.policy import Policy
from tracing_core.context import AnyTrace
from tracing_core.interface import TracingComponent

PASS, FAIL = "PASS", "FAIL"
_CRITICAL_WEIGHT = 2
_BEST = 3


class QualityGate(TracingComponent):
    """Reads reports.

    Args:
        corpus: whose words weigh as much as they tell, and whose vectors compare meanings.
        policy: the score that is asked for.
    """

    STAGE = "quality_gate"

    def __init__(self, corpus: Corpus, policy: Policy) -> None:
        self._corpus = corpus
        self._policy = policy

    @property
    def component_name(self) -> str:
        return "quality_gate"

    def get_trace_schema(self) -> dict[str, Any]:
        return {
            "description": "scores reports by the principles in force",
            "stages": [self.STAGE],
            "decisions": {"quality_assessment": {"what": [PASS, FAIL], "confidence": True, "why": True}},
            "outputs": [
                "passed",
                "iteration",
                "overall_score",
                "threshold",
                "principle_scores",
                "gaps",
                "strengths",
                "gap_principles",
                "strength_principles",
            ],
        }

    def judge(self, brief: Brief, rubric: Rubric, draft: Draft, iteration: int, trace: AnyTrace) -> Verdict:
        """Score `draft`; recorded with the feedback of every principle.

        Args:
            iteration: which round of writing it is from, from 1.
        """
        trace.start_stage(self.STAGE)
        reading = Reading(
            brief=brief,
            text=draft.text,
            sources=draft.sources,
            embedder=self._corpus.embedder,
            weight=self._corpus.index.weight,
        )
        scores = tuple(score(principle, reading) for principle in rubric.active)
        overall = overall_score(scores)
        verdict = Verdict(
            scores=scores, overall=overall, passed=overall >= self._policy.passing and not ignored(scores)
        )
        trace.record(self.STAGE, "quality_assessment", self._assessment(verdict, draft))
        trace.end_stage(self.STAGE, outputs=self._outputs(verdict, iteration))
        return verdict

    def _assessment(self, verdict: Verdict, draft: Draft) -> dict[str, Any]:
        threshold, met = self._policy.passing, len(verdict.scores) - len(verdict.gaps)
        because = "".join(f"; {each.principle.id} is critical and ignored" for each in ignored(verdict.scores))
        return {
            "what": PASS if verdict.passed else FAIL,
            "why": f"overall {verdict.overall:.1f} of 3.0, threshold {threshold}; {met}/{len(verdict.scores)} principles"
            f" scored 2 or more, {len(verdict.gaps)} gaps identified{because}",
            "confidence": round(min(0.99, 0.5 + abs(verdict.overall - threshold) / 2), 3),
            "alternatives_considered": [FAIL if verdict.passed else PASS],
            "inputs": {"report_text": f"{len(draft.text)} characters", "rubric": f"{len(verdict.scores)} principles"},
        }

    def _outputs(self, verdict: Verdict, iteration: int) -> dict[str, Any]:
        return {
            "passed": verdict.passed,
            "iteration": iteration,
            "overall_score": round(verdict.overall, 3),
            "threshold": self._policy.passing,
            "principle_scores": [each.as_recorded() for each in verdict.scores],
            "gaps": [each.as_recorded() for each in verdict.gaps],
            "strengths": [each.as_recorded() for each in verdict.strengths],
            "gap_principles": [each.principle.id for each in verdict.gaps],
            "strength_principles": [each.principle.id for each in verdict.strengths],
        }


def score(principle: Principle, reading: Reading) -> Score:
    """What one principle says of a report."""
    level, feedback = CHECKS[principle.id](reading)
    return Score(principle=principle, score=min(level, _BEST), feedback=feedback)


def ignored(scores: Iterable[Score]) -> list[Score]:
    """The critical principles that a report does not heed at all."""
    return [each for each in scores if each.principle.critical and each.score == 0]


def overall_score(scores: tuple[Score, ...]) -> float:
    """The mean of the scores, in which critical principles count twice; 0 when there are none."""
    weights = [_CRITICAL_WEIGHT if each.principle.critical else 1 for each in scores]
    total = sum(weight * each.score for weight, each in zip(weights, scores, strict=True))
    return total / sum(weights) if scores else 0.0
