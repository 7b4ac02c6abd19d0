"""The numbers that an alert rule can watch: what each is called, in which unit, and of what it is taken. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Unit = Literal["ms", "share", "dollars", "dollars an hour", "traces", "rating", "confidence"]


class AlertMeasure(StrEnum):
    """A number that the product defines."""

    P50 = "p50_ms"
    P95 = "p95_ms"
    P99 = "p99_ms"
    MEAN = "mean_ms"
    ERROR_RATE = "error_rate"
    REQUESTS = "request_count"
    COST = "cost"
    COST_PER_HOUR = "cost_per_hour"
    UNPRICED = "unpriced_count"
    FLAGGED = "flag_share"
    LOW_CONFIDENCE = "low_confidence_share"
    CONFIDENCE = "mean_confidence"
    UNSURE_DECISIONS = "unsure_decision_share"
    RATING = "mean_rating"
    FEEDBACK_RATE = "feedback_rate"
    GATE_FAILURES = "gate_failure_rate"
    BUDGET_USED = "budget_used"
    QUEUE = "queue_full"
    DEAD_LETTERS = "dead_letters"
    DROPPED = "dropped"
    NO_DATA = "no_data"


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What there is to know of a measure.

    Args:
        title: its name on a page.
        meaning: half a sentence for whoever sets up a rule.
        unit: shares and confidences are 0 to 1, ratings 1 to 5.
        by_operation: whether it can be taken of the spans of one operation, instead of whole traces.
        takes: what else a rule has to say, `flag` (which may be left out: any) or `confidence`.
        filtered: by which of a rule's fields what it is taken of can be chosen.
        counted: whether it is taken of things that can be too few, which a minimum count is for.
        history: whether it is known of any time, so that a rule can be tried on the past, and against last week.
        whole: whether only whole numbers make sense as its threshold.
        rolled: whether it is added up when traces are written; else it is looked for among the traces of the window.
    """

    title: str
    meaning: str
    unit: Unit
    by_operation: bool = False
    takes: Literal["flag", "confidence"] | None = None
    filtered: tuple[str, ...] = ("project", "library", "model", "trace_name")
    counted: bool = True
    history: bool = True
    whole: bool = False
    rolled: bool = True


def _latency(title: str, meaning: str) -> About:
    return About(title=title, meaning=meaning, unit="ms", by_operation=True)


ABOUT: Mapping[AlertMeasure, About] = {
    AlertMeasure.P50: _latency("P50 latency", "half of the traces took longer"),
    AlertMeasure.P95: _latency("P95 latency", "one of twenty traces took longer"),
    AlertMeasure.P99: _latency("P99 latency", "one of a hundred traces took longer"),
    AlertMeasure.MEAN: _latency("Mean latency", "the mean time that traces took"),
    AlertMeasure.ERROR_RATE: About(
        title="Error rate", meaning="the share of traces that failed", unit="share", by_operation=True
    ),
    AlertMeasure.REQUESTS: About(
        title="Requests", meaning="how many traces began", unit="traces", by_operation=True, counted=False, whole=True
    ),
    AlertMeasure.COST: About(
        title="Cost", meaning="what is known to have been spent in the window", unit="dollars", counted=False
    ),
    AlertMeasure.COST_PER_HOUR: About(
        title="Cost per hour", meaning="what is known to have been spent, by the hour", unit="dollars an hour",
        counted=False,
    ),
    AlertMeasure.UNPRICED: About(
        title="Traces without a price", meaning="how many used a model whose price is not known", unit="traces",
        counted=False, whole=True,
    ),
    AlertMeasure.FLAGGED: About(
        title="Flag share", meaning="the share of traces with a quality flag, any or a certain one", unit="share",
        takes="flag",
    ),
    AlertMeasure.LOW_CONFIDENCE: About(
        title="Low confidence", meaning="of the traces that have a confidence, the share with less than this",
        unit="share", takes="confidence", rolled=False,
    ),
    AlertMeasure.CONFIDENCE: About(
        title="Mean confidence", meaning="the mean of what traces have", unit="confidence", rolled=False
    ),
    AlertMeasure.UNSURE_DECISIONS: About(
        title="Unsure decisions",
        meaning="of the traces with decisions that have a confidence, the share with one that has less than this",
        unit="share", takes="confidence", rolled=False,
    ),
    AlertMeasure.RATING: About(title="Average rating", meaning="the mean of the ratings of these traces", unit="rating"),
    AlertMeasure.FEEDBACK_RATE: About(
        title="Feedback rate", meaning="the share of traces that somebody rated", unit="share"
    ),
    AlertMeasure.GATE_FAILURES: About(
        title="Gate failures", meaning="of the runs with a quality gate, the share that it did not let pass", unit="share"
    ),
    AlertMeasure.BUDGET_USED: About(
        title="Budget used", meaning="the share of the month's budget that is spent; 1.2 is a fifth too much",
        unit="share", filtered=("project",), counted=False, history=False,
    ),
    AlertMeasure.QUEUE: About(
        title="Full queue", meaning="how full the queue of the fullest receiving process is", unit="share", filtered=(),
        counted=False, history=False,
    ),
    AlertMeasure.DEAD_LETTERS: About(
        title="Dead letters", meaning="traces that could not be stored, on the days (UTC) of the window", unit="traces",
        filtered=(), counted=False, history=False, whole=True,
    ),
    AlertMeasure.DROPPED: About(
        title="Dropped traces", meaning="traces that were dropped, on the days (UTC) of the window", unit="traces",
        filtered=(), counted=False, history=False, whole=True,
    ),
    AlertMeasure.NO_DATA: About(
        title="No data", meaning="no trace began in the window", unit="traces", by_operation=True, counted=False,
        whole=True,
    ),
}  # fmt: skip
"""Every measure."""
