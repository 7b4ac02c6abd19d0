"""The commands that look after what is stored: `retention`, `backfill`, `partitions`."""

from __future__ import annotations

import argparse
from datetime import UTC

from rich.console import Console
from rich.table import Table

from tracing_core.backfill import backfill
from tracing_core.clock import SystemClock
from tracing_core.command_options import add_days, add_project, chosen_days
from tracing_core.partition_days import days_ahead
from tracing_core.retention import Freed, expected, retain
from tracing_core.settings import Settings, read_settings
from tracing_core.storage.retention import make_partitions, partitions
from tracing_core.store import open_store


def add_upkeep_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    retention = commands.add_parser("retention", help="remove traces whose time is up, as the settings say")
    retention.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    retention.set_defaults(run=_retention)
    fill = commands.add_parser("backfill", help="make the rollups anew from the traces that are stored")
    add_days(fill)
    add_project(fill)
    fill.add_argument(
        "--even-if-fewer", action="store_true", help="also hours of which traces were removed; their count is given up"
    )
    fill.set_defaults(run=_backfill)
    parts = commands.add_parser("partitions", help="make the partitions of the next days, and list all")
    parts.set_defaults(run=_partitions)


def _retention(options: argparse.Namespace) -> None:
    settings = read_settings()
    store, clock = open_store(settings), SystemClock()
    freed = expected(store, clock) if options.dry_run else retain(store, clock)
    console = Console(soft_wrap=True, highlight=False)
    if settings.retention_days is None:
        console.print("TRACEWHY_RETENTION_DAYS is not set: traces are kept for ever")
    console.print(_said(freed, settings, "would remove" if options.dry_run else "removed"))
    for line in freed.left:
        console.print(f"left: {line}")


def _said(freed: Freed, settings: Settings, verb: str) -> str:
    files = "files stay as an archive" if settings.keep_files else f"{freed.files:,} files ({_size(freed.file_bytes)})"
    return (
        f"{verb} {freed.traces:,} traces with {freed.spans:,} spans, {freed.partitions} partitions "
        f"({_size(freed.table_bytes)}), {files}, {freed.minutes:,} rollups by the minute: {freed.bytes:,} bytes in all"
    )


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def _backfill(options: argparse.Namespace) -> None:
    since, until = chosen_days(options)
    done = backfill(
        open_store(read_settings()),
        SystemClock(),
        since=since,
        until=until,
        project=options.project,
        even_if_fewer=options.even_if_fewer,
    )
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"the rollups of {done.done} hours were made anew")
    for hour in done.left:
        console.print(
            f"left: {hour.start:%Y-%m-%d %H:%M} of project {hour.project}: it counts traces that were removed"
        )


def _partitions(_options: argparse.Namespace) -> None:
    store = open_store(read_settings())
    make_partitions(store.database, days_ahead(SystemClock().now().astimezone(UTC).date()))
    table = Table("Day", "Table", "Rows, about", "Size")
    for part in partitions(store.database):
        table.add_row(str(part.day), part.table, f"{part.rows:,}", _size(part.size))
    Console().print(table)
