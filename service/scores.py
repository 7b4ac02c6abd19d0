"""Langfuse's scores that are ratings by people become feedback; what cannot be one is answered with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracing_core.errors import InvalidInput
from tracing_core.feedback import THUMB_DOWN, THUMB_UP, FeedbackService
from tracing_core.ids import native_trace_id

_RATING = re.compile(r"rating|stars?\b|feedback|thumbs?|satisf|(^|[^a-z])likes?([^a-z]|$)")
"""Names of scores that people give, lower case and with blanks for hyphens."""
_WORST, _BEST = THUMB_DOWN, THUMB_UP
_SAID = (
    "only ratings by people are kept here: a score named like user-feedback, rating, thumbs or stars, "
    "boolean (0 or 1) or a whole number from 1 to 5"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A score that is a rating: 1 (bad) to 5 (good)."""

    trace_id: str
    rating: int
    user_id: str | None
    comment: str | None

    def keep(self, feedback: FeedbackService) -> None:
        """Store it.

        Raises:
            InvalidInput: a value does not fit.
            TraceNotFound: its trace is not stored, or not yet.
            StorageError: the database did not take it.
        """
        feedback.submit_feedback(
            interaction_id=self.trace_id, rating=self.rating, comment=self.comment, user_id=self.user_id
        ).result()


def read_score(given: Any) -> Score:
    """The rating that a score of Langfuse's API is.

    Args:
        given: as JSON has it: name, value, traceId, dataType, comment, metadata, id.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("score", "must be a JSON object")
    trace_id = given.get("traceId")
    if not isinstance(trace_id, str):
        raise InvalidInput("traceId", "is missing; scores of sessions and dataset runs are not kept here")
    return Score(
        trace_id=native_trace_id(trace_id.lower()),
        rating=_rating(given),
        user_id=_user(given),
        comment=_text(given.get("comment")),
    )


def _rating(given: Mapping[str, Any]) -> int:
    value, kind = given.get("value"), given.get("dataType") or "NUMERIC"
    name = str(given.get("name", "")).lower().replace("_", " ").replace("-", " ")
    if kind not in ("NUMERIC", "BOOLEAN") or not isinstance(value, int | float) or not _RATING.search(name):
        raise InvalidInput("value", _SAID)
    if value in (0, 1) and (kind == "BOOLEAN" or ("rating" not in name and "star" not in name)):
        return _BEST if value else _WORST
    if kind == "NUMERIC" and float(value).is_integer() and _WORST <= value <= _BEST:
        return int(value)
    raise InvalidInput("value", f"is {value}; {_SAID}")


def _user(given: Mapping[str, Any]) -> str | None:
    """Who says so. A score without a user is a rating of its own, changed by the next one with its id."""
    metadata = given.get("metadata")
    said = metadata if isinstance(metadata, Mapping) else {}
    user = _text(said.get("user_id")) or _text(said.get("userId"))
    number = _text(given.get("id"))
    return user or (f"anonymous {number}"[:200] if number else None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
