"""What people think of answers: check it, store it, let it count (seed D)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tracing_core.answer import Answer
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.ids import NATIVE_TRACE_ID, IdSource, check_trace_id, native_trace_id
from tracing_core.jsontext import storable
from tracing_core.model import Feedback
from tracing_core.quality import QualityRules
from tracing_core.query import feedback as query
from tracing_core.query.feedback import LOW_RATING, RatedTrace
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import Keep, keep_nowhere, put_feedback
from tracing_core.storage.waiting_feedback import count_all_waiting, give_up_waiting, keep_waiting

logger = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_COMMENT = 2000
ANONYMOUS = "anonymous"
THUMB_UP, THUMB_DOWN = 5, 1
"""The ratings that thumbs stand for, wherever there are thumbs."""
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_AHEAD = timedelta(hours=1)
"""How far the clock of who records may be ahead of ours."""


class FeedbackService:
    """Takes ratings, and tells of them. Get what a method answers by `await`, or by `.result()` where nothing awaits.

    Args:
        database: where they are stored.
        rules: by which a rating changes the flag of a trace.
        clock: for their times.
        ids: for their ids.
        flush: writes traces that are still queued in this process; a rating may be quicker than the trace it rates.
        keep: keeps all ratings of a trace besides, so that the database can be made again.
        wait: how long a rating waits for a trace that may still come.
    """

    def __init__(
        self,
        database: Database,
        rules: QualityRules,
        clock: Clock,
        ids: IdSource,
        flush: Callable[[], object],
        keep: Keep = keep_nowhere,
        wait: timedelta = timedelta(days=1),
    ) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._ids = ids
        self._flush = flush
        self._keep = keep
        self._wait = wait

    def submit_feedback(
        self, interaction_id: str, rating: int, comment: str | None = None, user_id: str | None = None
    ) -> Answer[Feedback]:
        """Rate an answer; the same user rating it again changes the rating.

        Args:
            interaction_id: the id of the trace; OpenTelemetry's for it is taken, too, also written as a UUID.
            rating: 1 (bad) to 5 (good).
            comment: at most 2,000 characters.
            user_id: who says so; `anonymous` otherwise.

        Returns:
            The feedback as it is stored; a `WaitingFeedback` when its trace has not come yet but may, with which it will count.

        Raises:
            InvalidInput: at once: a value does not fit; `field` names it.
            TraceNotFound: when asked: no such trace is stored, and none will come.
            Overloaded: too many ratings wait for their traces.
            StorageError: the database did not take it.
        """
        now = self._clock.now()
        given = Feedback(
            feedback_id=f"fb_{self._ids.span_id()}",
            trace_id=_checked_id(interaction_id),
            user_id=_checked_user(user_id),
            rating=_checked_rating(rating),
            comment=_checked_comment(comment),
            created_at=now,
            updated_at=now,
        )
        return Answer(lambda: self._submit(given))

    def get_feedback(self, feedback_id: str) -> Answer[Feedback | None]:
        """One rating by its id, also one that waits; None when there is none."""
        return self._ask(lambda db: query.by_id(db, feedback_id))

    def get_interaction_feedback(self, interaction_id: str) -> Answer[tuple[Feedback, ...]]:
        """What people thought of one answer, the newest first.

        Raises:
            InvalidInput: the id is none.
        """
        trace_id = _checked_id(interaction_id)
        return self._ask(lambda db: query.for_trace(db, trace_id))

    def get_user_feedbacks(self, user_id: str, limit: int = 100) -> Answer[tuple[Feedback, ...]]:
        """What one user thought of answers, the newest first; at most `limit` (1 to 1,000)."""
        limit = _checked_limit(limit)
        return self._ask(lambda db: query.for_user(db, user_id, limit=limit))

    def get_average_rating(self, hours: float | None = None, project: str | None = None) -> Answer[float | None]:
        """The mean of the ratings of answers given in the last `hours` (ever without), 1 to 5; None when there is none."""
        return self._ask(lambda db: query.average_rating(db, self._chosen(hours, project)))

    def get_rating_distribution(self, hours: float | None = None, project: str | None = None) -> Answer[dict[int, int]]:
        """How often each rating from 1 to 5 was given to answers of the last `hours` (ever without)."""
        return self._ask(lambda db: query.rating_distribution(db, self._chosen(hours, project)))

    def get_low_rated_interactions(
        self,
        max_rating: int = LOW_RATING,
        limit: int = 50,
        hours: float | None = None,
        project: str | None = None,
    ) -> Answer[tuple[RatedTrace, ...]]:
        """The newest ratings up to `max_rating` with the answers that they are of; at most `limit` (1 to 1,000)."""
        limit, highest = _checked_limit(limit), _checked_rating(max_rating, "max_rating")
        return self._ask(lambda db: query.low_rated(db, self._chosen(hours, project), max_rating=highest, limit=limit))

    def get_feedback_rate(self, hours: float | None = None, project: str | None = None) -> Answer[float | None]:
        """The share of answers of the last `hours` (ever without) that somebody rated, 0 to 1; None when there are none."""
        return self._ask(lambda db: query.feedback_rate(db, self._chosen(hours, project)))

    def look_after_waiting(self) -> None:
        """Let what waits for a trace that is stored count, and let go of what has waited for too long, which the ledger counts.

        Raises:
            StorageError: the database did not do all of it; another run goes on.
        """
        count_all_waiting(self._database, self._rules, self._keep)
        now = self._clock.now()
        if gone := give_up_waiting(self._database, now - max(self._wait, _AHEAD), now):
            logger.warning("the traces of %d ratings did not come in time; they count nowhere", gone)

    def _submit(self, given: Feedback) -> Feedback:
        try:
            return put_feedback(self._database, given, self._rules, self._keep)
        except TraceNotFound:
            self._flush()
        try:
            return put_feedback(self._database, given, self._rules, self._keep)
        except TraceNotFound:
            if not self._may_come(given.trace_id):
                raise
        if (waiting := keep_waiting(self._database, given)) is not None:
            return waiting
        return put_feedback(self._database, given, self._rules, self._keep)

    def _may_come(self, trace_id: str) -> bool:
        """Whether a trace may be on its way: ids that were made here say when, of others nobody knows."""
        made = NATIVE_TRACE_ID.fullmatch(trace_id)
        if made is None:
            return trace_id.strip("0") != "" and self._wait > timedelta(0)
        try:
            at = datetime.strptime(made[1] + made[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return False
        return -_AHEAD <= self._clock.now() - at <= self._wait

    def _ask(self, question: Callable[[Database], T]) -> Answer[T]:
        return Answer(lambda: question(self._database))

    def _chosen(self, hours: float | None, project: str | None) -> TraceFilter:
        return TraceFilter(start=None if hours is None else self._clock.now() - timedelta(hours=hours), project=project)


def _checked_id(trace_id: str) -> str:
    if _UUID.fullmatch(trace_id):
        trace_id = trace_id.replace("-", "").lower()
    try:
        return check_trace_id(native_trace_id(trace_id))
    except InvalidInput as error:
        raise InvalidInput("interaction_id", error.problem) from error


def _checked_rating(rating: object, field: str = "rating") -> int:
    if isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5:
        raise InvalidInput(field, "must be a whole number from 1 (bad) to 5 (good)")
    return rating


def _checked_limit(limit: object) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
        raise InvalidInput("limit", "must be a whole number from 1 to 1,000")
    return limit


def _checked_comment(comment: str | None) -> str | None:
    if comment is not None and len(comment) > LONGEST_COMMENT:
        raise InvalidInput("comment", f"has {len(comment)} characters; at most {LONGEST_COMMENT} are kept")
    kept = storable(comment or "").strip()
    return kept or None


def _checked_user(user_id: str | None) -> str:
    user_id = storable(user_id or "").strip() or ANONYMOUS
    if len(user_id) > 200:
        raise InvalidInput("user_id", "has more than 200 characters")
    return user_id
