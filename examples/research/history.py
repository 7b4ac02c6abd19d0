"""A made-up history of this pipeline: it researches many questions for real, under a clock that jumps, by writers that only quote."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from assistant.demo.clock import JumpingClock
from assistant.demo.models import PretendedModels
from assistant.demo.questions import USERS
from assistant.embedding import Embedder
from assistant.errors import AssistantError
from examples.research.model import Report, Request
from examples.research.questions import questions
from examples.research.workplace import Workplace, workplace
from tracing_core.clock import SystemClock
from tracing_core.store import Store

PROJECT = "research-demo"
_RATED = 0.35
_PACKED = 0.12
_BATCH = 25
_STORED_WITHIN_SECONDS = 60
_QUIET = {"TRACEWHY_SCORECARD": "off"}
_COMMENTS = {
    1: ("Nothing of this helps.", "Not what I asked."),
    2: ("Where is the example?", "Too thin to be of use.", None),
    3: (None, "Half of it is useful."),
    4: (None, "Good, I found my way from here."),
    5: (None, "Just what I needed."),
}


def record_history(*, runs: int, days: float, seed: int, progress: Callable[[int], None], **settings: Any) -> int:
    """Research `runs` questions, spread over the `days` until now.

    Args:
        seed: another one, another history.
        progress: told how many are done.
        settings: by environment name; they win over the environment.

    Returns:
        How many of the reports were rated.

    Raises:
        TracewhyError: as `workplace`.
        OSError: a report cannot be written.
    """
    source = random.Random(seed)  # noqa: S311 - a history that can be told again
    now = SystemClock().now()
    clock = JumpingClock(now - timedelta(days=days))
    rated = 0

    def models(embedder: Embedder) -> PretendedModels:
        return PretendedModels(embedder, clock, source)

    with workplace(clock=clock, models=models, **_QUIET | settings) as here:
        unrated: list[Report] = []
        asked = questions(source)
        for done, moment in enumerate(_moments(source, runs, days, now), start=1):
            clock.jump_to(moment)
            report = _researched(next(asked), here, source)
            unrated += [report] if report is not None else []
            if done % _BATCH == 0 or done == runs:
                here.store.writer.flush(_STORED_WITHIN_SECONDS)
                here.store.reviewer.flush(_STORED_WITHIN_SECONDS)
                rated += sum(_rate(report, here.store, source) for report in unrated)
                unrated.clear()
            progress(done)
    return rated


def _moments(source: random.Random, runs: int, days: float, until: datetime) -> list[datetime]:
    """When somebody asks, in the order of time."""
    return sorted(until - timedelta(days=days * source.random()) for _ in range(runs))


def _researched(question: str, here: Workplace, source: random.Random) -> Report | None:
    """The report on one question; None when the model fell silent, which is on the trace."""
    request = Request(
        question=question,
        project=PROJECT,
        user_id=source.choice(USERS),
        evidence_pack=source.random() < _PACKED,
    )
    try:
        return here.research.run(request)
    except AssistantError:
        return None


def _rate(report: Report, store: Store, source: random.Random) -> bool:
    """Some rate, and the better the report the better, on the whole."""
    if report.trace_id is None or source.random() > _RATED:
        return False
    rating = max(1, min(5, round(0.2 + 1.6 * report.verdict.overall + source.gauss(0, 0.8))))
    comment = source.choice(_COMMENTS[rating])
    store.feedback.submit_feedback(
        interaction_id=report.trace_id, rating=rating, comment=comment, user_id="reader"
    ).result()
    return True
