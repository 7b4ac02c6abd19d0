"""The settings of feedback: how much of it one sender may give, and how long it waits for what it is about."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class FeedbackSettings(BaseSettings):
    """A part of `Settings`."""

    feedback_rate: float = Field(
        5.0,
        gt=0,
        alias="TRACEWHY_FEEDBACK_RATE",
        description="Ratings a second that one API key, user or address may send in the long run",
    )
    feedback_burst: int = Field(
        100, ge=1, alias="TRACEWHY_FEEDBACK_BURST", description="Ratings that it may send at once"
    )
    feedback_wait_hours: float = Field(
        24.0,
        ge=0,
        le=24 * 30,
        alias="TRACEWHY_FEEDBACK_WAIT_HOURS",
        description="How long a rating waits for its trace, in hours; 0 refuses ratings of traces that are not stored",
    )
