"""The commands that look after the spool: what waits and what is dead, shown, tried again, given up."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from tracing_core.clock import SystemClock
from tracing_core.delivery import Delivery, Settle
from tracing_core.errors import InvalidInput, StorageError
from tracing_core.ids import IdSource
from tracing_core.jsontext import dump
from tracing_core.model import TraceData
from tracing_core.otlp.export import Exporter
from tracing_core.partition_days import partition_days
from tracing_core.preparing import Prepared
from tracing_core.replaying import Letters, read_letter
from tracing_core.reviewing import Reviewer
from tracing_core.settings import Settings, read_settings
from tracing_core.sink import Receipt
from tracing_core.spool import Spool, count_in
from tracing_core.storage.write import TraceTable
from tracing_core.store import open_store, preparation_of

_MOST_WAITING = 500
_SECONDS_TO_EXPORT = _SECONDS_TO_TELL = 60.0
_LISTED = 100
"""Dead letters, and batches, that are listed at most; the others are counted."""


def add_spool_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    spool = commands.add_parser("spool", help="list the traces that wait on disk, and those that could not be stored")
    spool.set_defaults(run=_list)
    verbs = spool.add_subparsers(metavar="VERB")
    show = verbs.add_parser("show", help="show a batch or a dead letter")
    show.add_argument("id", metavar="ID", help="as listed, or the id of a trace")
    show.set_defaults(run=_show)
    again = verbs.add_parser("replay", help="try again to store a batch or a dead letter")
    again.add_argument("id", metavar="ID", nargs="?", help="as listed, or the id of a trace")
    again.add_argument("--all", action="store_true", help="everything")
    again.set_defaults(run=_replay)
    drop = verbs.add_parser("drop", help="give a batch or a dead letter up for good")
    drop.add_argument("id", metavar="ID", help="as listed, or the id of a trace")
    drop.add_argument("--yes", action="store_true", help="really")
    drop.set_defaults(run=_drop)


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)


def _spool(settings: Settings) -> Spool:
    return Spool(settings.data_dir / "spool", SystemClock(), IdSource(), settings.spool_bytes)


def _list(_options: argparse.Namespace) -> None:
    settings = read_settings()
    spool, now, console = _spool(settings), SystemClock().now(), _console()
    batches, letters = spool.waiting(), spool.dead()
    console.print(
        f"{spool.waiting_count()} traces wait in {len(batches)} batches, {len(letters)} are dead; "
        f"{spool.size():,} of {settings.spool_bytes:,} bytes"
    )
    if batches:
        table = Table("Batch", "Age", "Traces", "Bytes", title="Waiting for the database", title_justify="left")
        for path in batches[:_LISTED]:
            table.add_row(path.stem, _age(path, now), str(count_in(path)), f"{path.stat().st_size:,}")
        console.print(table)
    if letters:
        columns = (Column("Dead letter", no_wrap=True), "Age", Column("Reason", overflow="fold"))
        table = Table(*columns, title="Could not be stored", title_justify="left")
        for path in letters[:_LISTED]:
            table.add_row(path.stem, *_age_and_reason(path, now))
        console.print(table)
    if more := max(len(batches) - _LISTED, 0) + max(len(letters) - _LISTED, 0):
        console.print(f"and {more} more")


def _age_and_reason(path: Path, now: datetime) -> tuple[str, str]:
    try:
        letter = read_letter(path)
    except (InvalidInput, OSError) as error:
        return "–", str(error)
    return _since(letter.buried_at, now), letter.reason


def _age(path: Path, now: datetime) -> str:
    return _since(datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo), now)


def _since(moment: datetime, now: datetime) -> str:
    return str(timedelta(seconds=max(0, round((now - moment).total_seconds()))))


def _chosen(spool: Spool, given: str) -> list[Path]:
    """The batch or letter of this id, or all letters of a trace.

    Raises:
        InvalidInput: there is none.
    """
    files = [*spool.waiting(), *spool.dead()]
    found = [path for path in files if path.stem == given] or [p for p in files if p.stem.rpartition("_")[0] == given]
    if not found:
        raise InvalidInput("ID", f"there is no batch or dead letter {given}; the command spool lists them")
    return found


def _is_batch(path: Path) -> bool:
    return path.suffix == ".jsonl"


def _show(options: argparse.Namespace) -> None:
    spool, console = _spool(read_settings()), _console()
    for path in _chosen(spool, options.id):
        if not _is_batch(path):
            letter = read_letter(path)
            console.print(f"{path.stem}: {letter.reason}")
            console.print(letter.line if letter.document is None else dump(letter.document, indent=True).decode())
            continue
        for found in spool.read(path):
            if (data := found.trace) is None:
                console.print(f"unreadable: {found.reason}")
            else:
                said = f"{data.project}, {data.status}, {data.started_at.isoformat()}, {len(data.spans)} spans"
                console.print(f"{data.trace_id}: {said}")


def _replay(options: argparse.Namespace) -> None:
    if bool(options.id) == options.all:
        raise InvalidInput("ID", "give the id of a batch or a dead letter, or --all")
    with _working(read_settings()) as (spool, delivery, letters):
        files = [*spool.waiting(), *spool.dead()] if options.all else _chosen(spool, options.id)
        batches = [path for path in files if _is_batch(path)]
        delivery.replay(batches)
        delivery.settle_ledger()
        if delivery.problem is not None:
            raise StorageError(delivery.problem)
        left = [path.stem for path in batches if path.exists()]
        console = _console()
        console.print(f"{len(batches) - len(left)} of {len(batches)} batches are dealt with{_names(left)}")
        _each([path for path in files if not _is_batch(path)], letters.replay, "stored")


def _names(left: list[str]) -> str:
    return f"; left: {', '.join(left[:_LISTED])}" if left else ""


def _each(files: list[Path], action: Callable[[Path], str | None], done: str) -> None:
    """Do something with each file, and say which could not be dealt with.

    Raises:
        InvalidInput: one or more could not.
    """
    console, failed = _console(), 0
    for path in files:
        if (obstacle := action(path)) is not None:
            failed += 1
            console.print(f"{path.stem}: {obstacle}")
    console.print(f"{len(files) - failed} of {len(files)} {done}")
    if failed:
        raise InvalidInput("spool", f"{failed} could not be {done}; they are kept")


def _drop(options: argparse.Namespace) -> None:
    settings = read_settings()
    files = _chosen(_spool(settings), options.id)
    if not options.yes:
        names = ", ".join(path.stem for path in files)
        raise InvalidInput("drop", f"gives up {names} for good; add --yes")
    with _working(settings) as (_, _, letters):
        _each(files, lambda path: (letters.drop_batch if _is_batch(path) else letters.drop)(path), "dropped")


def _sent_on(exporter: Exporter | None) -> Callable[[TraceData], None]:
    """Sends on what was stored, where the settings say so; never more at once than may wait."""

    def stored(data: TraceData) -> None:
        if exporter is not None:
            if exporter.waiting >= _MOST_WAITING:
                exporter.flush(_SECONDS_TO_EXPORT)
            exporter.submit(data)

    return stored


def _looked_through(reviewer: Reviewer) -> Settle:
    """Has each run looked through for patterns and summed up, as the writer does; never more at once than may wait."""
    told = count(1)

    def settle(prepared: Prepared, receipt: Receipt, outcome: dict[str, Any]) -> None:
        if next(told) % _MOST_WAITING == 0:
            reviewer.flush(_SECONDS_TO_TELL)
        reviewer.settle(prepared, receipt, outcome)

    return settle


@contextmanager
def _working(settings: Settings) -> Iterator[tuple[Spool, Delivery, Letters]]:
    """The spool, and the way from there into the database."""
    store, clock, spool = open_store(settings), SystemClock(), _spool(settings)
    preparation, days = preparation_of(settings, clock), partition_days(clock, settings.retention_days)
    as_judged = replace(preparation, judging=False)
    stored, settle = _sent_on(store.exporter), _looked_through(store.reviewer)
    table, as_it_was = TraceTable(store.database, preparation, days), TraceTable(store.database, as_judged, days)
    try:
        yield (
            spool,
            Delivery(table, spool, clock, preparation, stored=stored, settle=settle),
            Letters(spool, as_it_was, as_judged, stored=stored, settle=settle),
        )
        store.reviewer.flush(_SECONDS_TO_TELL)
        if store.exporter is not None:
            store.exporter.flush(_SECONDS_TO_EXPORT)
    finally:
        store.close()
