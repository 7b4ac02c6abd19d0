"""`python -m bench load`: a history of any size, through the real write path, without files.

A history of a million traces takes 8 GB or so. The same numbers give the same traces: a load that was cut short is taken up
again by the same command, and a larger one adds to a smaller one, as long as `--days` and `--until` stay the same.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.otlp_workload import FULL, SHORT, Exchange, Lengths, Spread, make_exchange
from bench.trace_model import span_data
from tracing_core.clock import SystemClock
from tracing_core.cost import CostTracker
from tracing_core.feedback import FeedbackService
from tracing_core.ids import IdSource
from tracing_core.ledger import Ledger
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.sampling import keep_all
from tracing_core.settings import Settings
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded
from tracing_core.storage.migrate import upgrade
from tracing_core.storage.write import TraceTable

BATCH = 200
"""Traces in one transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What to fill in.

    Args:
        traces: how many.
        spread: when they happened; the slots are days.
        after: how many are there already; these are left out.
        lengths: of the texts.
    """

    traces: int
    spread: Spread
    after: int = 0
    lengths: Lengths = FULL

    def numbers(self, day: int) -> list[int]:
        """The numbers of the traces of one day, in the order in which they happened, as a live system stores them."""
        first = self.after + (day - self.after) % self.spread.slots
        return sorted(range(first, self.traces, self.spread.slots), key=self.spread.start_ns)


def days_until(end: datetime, days: int) -> Spread:
    """The spread over whole days of which the last one ends at `end`."""
    return Spread(end_ns=int(end.timestamp()) * 1_000_000_000, slots=days)


def load(
    database_url: str, history: History, *, processes: int = 2, on_progress: Callable[[int], None] = lambda _: None
) -> int:
    """Fill `history` in. Each process writes a day of its own, so that none waits for the day's rollups of another.

    Args:
        database_url: where to; its schema is brought up to date.
        history: what.
        processes: how many write at once.
        on_progress: told how many traces were dealt with since the last time.

    Returns:
        How many were new.

    Raises:
        StorageError: the database refused; what was written before stays.
    """
    database = Database(database_url)
    upgrade(database)
    database.close()
    spawn = multiprocessing.get_context("spawn")
    new = 0
    with spawn.Manager() as manager, ProcessPoolExecutor(processes, spawn) as pool:
        done = manager.Queue()
        days = range(history.spread.slots)
        pending = {pool.submit(_load_day, database_url, history, day, done) for day in days}
        try:
            while pending:
                finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                new += sum(future.result() for future in finished)
                while not done.empty():
                    on_progress(done.get())
        finally:
            pool.shutdown(cancel_futures=True)
    return new


def _load_day(database_url: str, history: History, day: int, done: queue.Queue[int]) -> int:
    database = Database(database_url, pool_size=1)
    try:
        return sum(write(database, history, history.numbers(day), done.put))
    finally:
        database.close()


def write(
    database: Database, history: History, numbers: list[int], on_progress: Callable[[int], None]
) -> Iterator[int]:
    """Write these traces of `history`, a transaction at a time, and then rate those of them that somebody rates.

    Gives how many of each transaction were new.
    """
    preparation = make_preparation()
    table = TraceTable(database, preparation)
    feedback = FeedbackService(database, preparation.projector.rules, SystemClock(), IdSource(), lambda: None)
    for start in range(0, len(numbers), BATCH):
        part = numbers[start : start + BATCH]
        made = [make_exchange(number, history.spread, history.lengths) for number in part]
        fates = table.write([_prepared(preparation, exchange) for exchange in made], Ledger())
        for exchange in made:
            if exchange.rating is not None:
                feedback.submit_feedback(exchange.trace_id, exchange.rating, user_id=exchange.user_id).result()
        yield sum(fate.outcome == "new" for fate in fates.values())
        on_progress(len(part))


def make_preparation() -> Preparation:
    """The rules and prices that are built in; every trace is kept, none gets a file."""
    projector = Projector(rules=QualityRules.of(_SETTINGS), prices=CostTracker(_SETTINGS.prices))
    return Preparation(projector=projector, sampler=keep_all, files=None)


_SETTINGS = Settings(_env_file=None)


def _prepared(preparation: Preparation, exchange: Exchange) -> Prepared:
    prepared = preparation.prepare(preparation.assemble(exchange.trace_id, span_data(exchange)))
    assert prepared is not None, "a trace was sampled out, though all are kept"
    return prepared


def read_options(arguments: list[str]) -> argparse.Namespace:
    """The options of `load`."""
    parser = argparse.ArgumentParser(prog="python3 dev.py bench load", description=__doc__)
    parser.add_argument("--traces", type=int, default=1_000_000, help="how many there are to be (1,000,000)")
    parser.add_argument("--after", type=int, default=0, help="how many of them are there already (0)")
    parser.add_argument("--days", type=int, default=30, help="over how many days (30)")
    parser.add_argument("--until", type=date_time, help="when the last day ends, such as 2026-11-21 (now, to the hour)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="that write at once (one a core)")
    parser.add_argument("--short-texts", action="store_true", help="texts a fifth as long, to save disk")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data-dir", type=Path, help="data directory whose embedded PostgreSQL is filled")
    place.add_argument("--database-url", help="PostgreSQL to fill")
    options = parser.parse_args(arguments)
    for name in ("traces", "days", "processes"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return options


def date_time(written: str) -> datetime:
    """A date, or a date and time, in UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{written} is no time; write 2026-11-21 or 2026-11-21T12:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def this_hour() -> datetime:
    """The start of the next hour, so that a history loaded now ends about now."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def load_with_bar(database_url: str, history: History, processes: int) -> int:
    """The same as `load`, with a bar that says how far it is and how long it will take."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("traces"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("load", total=history.traces - history.after)
        return load(database_url, history, processes=processes, on_progress=lambda count: progress.advance(bar, count))


def main(arguments: list[str]) -> None:
    """Load, and say how quickly."""
    options = read_options(arguments)
    history = History(
        traces=options.traces,
        spread=days_until(options.until or this_hour(), options.days),
        after=options.after,
        lengths=SHORT if options.short_texts else FULL,
    )
    start = time.perf_counter()
    new = load_with_bar(options.database_url or embedded_url(options.data_dir), history, options.processes)
    seconds = time.perf_counter() - start
    print(f"{new:,} new traces in {seconds:,.0f} s, {new / seconds:,.0f} a second")
    if options.data_dir:
        release_embedded(options.data_dir)
