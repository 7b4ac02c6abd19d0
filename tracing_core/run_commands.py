"""The commands about research runs: `show` one, `compare` two, list the `flags` of calibration."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from datetime import UTC, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from tracing_core import run_comparison
from tracing_core.clock import SystemClock
from tracing_core.command_options import add_project
from tracing_core.errors import StorageError, TraceNotFound
from tracing_core.files import files_of
from tracing_core.jsontext import dump
from tracing_core.query.alerts import alerts
from tracing_core.query.document import find_document
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import compare_runs
from tracing_core.query.trace import get_trace
from tracing_core.query.whole_traces import whole_trace
from tracing_core.settings import read_settings
from tracing_core.store import Store, open_store
from tracing_core.summary import compact, summary_of, verbose

_DAYS = 7
_MOST_ALERTS = 10_000


def add_run_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them to a parser."""
    show = commands.add_parser("show", help="show a run in short")
    show.add_argument("trace_id", metavar="TRACE_ID")
    form = show.add_mutually_exclusive_group()
    form.add_argument("--verbose", action="store_true", help="with each principle and each stage")
    form.add_argument("--json", action="store_true", help="all of it, as its file has it")
    compare = commands.add_parser("compare", help="show two runs side by side, and where they decided differently")
    compare.add_argument("a", metavar="A", help="the id of a run")
    compare.add_argument("b", metavar="B", help="the id of another one")
    flags = commands.add_parser("flags", help="list what calibration saw: patterns, and the runs that showed them")
    flags.add_argument("--days", type=_days, default=_DAYS, metavar="N", help=f"of the last N days, {_DAYS} by default")
    add_project(flags)
    show.set_defaults(run=_show)
    compare.set_defaults(run=_compare)
    flags.set_defaults(run=_flags)


def _days(given: str) -> int:
    if not (given.isdecimal() and 1 <= int(given) <= 100_000):
        raise argparse.ArgumentTypeError(f"is {given}; give a number of days from 1 on")
    return int(given)


def _show(options: argparse.Namespace) -> None:
    with closing(open_store(read_settings())) as store:
        if options.json:
            _print_document(store, options.trace_id)
            return
        row = get_trace(store.database, options.trace_id)
        if row is None:
            raise _not_there(options.trace_id)
        trace = whole_trace(store.database, options.trace_id)
    fields = {name: getattr(row, name) for name in row.__dataclass_fields__}
    summary = summary_of(() if trace is None else trace.spans, fields)
    _console().print((verbose if options.verbose else compact)(summary))
    if trace is None:
        _console().print("its stages are not stored any more")
    if row.flagged_for_review:
        _console().print("flagged for review; `python -m tracing_core flags` says why")


def _print_document(store: Store, trace_id: str) -> None:
    found = find_document(store.database, trace_id, files_of(store.settings))
    if found is None:
        raise _not_there(trace_id)
    if found.document is None:
        raise StorageError(f"what trace {trace_id} held is not stored any more; `show {trace_id}` says what is known")
    sys.stdout.write(dump(found.document, indent=True).decode() + "\n")


def _compare(options: argparse.Namespace) -> None:
    with closing(open_store(read_settings())) as store:
        found = compare_runs(store.database, options.a, options.b)
        if found is None:
            missing = [each for each in (options.a, options.b) if get_trace(store.database, each) is None]
            raise _not_there(" and ".join(missing or [options.a, options.b]))
        a, b = (whole_trace(store.database, each) for each in (options.a, options.b))
    console = _console()
    console.print(run_comparison.measures(found))
    for line in run_comparison.gaps(found):
        console.print(line)
    if a is None or b is None:
        console.print("stages and decisions of at least one of them are not stored any more")
        return
    console.print(run_comparison.stages(a, b))
    different = run_comparison.differences(a, b)
    console.print(run_comparison.decisions(different) if different else "both made the same decisions")


def _flags(options: argparse.Namespace) -> None:
    since = SystemClock().now() - timedelta(days=options.days - 1)
    with closing(open_store(read_settings())) as store:
        found = alerts(store.database, TraceFilter(start=since, project=options.project), _MOST_ALERTS)
    console = _console()
    if not found:
        console.print(f"calibration saw nothing since {since.astimezone(UTC):%Y-%m-%d}")
        return
    table = Table(*(Column(title, overflow="fold") for title in ("Day", "Project", "What was seen", "Trace")))
    for alert in found:
        table.add_row(str(alert.day), *(escape(each) for each in (alert.project, alert.message, alert.trace_id)))
    console.print(table)


def _not_there(trace_id: str) -> TraceNotFound:
    return TraceNotFound(
        f"there is no trace {trace_id} in this database; check the id, and DATABASE_URL and TRACEWHY_DATA_DIR"
    )


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)
