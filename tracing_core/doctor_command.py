"""The commands that say how things are: `doctor`, `dead-letters`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracing_core.clock import SystemClock
from tracing_core.dead_letters import REPLAY, dead_letters, give_back, reasons
from tracing_core.doctor import Examination, examine
from tracing_core.errors import StorageError
from tracing_core.ids import IdSource
from tracing_core.settings import read_settings
from tracing_core.spool import Spool
from tracing_core.store import open_store

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_FLUSH_SECONDS = 60.0


def add_doctor_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    doctor = commands.add_parser(
        "doctor", help="look at everything between a sender and the pages; 1 when something fails"
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--send", action="store_true", help="send a trace through the receiver and read it back")
    doctor.set_defaults(run=_doctor)
    dead = commands.add_parser("dead-letters", help="say which traces the database refused, and why")
    dead.add_argument("--replay", action="store_true", help="give them to the database once more")
    dead.set_defaults(run=_dead_letters)


def _doctor(options: argparse.Namespace) -> None:
    found = examine(read_settings(), SystemClock(), IdSource(), send=options.send)
    if options.json:
        checks = [asdict(check) for check in found.checks]
        sys.stdout.write(json.dumps({"failed": found.failed, "checks": checks}, indent=2) + "\n")
    else:
        _print(found)
    if found.failed:
        sys.exit(1)


def _print(found: Examination) -> None:
    table = Table.grid(padding=(0, 2))
    for check in found.checks:
        said = Text(check.said)
        if check.fix:
            said.append(f"\n→ {check.fix}", style="dim")
        table.add_row(Text(check.state, style=_COLOURS[check.state]), Text(check.about, style="bold"), said)
    console = Console(highlight=False)
    console.print(table)
    states = [check.state for check in found.checks]
    console.print(f"{states.count('ok')} well, {states.count('warn')} to look at, {states.count('fail')} failing")


def _dead_letters(options: argparse.Namespace) -> None:
    settings, console = read_settings(), Console(highlight=False, soft_wrap=True)
    spool = Spool(settings.data_dir / "spool", SystemClock(), IdSource(), settings.spool_bytes)
    found = dead_letters(spool, sys.maxsize)
    table = Table("Traces", "Newest", "One of them", "Reason", title="Traces that the database refused")
    for reason in reasons(found):
        table.add_row(f"{reason.count:,}", _moment(reason.newest), reason.example, Text(reason.reason))
    console.print(table if found else "the database refused no trace")
    if not options.replay:
        if found:
            console.print(f"to give them to it once more: {REPLAY}")
        return
    store = open_store(settings)
    try:
        given = give_back(spool, store.database, found)
    except OSError as error:
        raise StorageError(f"the spool cannot be written: {error}; make room and try again") from error
    store.writer.replay()
    store.writer.flush(_FLUSH_SECONDS)
    store.close()
    console.print(
        f"{given:,} given back: {spool.waiting_count():,} wait for the database, {spool.dead_count():,} refused (again)"
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
