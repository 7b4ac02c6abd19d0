"""The command `doctor`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracing_core.clock import SystemClock
from tracing_core.doctor import Examination, examine
from tracing_core.ids import IdSource
from tracing_core.settings import read_settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def add_doctor_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to a parser."""
    doctor = commands.add_parser(
        "doctor", help="look at everything between a sender and the pages; 1 when something fails"
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--send", action="store_true", help="send a trace through the receiver and read it back")
    doctor.set_defaults(run=_doctor)


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
