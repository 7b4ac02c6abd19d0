"""What the pages Compare, Patterns, Costs, Feedback, the review, Alerts, the overview and System ask, each by its function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import get_args

from tracing_core.alerts.dry_run import dry_run
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule, Direction
from tracing_core.cohort import Cohort
from tracing_core.comparison import compare
from tracing_core.cost import CostTracker
from tracing_core.query import (
    advice,
    attention,
    cohorts,
    cost_projection,
    costs,
    failures,
    feedback,
    growth,
    heat,
    models,
    overview,
    patterns,
    rating_groups,
    review_queue,
    system,
    token_classes,
    user_segments,
    watching,
)
from tracing_core.query import alerts as noticed
from tracing_core.query.costs import CostBy
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

DAYS = 30
_WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question, and the page that asks it."""

    page: str
    name: str
    ask: Callable[[], object]


def asked(db: Database, now: datetime) -> Iterator[Asked]:
    """All of them, about the month up to `now`, unless the name says of what."""
    month = TraceFilter(start=now - timedelta(days=DAYS), end=now)
    before = replace(month, start=now - timedelta(days=2 * DAYS), end=month.start)
    week = replace(month, start=now - _WEEK)
    last_week = replace(month, start=now - 2 * _WEEK, end=now - _WEEK)
    for page, questions in (
        ("Compare", _compare(db, month, now)),
        ("Patterns", _patterns(db, month, before, week, last_week)),
        ("Costs", _costs(db, month, now)),
        ("Feedback", _feedback(db, month)),
        ("Review", _review(db, month)),
        ("Alerts", _alerts(db, now)),
        ("Overview", _overview(db, month, before, week, last_week)),
        ("System", _system(db, now)),
        ("Explain", (("heat", partial(heat.heat, db, month)),)),
    ):
        yield from (Asked(page=page, name=name, ask=ask) for name, ask in questions)


_Questions = Iterator[tuple[str, Callable[[], object]]]


def _compare(db: Database, month: TraceFilter, now: datetime) -> _Questions:
    yield "what tells groups apart", partial(cohorts.dimensions, db, month)
    found = cohorts.dimensions(db, month)
    for dimension in (each for each in found if not each.by.startswith("attribute:candidate")):
        most, *_, least = dimension.values
        yield f"by {dimension.by}", partial(_compared, db, month, dimension.by, most, least)
        yield f"by {dimension.by}, against all others", partial(_compared, db, month, dimension.by, least, None)
    rare = next((each for each in found if each.by.startswith("attribute:candidate")), None)
    if rare is not None:
        value = next(iter(rare.values))
        yield (
            "by an attribute that a tenth has, against all others",
            partial(_compared, db, month, rare.by, value, None),
        )
    weeks = [f"{(now - back - _WEEK).isoformat()}/{(now - back).isoformat()}" for back in (_WEEK, timedelta(0))]
    yield "a week against the one before", partial(_compared, db, TraceFilter(), "time", *weeks)
    narrow = replace(month, max_rating=2)
    yield "by model, of those rated low", partial(_compared, db, narrow, "model", *_two(db, month))


def _two(db: Database, month: TraceFilter) -> tuple[str, str]:
    by_model = next(each for each in cohorts.dimensions(db, month) if each.by == "model")
    first, second, *_ = by_model.values
    return first, second


def _compared(db: Database, chosen: TraceFilter, by: str, a: str, b: str | None) -> object:
    groups = Cohort(by=by, value=a), Cohort(by=by, value=a if b is None else b, others=b is None)
    samples = [cohorts.cohort_sample(db, chosen, each) for each in groups]
    return compare(samples[0], samples[1], apart_by=by)


def _patterns(
    db: Database, month: TraceFilter, before: TraceFilter, week: TraceFilter, last_week: TraceFilter
) -> _Questions:
    yield "topics and gaps", partial(patterns.question_patterns, db, month, before)
    yield "topics and gaps of a week", partial(patterns.question_patterns, db, week, last_week)
    yield "failures", partial(failures.failures, db, month, before)
    yield "failures of a week", partial(failures.failures, db, week, last_week)
    yield "users", partial(user_segments.users, db, month)
    yield "hours of the week", partial(user_segments.activity, db, month)


