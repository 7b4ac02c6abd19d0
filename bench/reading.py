"""How long the questions behind the pages take, as the database grows: medians and P95 in milliseconds, warm.

Without a database of its own it fills one with 10,000, 100,000 and 1,000,000 traces of 30 days, one on top of the other,
and asks at each size. VACUUM and ANALYZE run first, as autovacuum has by the time that somebody looks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import func, select, text

from bench.loader import History, days_until, load_with_bar, this_hour
from bench.measure import percentile
from bench.options import Options
from bench.questions import Question, examples, questions
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded
from tracing_core.storage.tables import traces

_DAYS = 30
_LOADERS = 2
_STEADY = 2.0
"""How many times its time at the smallest size a question may take at the largest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How long a question took, in milliseconds."""

    median_ms: float
    p95_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """All timings at one size of the database, by the name of the question."""

    traces: int
    timings: Mapping[str, Timing]
    asked: tuple[Question, ...]


def run(options: Options) -> None:
    """Measure, and print a table with a column for each size."""
    Console().print(table_of(list(_sheets(options))))


def _sheets(options: Options) -> Iterator[Sheet]:
    if options.data_dir or options.database_url:
        with _filled(options) as database:
            yield sheet(database, options.runs)
        return
    with TemporaryDirectory(prefix="tracewhy-bench-", ignore_cleanup_errors=True) as directory:
        url, spread, after = embedded_url(Path(directory)), days_until(this_hour(), _DAYS), 0
        try:
            for size in options.sizes:
                load_with_bar(url, History(traces=size, after=after, spread=spread), _LOADERS)
                after = size
                database = Database(url, statement_timeout_ms=0)
                yield sheet(database, options.runs)
                database.close()
        finally:
            release_embedded(Path(directory))


@contextmanager
def _filled(options: Options) -> Iterator[Database]:
    url = options.database_url or embedded_url(options.data_dir or Path())
    database = Database(url, statement_timeout_ms=0)
    try:
        yield database
    finally:
        database.close()
        if options.data_dir:
            release_embedded(options.data_dir)


def sheet(database: Database, runs: int) -> Sheet:
    """Ask every question some times of a database, after a first time that does not count.

    Args:
        database: filled.
        runs: how often each is asked.

    Raises:
        ValueError: there are no traces.
        StorageError: the database did not answer.
    """
    with database.autocommit() as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    with database.read() as connection:
        newest, size = connection.execute(select(func.max(traces.c.started_at), func.count())).one()
    now = (newest or datetime.now(UTC)) + timedelta(seconds=1)
    asked = tuple(questions(database, now, examples(database, now)))
    timings = {question.name: _timing(question, runs) for question in track(asked, f"asking {size:,} traces")}
    return Sheet(traces=size, timings=timings, asked=asked)


def _timing(question: Question, runs: int) -> Timing:
    taken = []
    for number in range(-1, runs):
        start = time.perf_counter_ns()
        question.ask(max(number, 0))
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return Timing(median_ms=percentile(taken[1:], 0.5), p95_ms=percentile(taken[1:], 0.95))


def table_of(sheets: list[Sheet]) -> Table:
    """The sheets side by side: median and P95 of each question at each size, and what they are held against."""
    table = Table("What (median / P95, ms)", title="Reading")
    for each in sheets:
        table.add_column(f"{each.traces:,} traces", justify="right")
    table.add_column("Target", justify="right")
    table.add_column("Largest by smallest", justify="right")
    for question in sheets[-1].asked:
        timings = [each.timings[question.name] for each in sheets]
        cells = [f"{timing.median_ms:,.1f} / {timing.p95_ms:,.1f}" for timing in timings]
        target = f"{question.target_ms:g}" if question.target_ms else ""
        table.add_row(question.name, *cells, target, _growth(question, timings))
    return table


def _growth(question: Question, timings: list[Timing]) -> str:
    if len(timings) == 1:
        return ""
    growth = timings[-1].median_ms / timings[0].median_ms
    return f"{growth:.1f} x" + (f" ({_STEADY:g} x)" if question.steady else "")
