"""How long the questions behind Compare, Patterns, Costs, Feedback, the review, Alerts, the overview and System take over a month.

`python3 dev.py bench pages --data-dir DIR`, on a database that `bench load` filled. Of each question the first answer, and
the median of those after it. Nothing is written.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from bench.measure import Figure
from bench.options import Options
from bench.page_questions import Asked, asked
from tracing_core.errors import SettingsError
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded
from tracing_core.storage.tables import traces

TARGET_SECONDS = 2.0
_MOST_RUNS = 5


def measure(options: Options) -> Iterator[Figure]:
    """The figures, of each question two.

    Raises:
        SettingsError: no database is named, or it holds no traces.
    """
    if not (options.data_dir or options.database_url):
        raise SettingsError("bench pages measures a database that is there: give --data-dir or --database-url")
    database = Database(options.database_url or embedded_url(options.data_dir or Path()), statement_timeout_ms=0)
    try:
        for question in asked(database, _now(database)):
            yield from _figures(question, min(max(options.runs, 2), _MOST_RUNS))
    finally:
        database.close()
        if options.data_dir:
            release_embedded(options.data_dir)


def _now(database: Database) -> datetime:
    with database.read() as connection:
        newest: datetime | None = connection.scalar(select(func.max(traces.c.started_at)))
    if newest is None:
        raise SettingsError("the database holds no traces; fill it with bench load")
    return newest + timedelta(seconds=1)


def _figures(question: Asked, runs: int) -> Iterator[Figure]:
    taken = [_seconds(question.ask) for _ in range(runs)]
    target = f"{TARGET_SECONDS:g} s"
    yield Figure(what=f"{question.page}: {question.name}: first answer", value=taken[0], unit="s", target=target)
    yield Figure(
        what=f"{question.page}: {question.name}: later ones",
        value=statistics.median(taken[1:]),
        unit="s",
        target=target,
    )


def _seconds(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start
