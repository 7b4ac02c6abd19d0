"""What people think of answers: check it, store it, let it count (seed D)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.files import TraceFiles
from tracing_core.ids import IdSource, check_trace_id
from tracing_core.jsontext import storable
from tracing_core.model import Feedback
from tracing_core.quality import QualityRules
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import put_feedback

logger = logging.getLogger(__name__)

LONGEST_COMMENT = 2000
ANONYMOUS = "anonymous"


class FeedbackService:
    """Takes ratings.

    Args:
        database: where they are stored.
        rules: by which a rating changes the flag of a trace.
        clock: for their times.
        ids: for their ids.
        flush: writes traces that are still queued in this process; a rating may be quicker than the trace it rates.
        files: where ratings are kept besides, so that the database can be made again; None for nowhere.
    """

    def __init__(
        self,
        database: Database,
        rules: QualityRules,
        clock: Clock,
        ids: IdSource,
        flush: Callable[[], object],
        files: TraceFiles | None = None,
    ) -> None:
        self._files = files
        self._database = database
        self._rules = rules
        self._clock = clock
        self._ids = ids
        self._flush = flush

    def submit(self, *, trace_id: str, rating: int, comment: str | None = None, user_id: str | None = None) -> Feedback:
        """Rate an answer; the same user rating it again changes the rating.

        Args:
            trace_id: the interaction's id.
            rating: 1 (bad) to 5 (good).
            comment: at most 2,000 characters.
            user_id: who says so; `anonymous` otherwise.

        Raises:
            InvalidInput: a value does not fit; `field` names it.
            TraceNotFound: no such trace is stored.
            StorageError: the database did not take it.
        """
        now = self._clock.now()
        given = Feedback(
            feedback_id=f"fb_{self._ids.span_id()}",
            trace_id=_checked_id(trace_id),
            user_id=_checked_user(user_id),
            rating=_checked_rating(rating),
            comment=_checked_comment(comment),
            created_at=now,
            updated_at=now,
        )
        try:
            return put_feedback(self._database, given, self._rules, self._keep)
        except TraceNotFound:
            self._flush()
            return put_feedback(self._database, given, self._rules, self._keep)

    def _keep(self, project: str, ratings: Sequence[Feedback]) -> None:
        if self._files is None:
            return
        try:
            self._files.write_feedback(project, ratings[0].trace_id, ratings)
        except (OSError, InvalidInput) as error:
            logger.error("the ratings of trace %s could not be written to their file: %s", ratings[0].trace_id, error)


def _checked_id(trace_id: str) -> str:
    try:
        return check_trace_id(trace_id)
    except InvalidInput as error:
        raise InvalidInput("interaction_id", error.problem) from error


def _checked_rating(rating: object) -> int:
    if isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5:
        raise InvalidInput("rating", "must be a whole number from 1 (bad) to 5 (good)")
    return rating


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
