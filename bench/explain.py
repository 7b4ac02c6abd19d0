"""How long Explain takes to find causes that were planted, and how it ranks them: `python3 dev.py bench explain --data-dir DIR`.

The database is one that `bench load` filled, with a million traces say; what is to be found is planted first, which takes
a quarter of an hour for as many, once. Without a database a small one is filled.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress
from sqlalchemy import func, select

from bench import explain_plant as planted
from bench.loader import History, days_until, load_with_bar, this_hour
from bench.measure import Figure
from bench.options import Options
from tracing_core.explain.result import Cohort, Explanation, Finding
from tracing_core.query.explain import explain
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded
from tracing_core.storage.tables import traces

_DAYS = 30
_SMALL = 20_000
_MOST_RUNS = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Something that was planted.

    Args:
        name: for the table.
        cohort: makes the question of a range of time.
        parts: subjects and values that the first finding must name, and no others; a value may be the beginning of one.
    """

    name: str
    cohort: Callable[[TraceFilter], Cohort]
    parts: frozenset[tuple[str, str]]


CAUSES = (
    Cause(
        name="a slow source in one library",
        cohort=lambda chosen: Cohort(kind="slow", chosen=chosen),
        parts=frozenset({("source", planted.SLOW_SOURCE), ("library", planted.SLOW_LIBRARY)}),
    ),
    Cause(
        name="a bad prompt version for one user segment",
        cohort=lambda chosen: Cohort(kind="low_rated", chosen=chosen),
        parts=frozenset({("prompt version", planted.BAD_PROMPT), ("user.segment", planted.UNHAPPY_SEGMENT)}),
    ),
    Cause(
        name="an over-confident decision",
        cohort=lambda chosen: Cohort(kind="filter", chosen=chosen, picks=TraceFilter(quality_gate_passed=False)),
        parts=frozenset({("classified_intent", planted.WRONG_CHOICE), ("classified_intent", "0.9")}),
    ),
)


def measure(options: Options) -> Iterator[Figure]:
    """Plant, ask, and say how long it took and at which rank each cause was."""
    with _database(options) as database:
        with Progress() as progress:
            bar = progress.add_task("planting")
            for done, all_of_them in planted.plant(database):
                progress.update(bar, completed=done, total=all_of_them)
        with database.read() as connection:
            newest, count = connection.execute(select(func.max(traces.c.started_at), func.count())).one()
        now = newest + timedelta(seconds=1)
        for cause in CAUSES:
            yield from _measured(database, cause, now, count, options.runs)


def _measured(database: Database, cause: Cause, now: datetime, count: int, runs: int) -> Iterator[Figure]:
    cohort = cause.cohort(TraceFilter(start=now - timedelta(days=_DAYS), end=now))
    taken: list[float] = []
    for _ in range(min(max(runs, 2), _MOST_RUNS)):
        start = time.perf_counter()
        found = explain(database, cohort, now=now)
        taken.append(time.perf_counter() - start)
    rank = rank_of(cause, found)
    what = f"{cause.name}, {count:,} traces"
    yield Figure(what=f"{what}: first answer", value=taken[0], unit="s", target="5 s")
    yield Figure(
        what=f"{what}: later ones, median of {len(taken) - 1}",
        value=statistics.median(taken[1:]),
        unit="s",
        target="5 s",
    )
    rank = rank_of(cause, found) or 0
    yield Figure(what=f"{what}: place among {found.looked_at:,} facts and pairs", value=rank, unit="", target="1")


def rank_of(cause: Cause, found: Explanation) -> int | None:
    """The place of a cause among those found; None where it is not."""
    return next((place for place, each in enumerate(found.causes, 1) if _names(each, cause)), None)


def _names(finding: Finding, cause: Cause) -> bool:
    if len(finding.parts) != len(cause.parts):
        return False
    return all(
        any(part.subject == subject and (part.value or "").startswith(value) for part in finding.parts)
        for subject, value in cause.parts
    )


@contextmanager
def _database(options: Options) -> Iterator[Database]:
    if options.data_dir or options.database_url:
        yield from _opened(options.database_url or embedded_url(options.data_dir or Path()))
        if options.data_dir:
            release_embedded(options.data_dir)
        return
    with TemporaryDirectory(prefix="tracewhy-bench-", ignore_cleanup_errors=True) as directory:
        url = embedded_url(Path(directory))
        load_with_bar(url, History(traces=_SMALL, spread=days_until(this_hour(), _DAYS)), 2)
        yield from _opened(url)
        release_embedded(Path(directory))


def _opened(url: str) -> Iterator[Database]:
    database = Database(url, statement_timeout_ms=0)
    try:
        yield database
    finally:
        database.close()