def _costs(db: Database, month: TraceFilter, now: datetime) -> _Questions:
    prices = CostTracker()
    for by in get_args(CostBy):
        yield f"spent by {by}", partial(costs.spending, db, month, by)
    yield "what a good answer costs", partial(costs.good_answers, db, month)
    yield "the dearest", partial(costs.dearest, db, month)
    yield "the dearest of an operation", partial(costs.dearest, db, month, operation="llm_generation")
    yield "tokens by class", partial(token_classes.token_classes, db, month, prices)
    yield "models without a price", partial(models.unknown_models, db, month, prices)
    yield "traces without a price", partial(costs.unpriced_traces, db, month)
    yield "where the month leads", partial(cost_projection.cost_projection, db, None, now)
    yield "advice", partial(advice.advice_report, db, month, prices)


def _feedback(db: Database, month: TraceFilter) -> _Questions:
    yield "totals", partial(overview.totals, db, month)
    yield "how ratings are spread", partial(feedback.rating_distribution, db, month)
    yield "what was said", partial(feedback.recent_feedback, db, month, limit=100)
    yield "over time", partial(rating_groups.ratings_over_time, db, month)
    yield "all, with intervals", partial(rating_groups.ratings_by, db, month, None)
    yield "by model", partial(rating_groups.ratings_by, db, month, "model")
    yield "by library", partial(rating_groups.ratings_by, db, month, "library")
    yield "rated low", partial(feedback.low_rated, db, month)


def _review(db: Database, month: TraceFilter) -> _Questions:
    yield "the queue", partial(review_queue.waiting_for_review, db, month)
    queue = review_queue.waiting_for_review(db, month)
    if queue:
        yield "one of it", partial(review_queue.review_item, db, queue[0])
    yield "labels", partial(review_queue.labels_in_use, db)
    yield "the data set", lambda: sum(1 for _ in review_queue.data_set(db, month))


def _alerts(db: Database, now: datetime) -> _Questions:
    library = next(each.library for each in overview.libraries(db, TraceFilter(start=now - _WEEK, end=now)))
    rules = {
        "P95": AlertRule(name="p95", measure=AlertMeasure.P95, threshold=2000),
        "P95 of a library over a day": AlertRule(
            name="p95", measure=AlertMeasure.P95, threshold=2000, library=library, window_minutes=24 * 60
        ),
        "share of low confidence": AlertRule(
            name="unsure", measure=AlertMeasure.LOW_CONFIDENCE, threshold=0.2, confidence=0.5
        ),
        "unsure decisions": AlertRule(
            name="unsure", measure=AlertMeasure.UNSURE_DECISIONS, threshold=0.2, confidence=0.5
        ),
        "mean rating": AlertRule(name="rating", measure=AlertMeasure.RATING, threshold=3, direction=Direction.BELOW),
    }
    for name, rule in rules.items():
        yield f"a dry run of 7 days: {name}", partial(dry_run, db, rule, now - _WEEK, now, timedelta(seconds=60))


def _overview(
    db: Database, month: TraceFilter, before: TraceFilter, week: TraceFilter, last_week: TraceFilter
) -> _Questions:
    yield "needs attention", partial(attention.attention, db, month, before)
    yield "needs attention, of a week", partial(attention.attention, db, week, last_week)
    buckets = tuple(point.bucket for point in overview.latency_over_time(db, month))
    yield "releases", partial(attention.first_of_releases, db, month, buckets)
    yield "noticed by calibration", partial(noticed.alerts, db, month)


def _system(db: Database, now: datetime) -> _Questions:
    yield "storage", partial(system.storage, db)
    yield "growth", partial(growth.sizes_by_day, db, {"database": 8_000_000_000}, now)
    yield "traces stored", partial(system.stored_traces, db)
    yield "orphans", partial(system.orphans, db, now - timedelta(days=DAYS), now)
    yield "watching", partial(watching.watching, db, now - timedelta(days=DAYS))
